// Who waits where, and for how long: in line, or for a moment; and what takes a whole user or queue out of line.
#include <algorithm>

#include "scheduler/queue.h"
#include "scheduler/retry_policy.h"

namespace windlass::scheduler {

namespace {

// Timers that ring in one turn. What is left rings in the next, which comes at once.
constexpr int timers_per_turn = 1000;

}  // namespace

Microseconds Queue::pause_after(JobId id, const Job& job, int failures, int losses) const {
    const JobRules* rules = rules_of(id, job);
    const Milliseconds delay =
        rules != nullptr && rules->retry_delay > Milliseconds{0} ? rules->retry_delay : settings_.retry_delay;
    const auto pause = [&](int n) {
        return n < 1 ? Microseconds{0} : retry_pause(delay, settings_.longest_retry_delay, n, {id, job.attempt});
    };
    return std::max(pause(failures), pause(losses - 1));  // a first loss is bad luck
}

JobId Queue::entry_of(JobId id, const Job& job) const {
    return job.is_array ? arrays_.next_member(id) : id;
}

void Queue::wait(JobId id, Job& job, Microseconds pause) {
    if (pause > Microseconds{0})
        backing_off_.set(id, now_.steady + pause);
    else
        line_up(id, job);
}

void Queue::line_up(JobId id, Job& job) {
    if (job.is_array && arrays_.find(id)->unstarted() == 0) return;
    const JobRules* rules = job.is_member ? nullptr : rules_of(id, job);
    if (WINDLASS_GUARD(not_before) && rules != nullptr && rules->not_before && *rules->not_before > wall_now()) {
        not_before_.set(id, *rules->not_before);
        return;
    }
    waiting_.insert(job.share, job.kind, job.priority, entry_of(id, job));
    job.in_line = true;
    refresh_share(job.share);
    // Only a job that fits somewhere is a reason to look: a full cluster takes submits without looking at anything.
    if ((!scan_.wanted || scan_.under_way) && fair_.in_line(job.share) && fair_.is_open(queue_index(job)) &&
        place_for(job.kind))
        want_scan();
}

void Queue::leave_line(JobId id, Job& job) {
    if (!job.in_line) {
        if (!backing_off_.erase(id)) not_before_.erase(id);
        return;
    }
    const JobId entry = entry_of(id, job);
    waiting_.erase(job.share, job.kind, job.priority, entry);
    job.in_line = false;
    if (!reservations_.empty())
        if (const auto reservation = reservations_.of_job(entry)) drop_reservation(*reservation);
    refresh_share(job.share);
}

void Queue::ring_due() {
    for (int rung = 0; rung < timers_per_turn; ++rung) {
        if (const std::optional<JobId> late = deadlines_.due(wall_now()); late && WINDLASS_GUARD(deadline)) {
            expire(*late);
        } else if (const std::optional<JobId> rested = backing_off_.due(now_.steady)) {
            backing_off_.erase(*rested);
            line_up(*rested, *jobs_.find(*rested));
        } else if (const std::optional<JobId> awaited = not_before_.due(wall_now())) {
            not_before_.erase(*awaited);
            line_up(*awaited, *jobs_.find(*awaited));
        } else {
            break;
        }
        follow_ends();
    }
    if (!users_.out_of_cpu().empty() && day_of(wall_now()) != cpu_day_) {
        cpu_day_ = day_of(wall_now());
        const std::vector<UserIndex> all(users_.out_of_cpu().begin(), users_.out_of_cpu().end());
        for (const UserIndex user : all) check_cpu(user);
    }
}

std::int64_t Queue::weight_of(JobId id, const Job& job) const {
    return job.is_array ? arrays_.find(id)->unstarted() : 1;
}

void Queue::count_waiting(const Job& job, std::int64_t change) {
    users_[user_index(job)].waiting += change;
    NamedQueue& queue = queues_[queue_index(job)];
    (job.state == JobState::blocked ? queue.blocked : queue.queued) += change;
}

void Queue::count_lease(const Job& job, int change) {
    const UserIndex user = user_index(job);
    const bool was_limited = users_[user].limited();
    users_[user].leased += change;
    if (users_[user].limited() != was_limited) refresh_user(user);
    queues_[queue_index(job)].leased += change;
    refresh_queue(queue_index(job));
}

// True when it came (back) into line.
bool Queue::refresh_share(ShareIndex share) {
    const bool in_line = waiting_.size(share) > 0 && !users_[fair_.user_of(share)].limited();
    if (in_line == fair_.in_line(share)) return false;
    fair_.set_in_line(share, in_line);
    if (!in_line)
        while (const auto reservation = reservations_.of_share(share)) drop_reservation(*reservation);
    return in_line;
}

void Queue::refresh_user(UserIndex user) {
    for (const ShareIndex share : users_[user].shares)
        if (refresh_share(share)) want_scan();
}

void Queue::refresh_queue(QueueIndex queue) {
    const bool open = queues_[queue].open();
    if (open == fair_.is_open(queue)) return;
    fair_.set_open(queue, open);
    if (open) return want_scan();
    const auto of_queue = [&](const Reservation& each) { return fair_.queue_of(each.share) == queue; };
    while (const auto reservation = reservations_.find_if(of_queue)) drop_reservation(*reservation);
}

void Queue::set_quota(UserIndex user, const Quota& quota) {
    if (users_[user].quota() == quota) return;
    users_[user].set_quota(quota);
    check_cpu(user);
    refresh_user(user);
}

// Whether the user is out of processor time. That he ran out of it is noticed here: when it is his turn.
void Queue::check_cpu(UserIndex user) {
    const bool out = users_.cpu_used_up(user, wall_now());
    if (users_[user].out_of_cpu() == out) return;
    users_.set_out_of_cpu(user, out);
    cpu_day_ = day_of(wall_now());
    refresh_user(user);
}

ShareIndex Queue::share_of(UserId owner, QueueIndex queue) {
    const UserIndex user = users_.user(owner);
    const std::size_t known = fair_.shares();
    const ShareIndex share = fair_.share(queue, user, users_[user].weight);
    if (fair_.shares() > known) users_[user].shares.push_back(share);
    return share;
}

}  // namespace windlass::scheduler
