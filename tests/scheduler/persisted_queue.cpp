#include "tests/scheduler/persisted_queue.h"

#include <algorithm>
#include <stdexcept>

namespace windlass::scheduler {

namespace {

void require(bool holds, const std::string& what) {
    if (!holds) throw std::logic_error("the store would refuse: " + what);
}

}  // namespace

void PersistedQueue::apply(const Effect& effect) {
    if (const auto* insert = std::get_if<InsertJob>(&effect)) {
        require(rows_.emplace(insert->job, insert->row).second, "job " + insert->job.text() + " is inserted twice");
        require(insert->request == submit_.request, "a job of another submit is inserted");
        const NewJob& seed = seeds_[insert->job] = submit_.jobs.at(insert->index);
        if (insert->index == 0) ids_.clear();
        ids_[insert->index] = insert->job;
        if (seed.array.count > 0) arrays_[insert->job] = {.count = seed.array.count, .max_fails = seed.array.max_fails};
    } else if (const auto* member = std::get_if<InsertMember>(&effect)) {
        require(rows_.emplace(member->job, member->row).second, "member " + member->job.text() + " is inserted twice");
        require(arrays_.contains(member->row.array), "a member of no array is inserted");
    } else if (const auto* change = std::get_if<ChangeState>(&effect)) {
        require(rows_.contains(change->job), "job " + change->job.text() + " has no row to change");
        StateRow& row = rows_.at(change->job);
        require(row.state == change->from_state && row.attempt == change->from_attempt,
                "the fence of job " + change->job.text());
        row = change->row;
    } else if (const auto* event = std::get_if<RecordEvent>(&effect)) {
        require(event->seq == last_event_[event->job] + 1, "an event of job " + event->job.text() + " out of order");
        last_event_[event->job] = event->seq;
        const StateRow& row = rows_.at(event->job);
        require(row.state == event->state && row.attempt == event->attempt && row.event_seq == event->seq,
                "an event of job " + event->job.text() + " that does not agree with its row");
    } else if (const auto* array = std::get_if<ChangeArray>(&effect)) {
        require(arrays_.contains(array->job), "array " + array->job.text() + " has no row to change");
        ArrayRow& row = arrays_.at(array->job);
        require(row.count == array->row.count && row.next_member <= array->row.next_member,
                "array " + array->job.text() + " goes back");
        row = array->row;
    } else if (const auto* queue = std::get_if<StoreQueue>(&effect)) {
        queues_[queue->config.name] = queue->config;
    } else if (const auto* dropped = std::get_if<DropQueue>(&effect)) {
        require(queues_.erase(dropped->name) == 1, "there is no queue " + dropped->name);
    } else if (const auto* drained = std::get_if<StoreDraining>(&effect)) {
        if (drained->draining)
            draining_.insert(drained->worker);
        else
            draining_.erase(drained->worker);
    } else if (const auto* use = std::get_if<AddUsage>(&effect)) {
        StoredUser& user = users_[use->user];
        if (use->day > user.day) {
            user.day = use->day;
            user.cpu_of_day = {};
        }
        user.cpu_of_day += use->cpu;
        cpu_[use->user] += use->cpu;
    }
    // The ids of a submit are complete once it is answered: what waits for one of the same submit is told which.
    if (std::holds_alternative<AnswerSubmit>(effect)) {
        for (const auto& [index, id] : ids_)
            for (Dependency& after : seeds_.at(id).after)
                if (!after.job) after.job = ids_.at(after.index);
        ids_.clear();
    }
}

NewJob PersistedQueue::seed_of(JobId job) const {
    const JobId array = rows_.at(job).array;
    NewJob seed = seeds_.at(array ? array : job);
    if (array) {
        seed.array = {};
        seed.after.clear();
    }
    for (Dependency& after : seed.after) {
        const auto other = rows_.find(after.job);
        if (other != rows_.end() && is_final(other->second.state)) after.ended = other->second.state;
    }
    return seed;
}

StoredQueue PersistedQueue::load() const {
    StoredQueue stored;
    for (const auto& [id, row] : rows_) {
        stored.highest_job = std::max(stored.highest_job, id);
        const auto array = arrays_.find(id);
        if (array != arrays_.end())
            stored.highest_job = std::max(stored.highest_job, JobId{id.value + array->second.count});
        if (is_final(row.state)) continue;
        StoredJob job{id, seed_of(id), row, std::nullopt, {}};
        if (array != arrays_.end()) {
            job.array = array->second;
            const std::int64_t first = id.value + 1;
            for (auto member = rows_.lower_bound(JobId{first + array->second.next_member});
                 member != rows_.end() && member->first.value < first + array->second.count; ++member)
                job.holes.push_back(member->first.value - first);
        }
        stored.jobs.push_back(std::move(job));
    }
    for (const auto& [name, config] : queues_) stored.queues.push_back(config);
    for (const auto& [id, user] : users_) {
        stored.users.push_back(user);
        stored.users.back().user = id;
    }
    stored.draining.assign(draining_.begin(), draining_.end());
    return stored;
}

Microseconds PersistedQueue::cpu_of(UserId user) const {
    const auto found = cpu_.find(user);
    return found == cpu_.end() ? Microseconds{0} : found->second;
}

}  // namespace windlass::scheduler
