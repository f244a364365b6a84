// What blocked jobs wait for.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

// Whether a job that ended so meets the condition.
bool meets(JobState ended, DependencyCondition condition);
// Why a job can never run, for people. `ended`: nullopt when the job waited for never was, or is forgotten.
std::string unmeetable(JobId waited_for, std::optional<JobState> ended, DependencyCondition condition);

class DependencyTable {
  public:
    struct Wait {
        JobId job;  // what it waits for
        DependencyCondition condition = DependencyCondition::ok;
        auto operator<=>(const Wait&) const = default;
    };

    // `job` waits for all of these, at least one; none of them has ended.
    void add(JobId job, std::vector<Wait> waits);
    // It does not wait any more: it was released, or it ended.
    void remove(JobId job);

    // The jobs that wait for `ended`, by id.
    std::vector<JobId> waiting_for(JobId ended) const;
    // Jobs in [first, last] that others wait for, by id. For members of arrays, which may end many at once.
    std::vector<JobId> waited_for_between(JobId first, JobId last) const;
    bool anybody_waits() const { return !dependants_.empty(); }

    // Of the waits of `job` for `ended`: takes out what is met. The condition of one that is not: it never will be.
    std::optional<DependencyCondition> settle(JobId job, JobId ended, JobState state);

    // What it still waits for, by id. Empty: nothing, or it does not wait.
    const std::vector<Wait>& waits_of(JobId job) const;
    std::size_t size() const { return waits_.size(); }
    bool consistent() const;

  private:
    std::unordered_map<JobId, std::vector<Wait>> waits_;  // sorted
    std::map<JobId, std::set<JobId>> dependants_;         // none of them empty
};

}  // namespace windlass::scheduler
