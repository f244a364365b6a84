// Moments at which something is due for a job: the end of a pause, a time before which it is not to start, a deadline.
// One per job and table.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "shared/ids.h"

namespace windlass::scheduler {

template <class Time>
class JobMoments {
  public:
    // Replaces the one there was.
    void set(JobId job, Time at) {
        erase(job);
        of_job_.emplace(job, at);
        in_order_.emplace(at, job);
    }
    // Whether there was one.
    bool erase(JobId job) {
        const auto found = of_job_.find(job);
        if (found == of_job_.end()) return false;
        in_order_.erase({found->second, job});
        of_job_.erase(found);
        return true;
    }
    std::optional<Time> find(JobId job) const {
        const auto found = of_job_.find(job);
        return found == of_job_.end() ? std::nullopt : std::optional(found->second);
    }
    std::optional<Time> earliest() const {
        if (in_order_.empty()) return std::nullopt;
        return in_order_.begin()->first;
    }
    // Any job whose moment is not after `now`; the earliest first.
    std::optional<JobId> due(Time now) const {
        if (in_order_.empty() || in_order_.begin()->first > now) return std::nullopt;
        return in_order_.begin()->second;
    }
    std::size_t size() const { return of_job_.size(); }
    bool consistent() const {
        if (of_job_.size() != in_order_.size()) return false;
        for (const auto& [at, job] : in_order_)
            if (find(job) != at) return false;
        return true;
    }

  private:
    std::unordered_map<JobId, Time> of_job_;
    std::set<std::pair<Time, JobId>> in_order_;
};

}  // namespace windlass::scheduler
