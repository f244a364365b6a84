// What really happened on the nodes, written down by the simulated processes themselves, whatever anybody else
// believes.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "scheduler/store.h"
#include "tests/simulation/violation.h"

namespace windlass::simulation {

class Truth {
  public:
    // A process of the attempt executes. Two attempts of one job never do so at the same time.
    void executes(windlass::AttemptRef attempt) {
        const auto [other, alone] = executing_.try_emplace(attempt.job, attempt.attempt);
        require(alone, "attempts " + std::to_string(other->second) + " and " + std::to_string(attempt.attempt) +
                           " of job " + attempt.job.text() + " run at the same time");
    }
    void stops(windlass::AttemptRef attempt) {
        const auto found = executing_.find(attempt.job);
        if (found != executing_.end() && found->second == attempt.attempt) executing_.erase(found);
    }

    // An attempt is started at most once, ever.
    void begins(windlass::AttemptRef attempt) {
        require(begun_.insert(attempt).second, "attempt " + attempt.text() + " was started twice");
        executes(attempt);
    }
    // The scheduler gives it to nobody else before then.
    void leased(windlass::AttemptRef attempt, SteadyTime until) {
        SteadyTime& end = lease_ends_[attempt];
        end = std::max(end, until);
    }
    // A worker that hears nothing more from now on stops it at `stops_at`.
    void judge_lease(windlass::AttemptRef attempt, SteadyTime stops_at) const {
        const auto end = lease_ends_.find(attempt);
        require(end != lease_ends_.end() && stops_at <= end->second,
                "attempt " + attempt.text() + " begins, and may run on when its lease is over");
    }
    void ended(const scheduler::AttemptFinished& how) { ends_[how.attempt] = how; }

    // A result is accepted only if the attempt really ended so.
    void judge(const scheduler::ResultRecord& accepted) const {
        const auto end = ends_.find(accepted.attempt);
        require(end != ends_.end(), "a result of attempt " + accepted.attempt.text() + " was accepted before it ended");
        require(end->second.worker == accepted.worker && end->second.outcome == accepted.result.outcome.kind &&
                    end->second.exit_code == accepted.result.outcome.exit_code,
                "the result accepted for attempt " + accepted.attempt.text() + " is not its result");
    }
    std::size_t attempts_begun() const { return begun_.size(); }
    std::size_t executing() const { return executing_.size(); }

  private:
    std::map<JobId, AttemptNumber> executing_;
    std::set<windlass::AttemptRef> begun_;
    std::map<windlass::AttemptRef, scheduler::AttemptFinished> ends_;
    std::map<windlass::AttemptRef, SteadyTime> lease_ends_;
};

}  // namespace windlass::simulation
