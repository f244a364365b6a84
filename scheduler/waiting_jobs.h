// The queued jobs, in the order in which their user wants them: priority first, then age. One lane per user and kind of
// need, so that a lane whose kind fits nowhere is passed over in one step, however long it is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/need_table.h"
#include "shared/ids.h"
#include "shared/job.h"

namespace windlass::scheduler {

using UserIndex = std::uint32_t;

class WaitingJobs {
  public:
    struct Candidate {
        JobId job;
        KindIndex kind = 0;
    };

    // At most so many of a user's lanes are looked at for one decision. A user with more kinds of jobs than this at the
    // front, none of which fits, delays only his own.
    static constexpr int max_lanes = 16;

    void insert(UserIndex user, KindIndex kind, std::int16_t priority, JobId job);
    void erase(UserIndex user, KindIndex kind, std::int16_t priority, JobId job);
    bool contains(UserIndex user, KindIndex kind, std::int16_t priority, JobId job) const;

    std::size_t size() const { return size_; }
    std::size_t size(UserIndex user) const { return user < users_.size() ? users_[user].size : 0; }

    // The first of the user's jobs whose kind passes `fits`.
    template <class Fits>
    std::optional<Candidate> first(UserIndex user, Fits fits) const {
        if (user >= users_.size()) return std::nullopt;
        int looked_at = 0;
        for (const auto& [place, kind] : users_[user].heads) {
            if (fits(kind)) return Candidate{job_of(place), kind};
            if (++looked_at == max_lanes) break;
        }
        return std::nullopt;
    }

    // How many of the user's jobs come before this one. Counts no further than `limit`.
    std::size_t ahead_of(UserIndex user, std::int16_t priority, JobId job, std::size_t limit) const;

  private:
    // Priority and id in one word that sorts as the user wants: higher priority first, then the lower id. An id is
    // below 2^53 (shared/ids.h), the 201 priorities take the 8 bits above.
    using Place = std::int64_t;
    static constexpr int id_bits = 53;
    static Place place_of(std::int16_t priority, JobId job) {
        return (static_cast<std::int64_t>(max_priority - priority) << id_bits) | job.value;
    }
    static JobId job_of(Place place) { return JobId{place & ((std::int64_t{1} << id_bits) - 1)}; }

    struct User {
        std::map<KindIndex, std::set<Place>> lanes;   // none of them empty
        std::set<std::pair<Place, KindIndex>> heads;  // the first of every lane
        std::size_t size = 0;
    };

    std::vector<User> users_;
    std::size_t size_ = 0;
};

}  // namespace windlass::scheduler
