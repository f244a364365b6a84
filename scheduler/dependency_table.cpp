#include "scheduler/dependency_table.h"

#include <algorithm>

#include "shared/guard.h"
#include "shared/result.h"

namespace windlass::scheduler {

bool meets(JobState ended, DependencyCondition condition) {
    switch (condition) {
        case DependencyCondition::ok:
            return !WINDLASS_GUARD(dependency_condition) || ended == JobState::succeeded;
        case DependencyCondition::any:
            return true;
        case DependencyCondition::failed:
            return ended != JobState::succeeded;
    }
    return false;
}

std::string unmeetable(JobId waited_for, std::optional<JobState> ended, DependencyCondition condition) {
    const std::string job = "job " + waited_for.text();
    if (!ended) return job + ", which this job was to wait for, is not known";
    return job + " ended " + std::string(name(*ended)) + ", and this job was to run only " +
           (condition == DependencyCondition::ok ? "after it succeeds" : "if it does not succeed");
}

void DependencyTable::add(JobId job, std::vector<Wait> waits) {
    WINDLASS_CHECK(!waits.empty(), "a job is to wait for nothing");
    std::sort(waits.begin(), waits.end());
    waits.erase(std::unique(waits.begin(), waits.end()), waits.end());
    for (const Wait& wait : waits) dependants_[wait.job].insert(job);
    WINDLASS_CHECK(waits_.emplace(job, std::move(waits)).second, "a job that waits for others is to wait once more");
}

void DependencyTable::remove(JobId job) {
    const auto found = waits_.find(job);
    if (found == waits_.end()) return;
    for (const Wait& wait : found->second) {
        const auto others = dependants_.find(wait.job);
        if (others == dependants_.end()) continue;  // the same job twice, with two conditions
        others->second.erase(job);
        if (others->second.empty()) dependants_.erase(others);
    }
    waits_.erase(found);
}

std::vector<JobId> DependencyTable::waiting_for(JobId ended) const {
    const auto found = dependants_.find(ended);
    if (found == dependants_.end()) return {};
    return {found->second.begin(), found->second.end()};
}

std::vector<JobId> DependencyTable::waited_for_between(JobId first, JobId last) const {
    std::vector<JobId> jobs;
    for (auto at = dependants_.lower_bound(first); at != dependants_.end() && at->first <= last; ++at)
        jobs.push_back(at->first);
    return jobs;
}

std::optional<DependencyCondition> DependencyTable::settle(JobId job, JobId ended, JobState state) {
    std::vector<Wait>& waits = waits_.at(job);
    for (const Wait& wait : waits)
        if (wait.job == ended && !meets(state, wait.condition)) return wait.condition;
    std::erase_if(waits, [ended](const Wait& wait) { return wait.job == ended; });
    const auto others = dependants_.find(ended);
    others->second.erase(job);
    if (others->second.empty()) dependants_.erase(others);
    return std::nullopt;
}

const std::vector<DependencyTable::Wait>& DependencyTable::waits_of(JobId job) const {
    static const std::vector<Wait> none;
    const auto found = waits_.find(job);
    return found == waits_.end() ? none : found->second;
}

bool DependencyTable::consistent() const {
    std::map<JobId, std::set<JobId>> dependants;
    for (const auto& [job, waits] : waits_)
        for (const Wait& wait : waits) dependants[wait.job].insert(job);
    return dependants == dependants_;
}

}  // namespace windlass::scheduler
