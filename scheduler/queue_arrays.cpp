// Arrays and their members: born when they are leased or dealt with alone, counted when they end.
#include <utility>

#include "scheduler/queue.h"
#include "shared/result.h"

namespace windlass::scheduler {

// A member gets a row of its own: in the state of its array, and in its array's place in line if it is the next one.
void Queue::bear_member(JobId array_id, JobId member) {
    Job& array = *jobs_.find(array_id);
    const bool takes_place = array.in_line && arrays_.next_member(array_id) == member;
    const Job job{.share = array.share,
                  .kind = array.kind,
                  .event_seq = 1,
                  .max_attempts = array.max_attempts,
                  .priority = array.priority,
                  .state = array.state,
                  .is_member = true,
                  .has_rules = array.has_rules,
                  .in_line = takes_place};
    needs_.add(job.kind);
    ++queues_[queue_index(job)].records;
    arrays_.take(array_id, member);
    WINDLASS_CHECK(jobs_.insert(member, job), "a member of an array was born twice");
    effects_.push_back(InsertMember{member, job.row(array_id, WorkerId{})});
    effects_.push_back(
        RecordEvent{.job = member, .seq = 1, .at = now_.wall, .move = JobMove::submit, .state = job.state});
    const Array& record = *arrays_.find(array_id);
    effects_.push_back(ChangeArray{array_id, record.row});
    if (record.unstarted() == 0) not_before_.erase(array_id);
    if (!takes_place) return;
    array.in_line = record.unstarted() > 0;
    if (array.in_line) waiting_.insert(array.share, array.kind, array.priority, arrays_.next_member(array_id));
}

// All members without a row end so, at once and without getting one.
void Queue::close_array(JobId id, JobState as) {
    Array& array = *arrays_.find(id);
    Job& job = *jobs_.find(id);
    const std::int64_t unstarted = array.unstarted();
    if (unstarted == 0) return;
    if (job.state == JobState::queued) leave_line(id, job);
    count_waiting(job, -unstarted);
    array.closed = true;
    array.closed_as = as;
    (as == JobState::timed_out ? array.row.timed_out : array.row.cancelled) += unstarted;
    effects_.push_back(ChangeArray{id, array.row});
    const JobId first = ArrayTable::member_id(id, array.row.next_member);
    const JobId last = ArrayTable::member_id(id, array.row.count - 1);
    for (const JobId member : dependencies_.waited_for_between(first, last))
        if (!array.holes.contains(ArrayTable::number_of(id, member))) ended_.push_back({member, as, JobId{}});
}

std::optional<JobState> Queue::ended_unstarted(JobId member) const {
    const std::optional<JobId> id = arrays_.array_of(member);
    if (!id) return std::nullopt;
    const Array& array = *arrays_.find(*id);
    const std::int64_t number = ArrayTable::number_of(*id, member);
    const bool unstarted = number >= array.row.next_member && !array.holes.contains(number);
    return array.closed && unstarted ? std::optional(array.closed_as) : std::nullopt;
}

// It has ended.
void Queue::forget_array(JobId id) {
    Array& array = *arrays_.find(id);
    if (array.closed)
        effects_.push_back(
            MembersEnded{id, array.row.next_member, array.row.count, std::move(array.holes), array.closed_as});
    arrays_.remove(id);
}

// Nothing more of it is to run: members that wait are cancelled, those that a worker has are asked to end.
void Queue::stop_members(JobId id, const std::string& detail) {
    close_array(id, JobState::cancelled);
    const std::set<JobId> live = arrays_.find(id)->live;
    for (const JobId member : live) {
        const Job* job = jobs_.find(member);
        if (job == nullptr) continue;  // ended in this turn, and not counted yet
        if (is_leased(job->state))
            request_cancel(member, *job, detail);
        else
            cancel_waiting(member, detail);
    }
}

CancelAnswer Queue::cancel_array(JobId id, const std::string& reason) {
    const Job& job = *jobs_.find(id);
    if (arrays_.find(id)->live.empty()) {
        close_array(id, JobState::cancelled);
        if (arrays_.find(id)->failures() > 0 && job.state == JobState::queued)
            settle_if_complete(id);
        else
            move(id, {.what = JobMove::cancel, .to = JobState::cancelled, .detail = reason});
    } else {
        if (!job.cancel_requested) move(id, {.what = JobMove::request_cancel, .to = job.state, .detail = reason});
        stop_members(id, reason);
    }
    follow_ends();
    return jobs_.find(id) == nullptr ? CancelAnswer::cancelled : CancelAnswer::requested;
}

void Queue::member_ended(JobId id, JobId member, JobState state) {
    Array& array = *arrays_.find(id);
    array.live.erase(member);
    switch (state) {
        case JobState::succeeded:
            ++array.row.succeeded;
            break;
        case JobState::failed:
            ++array.row.failed;
            break;
        case JobState::timed_out:
            ++array.row.timed_out;
            break;
        case JobState::lost:
            ++array.row.lost;
            break;
        default:
            ++array.row.cancelled;
    }
    effects_.push_back(ChangeArray{id, array.row});
    if (array.too_many_failures() && !array.stopped) {
        array.stopped = true;
        stop_members(id, "more members of array " + id.text() + " failed than the " +
                             std::to_string(*array.row.max_fails) + " that may");
    }
    settle_if_complete(id);
}

void Queue::settle_if_complete(JobId id) {
    const Array& array = *arrays_.find(id);
    if (WINDLASS_GUARD(array_is_complete) && (!array.complete() || !array.live.empty())) return;
    const Job& job = *jobs_.find(id);
    const std::string detail = count_members(array.row);
    if (job.state == JobState::blocked)  // all of them were cancelled one by one
        return move(id, {.what = JobMove::cancel, .to = JobState::cancelled, .detail = detail});
    move(id, {.what = JobMove::settle, .to = settled_state(array, job.cancel_requested), .detail = detail});
}

}  // namespace windlass::scheduler
