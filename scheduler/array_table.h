// Arrays: one record until their members start. Member number i (from 0) of array A has the id A + 1 + i. A member that
// has not started costs nothing: the array knows the next one, and the few beyond it that were dealt with alone
// (holes).
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "scheduler/queue_io.h"
#include "shared/guard.h"

namespace windlass::scheduler {

struct Array {
    ArrayRow row;
    std::set<std::int64_t> holes;  // numbers from row.next_member on that have a row of their own already
    std::set<JobId> live;          // members with a row that have not ended
    bool closed = false;           // the members without a row were cancelled or timed out, all at once
    JobState closed_as = JobState::cancelled;
    bool stopped = false;  // too many members failed, and the others were told to end

    // Members that have no row and wait for one.
    std::int64_t unstarted() const {
        return closed ? 0 : row.count - row.next_member - static_cast<std::int64_t>(holes.size());
    }
    std::int64_t ended() const { return row.succeeded + row.failed + row.timed_out + row.cancelled + row.lost; }
    std::int64_t failures() const { return row.failed + row.timed_out + row.lost; }
    bool too_many_failures() const { return WINDLASS_GUARD(max_fails) && row.max_fails && failures() > *row.max_fails; }
    bool complete() const { return ended() == row.count; }
};

// How an array ends whose members all have: succeeded, cancelled (somebody cancelled it, or every member, and none
// failed) or failed.
JobState settled_state(const Array& array, bool cancelled);
// "97 succeeded, 3 failed"
std::string count_members(const ArrayRow& row);

class ArrayTable {
  public:
    Array& add(JobId id, const ArrayRow& row);
    void remove(JobId id) { arrays_.erase(id); }
    Array* find(JobId id);
    const Array* find(JobId id) const;

    // The array, of those that have not ended, to whose ids this one belongs: its own is not among them.
    std::optional<JobId> array_of(JobId member) const;
    static JobId member_id(JobId array, std::int64_t number) { return JobId{array.value + 1 + number}; }
    static std::int64_t number_of(JobId array, JobId member) { return member.value - array.value - 1; }
    // The member that starts next. Only while unstarted() > 0.
    JobId next_member(JobId array) const { return member_id(array, arrays_.at(array).row.next_member); }
    // A member that has no row and waits for one.
    bool is_unstarted(JobId array, JobId member) const;
    // Gets a row of its own now: next_member goes on, or there is a hole.
    void take(JobId array, JobId member);

    std::size_t size() const { return arrays_.size(); }
    const std::map<JobId, Array>& all() const { return arrays_; }

  private:
    std::map<JobId, Array> arrays_;
};

}  // namespace windlass::scheduler
