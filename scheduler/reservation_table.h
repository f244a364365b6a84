// Workers that are kept free for a job which found no room for a long time. At most one per kind of need.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "scheduler/need_table.h"
#include "scheduler/shares.h"
#include "shared/ids.h"

namespace windlass::scheduler {

struct Reservation {
    JobId job;  // as it stands among the waiting: a member of an array that starts next has no row yet
    KindIndex kind = 0;
    ShareIndex share = 0;
    WorkerId worker;
};

class ReservationTable {
  public:
    // Whoever looks through all of them looks through no more.
    static constexpr std::size_t most = 32;

    bool has_kind(KindIndex kind) const { return by_kind_.contains(kind); }
    bool is_full() const { return by_kind_.size() >= most; }
    bool empty() const { return by_kind_.empty(); }
    std::size_t size() const { return by_kind_.size(); }
    void add(const Reservation& reservation) { by_kind_.emplace(reservation.kind, reservation); }
    void remove(KindIndex kind) { by_kind_.erase(kind); }

    template <class Matches>
    std::optional<Reservation> find_if(Matches matches) const {
        for (const auto& [kind, reservation] : by_kind_)
            if (matches(reservation)) return reservation;
        return std::nullopt;
    }
    std::optional<Reservation> of_job(JobId job) const {
        return find_if([job](const Reservation& each) { return each.job == job; });
    }
    std::optional<Reservation> of_worker(WorkerId worker) const {
        return find_if([worker](const Reservation& each) { return each.worker == worker; });
    }
    std::optional<Reservation> of_share(ShareIndex share) const {
        return find_if([share](const Reservation& each) { return each.share == share; });
    }

  private:
    std::map<KindIndex, Reservation> by_kind_;
};

}  // namespace windlass::scheduler
