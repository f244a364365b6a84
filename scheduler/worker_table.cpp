#include "scheduler/worker_table.h"

#include <algorithm>

#include "shared/result.h"

namespace windlass::scheduler {

namespace {

// Long enough to hide a round trip and a commit, short enough that nothing waits behind a busy worker while another is
// idle.
constexpr double ahead_us = 50'000;
constexpr int attempts_before_ahead = 4;
constexpr double newest_counts = 0.25;

auto find_ahead(Worker& worker, JobId job) {
    return std::find_if(worker.ahead.begin(), worker.ahead.end(),
                        [job](const auto& held) { return held.first == job; });
}

}  // namespace

bool Worker::holds(JobId job) const {
    return in_room.contains(job) ||
           std::any_of(ahead.begin(), ahead.end(), [job](const auto& held) { return held.first == job; });
}

std::vector<JobId> Worker::leases() const {
    std::vector<JobId> jobs;
    jobs.reserve(in_room.size() + ahead.size());
    for (const auto& [job, need] : in_room) jobs.push_back(job);
    for (const auto& [job, need] : ahead) jobs.push_back(job);
    std::sort(jobs.begin(), jobs.end());
    return jobs;
}

int Worker::ahead_allowed() const {
    if (capacity.prefetch <= 0 || attempts_seen < attempts_before_ahead) return 0;
    const double wanted = ahead_us / std::max(mean_wall_us, 1.0) * capacity.cpu_millis / 1000.0;
    return static_cast<int>(std::clamp(wanted, 0.0, static_cast<double>(capacity.prefetch)));
}

const Worker* WorkerTable::find(WorkerId id) const {
    const auto found = workers_.find(id);
    return found == workers_.end() ? nullptr : &found->second;
}

Worker& WorkerTable::get(WorkerId id) {
    const auto found = workers_.find(id);
    WINDLASS_CHECK(found != workers_.end(), "a worker is named that the queue has never seen");
    return found->second;
}

void WorkerTable::reindex(Worker& worker) {
    std::optional<std::int64_t> free_cpu;
    std::optional<int> spare;
    if (worker.available()) {
        if (worker.free_cpu() > 0 && worker.free_memory() >= 0) free_cpu = worker.free_cpu();
        const int places = worker.ahead_allowed() - static_cast<int>(worker.ahead.size());
        if (places > 0) spare = places;
    }
    if (worker.joined_overfull && worker.free_cpu() >= 0 && worker.free_memory() >= 0 &&
        static_cast<int>(worker.ahead.size()) <= std::max(0, worker.capacity.prefetch))
        worker.joined_overfull = false;
    if (free_cpu != worker.indexed_free_cpu_) {
        if (worker.indexed_free_cpu_) by_free_cpu_.erase({-*worker.indexed_free_cpu_, worker.id});
        if (free_cpu) by_free_cpu_.emplace(-*free_cpu, worker.id);
        worker.indexed_free_cpu_ = free_cpu;
    }
    if (spare != worker.indexed_spare_) {
        if (worker.indexed_spare_) by_spare_.erase({-*worker.indexed_spare_, worker.id});
        if (spare) by_spare_.emplace(-*spare, worker.id);
        worker.indexed_spare_ = spare;
    }
}

void WorkerTable::put_in_room(Worker& worker, JobId job, const Need& need) {
    WINDLASS_CHECK(worker.in_room.emplace(job, need).second, "a worker was given the same job twice");
    worker.cpu_used += need.cpu_millis;
    worker.memory_used += need.memory_bytes;
}

void WorkerTable::move_up(Worker& worker) {
    std::size_t moved = 0;
    while (moved < worker.ahead.size() && worker.has_room(worker.ahead[moved].second)) {
        put_in_room(worker, worker.ahead[moved].first, worker.ahead[moved].second);
        ++moved;
    }
    worker.ahead.erase(worker.ahead.begin(), worker.ahead.begin() + static_cast<std::ptrdiff_t>(moved));
}

void WorkerTable::join(WorkerId id, const Capacity& capacity, std::vector<Held> held) {
    Worker& worker = workers_[id];
    WINDLASS_CHECK(worker.in_room.size() + worker.ahead.size() == held.size(),
                   "a worker joined and what it keeps was not all named");
    if (!worker.connected) ++connected_;
    worker.id = id;
    worker.capacity = capacity;
    worker.connected = true;
    worker.draining = worker.resting = false;
    worker.in_room.clear();
    worker.ahead.clear();
    worker.cpu_used = worker.memory_used = 0;
    // What runs takes room, whatever the sums say. What waits was leased in the order of the ids, mostly.
    std::sort(held.begin(), held.end(),
              [](const Held& a, const Held& b) { return a.running != b.running ? a.running : a.job < b.job; });
    for (const Held& each : held) {
        if (each.running || worker.has_room(each.need))
            put_in_room(worker, each.job, each.need);
        else
            worker.ahead.emplace_back(each.job, each.need);
    }
    worker.joined_overfull = true;  // taken back by reindex() if it is not so
    reindex(worker);
    if (worker.available()) ++room_grew_;
}

void WorkerTable::forget_if_gone(WorkerId id) {
    const auto found = workers_.find(id);
    if (!found->second.connected && found->second.in_room.empty() && found->second.ahead.empty()) workers_.erase(found);
}

void WorkerTable::leave(WorkerId id) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || !found->second.connected) return;
    found->second.connected = false;
    --connected_;
    reindex(found->second);
    forget_if_gone(id);
}

void WorkerTable::drain(WorkerId id) {
    const auto found = workers_.find(id);
    if (found == workers_.end()) return;
    found->second.draining = true;
    reindex(found->second);
}

void WorkerTable::rest(WorkerId id) {
    Worker& worker = get(id);
    worker.resting = true;
    reindex(worker);
}

void WorkerTable::wake(WorkerId id) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || !found->second.resting) return;
    found->second.resting = false;
    reindex(found->second);
    ++room_grew_;
}

std::optional<WorkerTable::Place> WorkerTable::place_for(const Need& need) const {
    for (const auto& [negated_free, id] : by_free_cpu_) {
        if (-negated_free < need.cpu_millis) break;
        if (workers_.at(id).has_room(need)) return Place{id, false};
    }
    for (const auto& [negated_spare, id] : by_spare_)
        if (workers_.at(id).large_enough(need)) return Place{id, true};
    return std::nullopt;
}

void WorkerTable::take(const Place& place, JobId job, const Need& need) {
    Worker& worker = get(place.worker);
    if (place.ahead)
        worker.ahead.emplace_back(job, need);
    else
        put_in_room(worker, job, need);
    reindex(worker);
}

void WorkerTable::take_restored(WorkerId id, JobId job, const Need& need) {
    Worker& worker = workers_[id];
    worker.id = id;
    worker.joined_overfull = true;  // its capacity is not known before it comes back
    put_in_room(worker, job, need);
}

void WorkerTable::release(WorkerId id, JobId job) {
    Worker& worker = get(id);
    if (const auto held = worker.in_room.find(job); held != worker.in_room.end()) {
        worker.cpu_used -= held->second.cpu_millis;
        worker.memory_used -= held->second.memory_bytes;
        worker.in_room.erase(held);
    } else {
        const auto ahead = find_ahead(worker, job);
        WINDLASS_CHECK(ahead != worker.ahead.end(), "a worker was relieved of a job that it does not hold");
        worker.ahead.erase(ahead);
    }
    move_up(worker);
    reindex(worker);
    if (worker.available()) ++room_grew_;
    forget_if_gone(id);
}

void WorkerTable::hand_back(WorkerId id, JobId job) {
    Worker& worker = get(id);
    worker.attempts_seen = 0;
    worker.resting = worker.resting || worker.in_room.contains(job);
    release(id, job);
}

void WorkerTable::started(WorkerId id, JobId job) {
    Worker& worker = get(id);
    const auto ahead = find_ahead(worker, job);
    if (ahead == worker.ahead.end() || !worker.has_room(ahead->second)) return;
    const Need need = ahead->second;
    worker.ahead.erase(ahead);
    put_in_room(worker, job, need);
    move_up(worker);
    reindex(worker);
    if (worker.available()) ++room_grew_;  // a place ahead became free
}

void WorkerTable::note_wall(WorkerId id, Microseconds wall) {
    Worker& worker = get(id);
    const double us = std::max(0.0, static_cast<double>(wall.count()));
    worker.mean_wall_us =
        worker.attempts_seen == 0 ? us : worker.mean_wall_us + newest_counts * (us - worker.mean_wall_us);
    worker.attempts_seen = std::min(worker.attempts_seen + 1, attempts_before_ahead);
}

bool WorkerTable::check_invariants(std::string* why) const {
    std::size_t connected = 0;
    for (const auto& [id, worker] : workers_) {
        const std::string who = "worker " + id.text() + ": ";
        std::int64_t cpu = 0;
        std::int64_t memory = 0;
        for (const auto& [job, need] : worker.in_room) {
            cpu += need.cpu_millis;
            memory += need.memory_bytes;
        }
        connected += worker.connected ? 1 : 0;
        const char* wrong = nullptr;
        if (cpu != worker.cpu_used || memory != worker.memory_used)
            wrong = "the room it uses is not the sum of its leases";
        else if (!worker.joined_overfull && (worker.free_cpu() < 0 || worker.free_memory() < 0))
            wrong = "it was given more than its capacity";
        else if (!worker.joined_overfull &&
                 static_cast<int>(worker.ahead.size()) > std::max(0, worker.capacity.prefetch))
            wrong = "it was given more ahead than it takes";
        else if (!worker.ahead.empty() && worker.has_room(worker.ahead.front().second))
            wrong = "an attempt is held ahead though it has room";
        else if (!worker.connected && worker.in_room.empty() && worker.ahead.empty())
            wrong = "it is gone, holds nothing and was not forgotten";
        else if (!worker.available() && (worker.indexed_free_cpu_ || worker.indexed_spare_))
            wrong = "it takes nothing and is offered to jobs";
        else if (worker.indexed_free_cpu_ && !by_free_cpu_.contains({-*worker.indexed_free_cpu_, id}))
            wrong = "it is missing among the workers with room";
        else if (worker.indexed_spare_ && !by_spare_.contains({-*worker.indexed_spare_, id}))
            wrong = "it is missing among the workers that take attempts ahead";
        if (wrong != nullptr) {
            *why = who + wrong;
            return false;
        }
    }
    if (connected != connected_) *why = "the count of connected workers is wrong";
    return connected == connected_;
}

}  // namespace windlass::scheduler
