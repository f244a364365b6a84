// What must always hold between two events. The tests call it after every step, so that each of them is many.
#include <map>

#include "scheduler/queue.h"

namespace windlass::scheduler {

// Of one job: what is wrong with it, or nothing.
const char* Queue::wrong_with(JobId id, const Job& job) const {
    const Lease* lease = leases_.find(id);
    if (is_final(job.state)) return "it has ended and was not forgotten";
    if (id >= next_id_) return "its id will be given out again";
    if (job.event_seq < 1) return "it has no event";
    if (job.failures >= job.max_attempts) return "it goes on though no attempt is left";
    if (job.losses >= settings_.crash_limit) return "it goes on beyond the crash limit";
    if ((lease != nullptr) != is_leased(job.state)) return "its state and its lease disagree";
    if (waiting_.contains(job.user, job.kind, job.priority, id) != (job.state == JobState::queued))
        return "its state and its place among the waiting disagree";
    if (job.cancel_requested && !is_leased(job.state)) return "it waits though it is to be cancelled";
    if (job.state == JobState::running && job.started == Job::never) return "it runs and never started";
    if (lease == nullptr) return nullptr;
    if (!lease->worker || lease->attempt < 1 || lease->attempt != job.attempt)
        return "its lease is not of its current attempt";
    const Worker* worker = workers_.find(lease->worker);
    return worker != nullptr && worker->holds(id) ? nullptr : "its lease is at a worker that does not count it";
}

bool Queue::check_invariants(std::string* why) const {
    std::string ignored;
    std::string& reason = why != nullptr ? *why : ignored;
    reason.clear();
    const auto wrong = [&](const std::string& what) {
        reason = what;
        return false;
    };

    std::map<JobState, std::size_t> states;
    std::map<UserIndex, std::size_t> queued_of;
    std::map<UserIndex, std::size_t> leased_of;
    std::map<WorkerId, std::size_t> leased_at;
    jobs_.visit_unordered([&](JobId id, const Job& job) {
        const Lease* lease = leases_.find(id);
        ++states[job.state];
        if (job.state == JobState::queued) ++queued_of[job.user];
        if (lease != nullptr) {
            ++leased_of[job.user];
            ++leased_at[lease->worker];
        }
        if (const char* broken_rule = wrong_with(id, job)) reason = "job " + id.text() + ": " + broken_rule;
    });
    if (!reason.empty()) return false;

    for (const JobState state : all_job_states)
        if (jobs_.count(state) != states[state])
            return wrong("the count of jobs " + std::string(name(state)) + " is wrong");
    if (waiting_.size() != states[JobState::queued]) return wrong("the waiting are not exactly the queued jobs");
    if (leases_.size() != states[JobState::starting] + states[JobState::running])
        return wrong("a lease belongs to no leased job");
    for (const auto& [id, worker] : workers_.unordered())
        if (worker.leases().size() != leased_at[id])
            return wrong("worker " + id.text() + " counts a lease that is none");
    for (UserIndex user = 0; user < fair_.users(); ++user) {
        const std::string who = "user " + fair_.id_of(user).text() + ": ";
        if (waiting_.size(user) != queued_of[user]) return wrong(who + "the count of queued jobs is wrong");
        if (fair_.in_line(user) != (queued_of[user] > 0))
            return wrong(who + "is in line exactly with queued jobs, and is not");
        if (fair_.leases(user) != leased_of[user]) return wrong(who + "the count of leases is wrong");
    }
    return workers_.check_invariants(&reason);
}

}  // namespace windlass::scheduler
