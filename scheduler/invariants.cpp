// What must always hold between two events. The tests call it after every step, so that each of them is many.
#include <map>
#include <set>

#include "scheduler/queue.h"

namespace windlass::scheduler {

// Of a job that waits: how it stands in line.
const char* Queue::wrong_with_waiting(JobId id, const Job& job) const {
    const bool pauses = backing_off_.find(id).has_value();
    const bool awaits = not_before_.find(id).has_value();
    const bool blocked = job.state == JobState::blocked;
    const JobRules* rules = rules_of(id, job);
    if (blocked == dependencies_.waits_of(id).empty() && !job.is_member)
        return "it is blocked exactly while it waits for others, and is not";
    if (blocked && (pauses || awaits || job.in_line)) return "it is blocked and stands in line";
    if (pauses && awaits) return "its time comes twice";
    const bool has_something = weight_of(id, job) > 0;
    if (!blocked && has_something && (job.in_line ? 1 : 0) + (pauses ? 1 : 0) + (awaits ? 1 : 0) != 1)
        return "it is queued, and neither in line nor waiting for its time, or both";
    if (!has_something && (job.in_line || awaits)) return "an array without members to start stands in line";
    if (job.in_line && !waiting_.contains(job.share, job.kind, job.priority, entry_of(id, job)))
        return "it is in line and not among the waiting";
    if (rules != nullptr && rules->deadline != deadlines_.find(id) && has_something)
        return "its deadline would be missed";
    return nullptr;
}

const char* Queue::wrong_with_array(JobId id, const Job& job) const {
    const Array* array = arrays_.find(id);
    if ((array != nullptr) != job.is_array) return "it is an array exactly when it has members, and is not";
    if (array == nullptr) return nullptr;
    const auto live = static_cast<std::int64_t>(array->live.size());
    if (is_leased(job.state)) return "it is an array and leased";
    if (array->ended() + live + array->unstarted() != array->row.count) return "its members are not as many as it has";
    if (array->complete()) return "all its members have ended and it goes on";
    if (array->unstarted() < 0) return "more members started than it has";
    if (array->too_many_failures() && array->unstarted() > 0) return "too many members failed and others would start";
    for (const std::int64_t hole : array->holes)
        if (hole <= array->row.next_member || hole >= array->row.count) return "a hole is where none can be";
    for (const JobId member : array->live) {
        const Job* of = jobs_.find(member);
        if (of == nullptr || !of->is_member || arrays_.array_of(member) != id) return "a member of it is none";
        if (of->share != job.share || of->kind != job.kind || of->priority != job.priority)
            return "a member is not as its array";
    }
    return nullptr;
}

// Of one job: what is wrong with it, or nothing.
const char* Queue::wrong_with(JobId id, const Job& job) const {
    const Lease* lease = leases_.find(id);
    if (is_final(job.state)) return "it has ended and was not forgotten";
    if (id >= next_id_) return "its id will be given out again";
    if (job.event_seq < 1) return "it has no event";
    if (job.failures >= job.max_attempts) return "it goes on though no attempt is left";
    if (job.losses >= settings_.crash_limit) return "it goes on beyond the crash limit";
    if ((lease != nullptr) != is_leased(job.state)) return "its state and its lease disagree";
    if (job.cancel_requested && !is_leased(job.state) && !job.is_array) return "it waits though it is to be cancelled";
    if (job.state == JobState::running && job.started == Job::never) return "it runs and never started";
    if (job.has_rules && !job.is_member && !rules_.contains(id)) return "its rules were forgotten";
    if (job.is_member && (!arrays_.array_of(id) || !arrays_.find(*arrays_.array_of(id))->live.contains(id)))
        return "its array does not know it";
    if (const char* wrong = wrong_with_array(id, job)) return wrong;
    if (lease == nullptr) return wrong_with_waiting(id, job);
    if (job.in_line || backing_off_.find(id) || not_before_.find(id) || deadlines_.find(id))
        return "it is leased and waits";
    if (!lease->worker || lease->attempt < 1 || lease->attempt != job.attempt)
        return "its lease is not of its current attempt";
    const Worker* worker = workers_.find(lease->worker);
    return worker != nullptr && worker->holds(id) ? nullptr : "its lease is at a worker that does not count it";
}

bool Queue::check_counts(std::string* why) const {
    struct Count {
        std::int64_t blocked = 0, queued = 0, leased = 0;
        std::size_t records = 0;
    };
    std::map<QueueIndex, Count> of_queue;
    std::map<UserIndex, Count> of_user;
    std::map<ShareIndex, std::size_t> in_line;
    std::map<ShareIndex, std::size_t> leased;
    std::map<KindIndex, std::size_t> kinds;
    std::size_t rules = 0;
    std::size_t deadlines = 0;
    jobs_.visit_unordered([&](JobId id, const Job& job) {
        Count& queue = of_queue[queue_index(job)];
        Count& user = of_user[user_index(job)];
        ++queue.records;
        ++kinds[job.kind];
        rules += job.has_rules && !job.is_member ? 1 : 0;
        deadlines += deadlines_.find(id) ? 1 : 0;
        for (Count* count : {&queue, &user}) {
            if (is_leased(job.state))
                ++count->leased;
            else
                (job.state == JobState::blocked ? count->blocked : count->queued) += weight_of(id, job);
        }
        in_line[job.share] += job.in_line ? 1 : 0;
        leased[job.share] += is_leased(job.state) ? 1 : 0;
    });
    const auto wrong = [&](const std::string& what) {
        *why = what;
        return false;
    };
    if (rules != rules_.size()) return wrong("rules are kept of a job that is none");
    if (deadlines != deadlines_.size()) return wrong("a deadline is kept of a job that is none");
    for (const auto& [kind, jobs] : kinds)
        if (needs_.jobs(kind) != jobs) return wrong("a kind of need is not counted as often as jobs have it");
    if (kinds.size() != needs_.size()) return wrong("a kind of need outlived its jobs");
    for (QueueIndex index = 0; index < queues_.size(); ++index) {
        const NamedQueue& queue = queues_[index];
        const Count& count = of_queue[index];
        const std::string which = "queue " + queue.config.name + ": ";
        if (queue.blocked != count.blocked || queue.queued != count.queued || queue.leased != count.leased ||
            queue.records != count.records)
            return wrong(which + "its counts are wrong");
        if (static_cast<std::size_t>(count.leased) != fair_.leases_of_queue(index))
            return wrong(which + "fair share counts other leases");
        if (!queue.exists && count.records > 0) return wrong(which + "it was removed and has jobs");
        if (fair_.is_open(index) != queue.open()) return wrong(which + "it is open exactly when it may be, and is not");
    }
    std::size_t waiting = 0;
    for (ShareIndex share = 0; share < fair_.shares(); ++share) {
        const std::string who = "user " + users_[fair_.user_of(share)].id.text() + ": ";
        const bool limited = users_[fair_.user_of(share)].limited();
        waiting += in_line[share];
        if (waiting_.size(share) != in_line[share]) return wrong(who + "the count of queued jobs is wrong");
        if (fair_.in_line(share) != (in_line[share] > 0 && !limited))
            return wrong(who + "is in line exactly with queued jobs, and is not");
        if (fair_.leases(share) != leased[share]) return wrong(who + "the count of leases is wrong");
    }
    if (waiting != waiting_.size()) return wrong("somebody waits who is not queued");
    for (UserIndex index = 0; index < users_.size(); ++index) {
        const Count& count = of_user[index];
        if (users_[index].waiting != count.blocked + count.queued || users_[index].leased != count.leased)
            return wrong("user " + users_[index].id.text() + ": what counts against the quota is wrong");
    }
    return true;
}

bool Queue::check_reservations(std::string* why) const {
    std::set<JobId> jobs;
    std::size_t seen = 0;
    const auto broken = reservations_.find_if([&](const Reservation& each) {
        ++seen;
        const Worker* worker = workers_.find(each.worker);
        return worker == nullptr || !worker->reserved() || !worker->takes_jobs() || !worker->suits(needs_[each.kind]) ||
               !fair_.in_line(each.share) || !fair_.is_open(fair_.queue_of(each.share)) || !is_active(each.job) ||
               !jobs.insert(each.job).second;
    });
    if (broken) {
        *why = "worker " + broken->worker.text() + " is kept free for job " + broken->job.text() +
               ", which cannot start there, or not now";
        return false;
    }
    if (seen != workers_.reserved()) *why = "a worker is kept free for nothing";
    return seen == workers_.reserved();
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
    std::size_t arrays = 0;
    std::size_t blocked = 0;
    std::map<WorkerId, std::size_t> leased_at;
    jobs_.visit_unordered([&](JobId id, const Job& job) {
        const Lease* lease = leases_.find(id);
        ++states[job.state];
        arrays += job.is_array ? 1 : 0;
        blocked += job.state == JobState::blocked && !job.is_member ? 1 : 0;
        if (lease != nullptr) ++leased_at[lease->worker];
        if (const char* broken_rule = wrong_with(id, job)) reason = "job " + id.text() + ": " + broken_rule;
    });
    if (!reason.empty()) return false;

    for (const JobState state : all_job_states)
        if (jobs_.count(state) != states[state])
            return wrong("the count of jobs " + std::string(name(state)) + " is wrong");
    if (leases_.size() != states[JobState::starting] + states[JobState::running])
        return wrong("a lease belongs to no leased job");
    if (arrays != arrays_.size()) return wrong("an array has no record");
    if (blocked != dependencies_.size()) return wrong("a job waits for others that is not blocked");
    if (!dependencies_.consistent()) return wrong("who waits and who is waited for disagree");
    if (!backing_off_.consistent() || !not_before_.consistent() || !deadlines_.consistent())
        return wrong("the moments of jobs are not in order");
    if (!ended_.empty()) return wrong("a job ended and nobody was told");
    for (const auto& [id, worker] : workers_.unordered())
        if (worker.leases().size() != leased_at[id])
            return wrong("worker " + id.text() + " counts a lease that is none");
    return check_counts(&reason) && check_reservations(&reason) && fair_.check_invariants(&reason) &&
           users_.check_invariants(&reason) && workers_.check_invariants(&reason);
}

}  // namespace windlass::scheduler
