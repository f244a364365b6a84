// The queued jobs whose time has come, in the order in which their user wants them: priority first, then age. One lane
// per share (user in a queue) and kind of need, so that a lane whose kind fits nowhere is passed over in one step,
// however long it is. An array stands here with one entry, under the id of the member that starts next.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "scheduler/need_table.h"
#include "scheduler/shares.h"
#include "shared/guard.h"
#include "shared/ids.h"
#include "shared/job.h"

namespace windlass::scheduler {

class WaitingJobs {
  public:
    struct Candidate {
        JobId job;
        KindIndex kind = 0;
    };

    // At most so many of a share's lanes are looked at for one decision. A share with more kinds of jobs than this at
    // the front, none of which fits, delays only its own.
    static constexpr int max_lanes = 16;

    void insert(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job);
    void erase(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job);
    bool contains(ShareIndex share, KindIndex kind, std::int16_t priority, JobId job) const;

    std::size_t size() const { return size_; }
    std::size_t size(ShareIndex share) const { return share < shares_.size() ? shares_[share].size : 0; }

    // The first of the share's jobs, and the first whose kind passes `fits`.
    std::optional<Candidate> first(ShareIndex share) const {
        return first(share, [](KindIndex) { return true; });
    }
    template <class Fits>
    std::optional<Candidate> first(ShareIndex share, Fits fits) const {
        if (share >= shares_.size()) return std::nullopt;
        int looked_at = 0;
        for (const auto& [place, kind] : shares_[share].heads) {
            if (fits(kind)) return Candidate{job_of(place), kind};
            if (++looked_at == max_lanes) break;
        }
        return std::nullopt;
    }

    // How many of the share's jobs come before this one, an entry counting for as many as `jobs_behind(entry)` says.
    // Counts no further than `limit`.
    template <class JobsBehind>
    std::size_t ahead_of(ShareIndex share, std::int16_t priority, JobId job, std::size_t limit,
                         JobsBehind jobs_behind) const {
        std::size_t count = 0;
        if (share >= shares_.size()) return count;
        const Place place = place_of(priority, job);
        for (const auto& [head, kind] : shares_[share].heads) {
            if (head >= place) break;
            for (const Place other : shares_[share].lanes.at(kind)) {
                if (other >= place) break;
                count += jobs_behind(job_of(other));
                if (count >= limit) return limit;
            }
        }
        return count;
    }

  private:
    // Priority and id in one word that sorts as the user wants: higher priority first, then the lower id. An id is
    // below 2^53 (shared/ids.h), the 201 priorities take the 8 bits above.
    using Place = std::int64_t;
    static constexpr int id_bits = 53;
    static Place place_of(std::int16_t priority, JobId job) {
        if (!WINDLASS_GUARD(priority)) priority = 0;
        return (static_cast<std::int64_t>(max_priority - priority) << id_bits) | job.value;
    }
    static JobId job_of(Place place) { return JobId{place & ((std::int64_t{1} << id_bits) - 1)}; }

    struct Share {
        std::map<KindIndex, std::set<Place>> lanes;   // none of them empty
        std::set<std::pair<Place, KindIndex>> heads;  // the first of every lane
        std::size_t size = 0;
    };

    std::vector<Share> shares_;
    std::size_t size_ = 0;
};

}  // namespace windlass::scheduler
