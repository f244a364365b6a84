#include "scheduler/array_table.h"

#include "shared/guard.h"
#include "shared/result.h"

namespace windlass::scheduler {

JobState settled_state(const Array& array, bool cancelled) {
    if (array.row.succeeded == array.row.count) return JobState::succeeded;
    return (cancelled || array.row.cancelled == array.row.count) && array.failures() == 0 ? JobState::cancelled
                                                                                          : JobState::failed;
}

std::string count_members(const ArrayRow& row) {
    std::string text;
    const auto add = [&text](std::int64_t count, JobState state) {
        if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(name(state));
    };
    add(row.succeeded, JobState::succeeded);
    add(row.failed, JobState::failed);
    add(row.timed_out, JobState::timed_out);
    add(row.cancelled, JobState::cancelled);
    add(row.lost, JobState::lost);
    return text;
}

Array& ArrayTable::add(JobId id, const ArrayRow& row) {
    const auto [place, is_new] = arrays_.emplace(id, Array{.row = row, .holes = {}, .live = {}});
    WINDLASS_CHECK(is_new, "an array came into being twice");
    return place->second;
}

Array* ArrayTable::find(JobId id) {
    const auto found = arrays_.find(id);
    return found == arrays_.end() ? nullptr : &found->second;
}

const Array* ArrayTable::find(JobId id) const {
    const auto found = arrays_.find(id);
    return found == arrays_.end() ? nullptr : &found->second;
}

std::optional<JobId> ArrayTable::array_of(JobId member) const {
    auto after = arrays_.lower_bound(member);
    if (after == arrays_.begin()) return std::nullopt;
    const auto& [id, array] = *--after;
    return number_of(id, member) < array.row.count ? std::optional(id) : std::nullopt;
}

bool ArrayTable::is_unstarted(JobId id, JobId member) const {
    const Array& array = arrays_.at(id);
    const std::int64_t number = number_of(id, member);
    return !array.closed && number >= array.row.next_member &&
           (!WINDLASS_GUARD(hole_of_array) || !array.holes.contains(number));
}

void ArrayTable::take(JobId id, JobId member) {
    WINDLASS_CHECK(is_unstarted(id, member), "a member of an array got a row twice");
    Array& array = arrays_.at(id);
    const std::int64_t number = number_of(id, member);
    if (number == array.row.next_member) {
        ++array.row.next_member;
        while (WINDLASS_GUARD(hole_of_array) && !array.holes.empty() && *array.holes.begin() == array.row.next_member) {
            array.holes.erase(array.holes.begin());
            ++array.row.next_member;
        }
    } else {
        array.holes.insert(number);
    }
    array.live.insert(member);
}

}  // namespace windlass::scheduler
