#include "scheduler/worker_table.h"

#include <algorithm>

#include "shared/guard.h"
#include "shared/result.h"
#include "shared/site_names.h"

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

std::int64_t Worker::free_resource(const std::string& resource) const {
    const auto all = capacity.resources.find(resource);
    if (all == capacity.resources.end()) return 0;
    const auto used = resources_used.find(resource);
    return all->second - (used == resources_used.end() ? 0 : used->second);
}

bool Worker::overfull() const {
    if (free_cpu() < 0 || free_memory() < 0) return true;
    return std::any_of(resources_used.begin(), resources_used.end(),
                       [this](const auto& used) { return free_resource(used.first) < 0; });
}

bool Worker::keeps_out(const Need& need) const {
    const auto only = capacity.labels.find(std::string(only_label));
    return only != capacity.labels.end() && !need.labels.contains(only->second);
}

bool Worker::has_labels(const Need& need) const {
    if (keeps_out(need)) return false;
    return std::all_of(need.labels.begin(), need.labels.end(), [this](const auto& label) {
        const auto mine = capacity.labels.find(label.first);
        return !WINDLASS_GUARD(label) || (mine != capacity.labels.end() && mine->second == label.second);
    });
}

bool Worker::suits(const Need& need) const {
    if (need.cpu_millis > capacity.cpu_millis || need.memory_bytes > capacity.memory_bytes) return false;
    for (const auto& [resource, count] : need.resources) {
        const auto mine = capacity.resources.find(resource);
        if (count > 0 && (mine == capacity.resources.end() || mine->second < count)) return false;
    }
    return has_labels(need);
}

bool Worker::has_room(const Need& need) const {
    if (need.cpu_millis > free_cpu()) return false;
    if (WINDLASS_GUARD(memory_room) && need.memory_bytes > free_memory()) return false;
    for (const auto& [resource, count] : need.resources)
        if (WINDLASS_GUARD(resource_count) && count > 0 && free_resource(resource) < count) return false;
    return has_labels(need);
}

double Worker::missing(const Need& need) const {
    const auto part = [](std::int64_t wanted, std::int64_t free) {
        return wanted <= free ? 0.0 : static_cast<double>(wanted - free) / static_cast<double>(wanted);
    };
    double sum = part(need.cpu_millis, free_cpu()) + part(need.memory_bytes, free_memory());
    for (const auto& [resource, count] : need.resources) sum += part(count, free_resource(resource));
    return sum;
}

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

Worker& WorkerTable::get_or_add(WorkerId id) {
    const auto [place, is_new] = workers_.try_emplace(id);
    if (is_new) {
        place->second.id = id;
        place->second.drained = drained_.contains(id);
    }
    return place->second;
}

void WorkerTable::room_became_free(const Worker& worker) {
    if (worker.available() && !worker.reserved()) ++room_grew_;
}

void WorkerTable::index_traits(const Worker& worker, bool present) {
    const auto note = [&](auto& index, const auto& key) {
        if (present) {
            index[key].insert(worker.id);
        } else if (const auto found = index.find(key); found != index.end()) {
            found->second.erase(worker.id);
            if (found->second.empty()) index.erase(found);
        }
    };
    for (const auto& label : worker.capacity.labels) note(with_label_, std::pair(label.first, label.second));
    for (const auto& [resource, count] : worker.capacity.resources) note(with_resource_, resource);
}

const std::set<WorkerId>* WorkerTable::rarest(const Need& need) const {
    static const std::set<WorkerId> nobody;
    const std::set<WorkerId>* least = nullptr;
    const auto look = [&least](const auto& index, const auto& key) {
        const auto found = index.find(key);
        const std::set<WorkerId>& here = found == index.end() ? nobody : found->second;
        if (least == nullptr || here.size() < least->size()) least = &here;
    };
    for (const auto& label : need.labels) look(with_label_, std::pair(label.first, label.second));
    for (const auto& [resource, count] : need.resources)
        if (count > 0) look(with_resource_, resource);
    return least;
}

void WorkerTable::reindex(Worker& worker) {
    std::optional<std::int64_t> free_cpu;
    std::optional<int> spare;
    if (worker.available() && !worker.reserved()) {
        if (worker.free_cpu() > 0 && worker.free_memory() >= 0) free_cpu = worker.free_cpu();
        const int places = worker.ahead_allowed() - static_cast<int>(worker.ahead.size());
        if (places > 0) spare = places;
    }
    if (worker.reserved()) {
        if (worker.available() && worker.has_room(*worker.reserved_for_))
            ready_.insert(worker.id);
        else
            ready_.erase(worker.id);
    }
    if (worker.joined_overfull && !worker.overfull() &&
        static_cast<int>(worker.ahead.size()) <= std::max(0, worker.capacity.prefetch) &&
        std::all_of(worker.in_room.begin(), worker.in_room.end(),
                    [&worker](const auto& held) { return worker.has_labels(*held.second); }))
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

void WorkerTable::put_in_room(Worker& worker, JobId job, const Need* need) {
    WINDLASS_CHECK(worker.in_room.emplace(job, need).second, "a worker was given the same job twice");
    worker.cpu_used += need->cpu_millis;
    worker.memory_used += need->memory_bytes;
    for (const auto& [resource, count] : need->resources)
        if (count > 0) worker.resources_used[resource] += count;
}

void WorkerTable::move_up(Worker& worker) {
    std::size_t moved = 0;
    while (moved < worker.ahead.size() && worker.has_room(*worker.ahead[moved].second)) {
        put_in_room(worker, worker.ahead[moved].first, worker.ahead[moved].second);
        ++moved;
    }
    worker.ahead.erase(worker.ahead.begin(), worker.ahead.begin() + static_cast<std::ptrdiff_t>(moved));
}

void WorkerTable::join(WorkerId id, const Capacity& capacity, std::vector<Held> held) {
    Worker& worker = get_or_add(id);
    WINDLASS_CHECK(worker.in_room.size() + worker.ahead.size() == held.size(),
                   "a worker joined and what it keeps was not all named");
    WINDLASS_CHECK(!worker.reserved(), "a worker joined while it is reserved");
    if (worker.connected)
        index_traits(worker, false);
    else
        ++connected_;
    worker.capacity = capacity;
    worker.connected = true;
    index_traits(worker, true);
    worker.draining = worker.resting = false;
    worker.in_room.clear();
    worker.ahead.clear();
    worker.cpu_used = worker.memory_used = 0;
    worker.resources_used.clear();
    // What runs takes room, whatever the sums say. What waits was leased in the order of the ids, mostly.
    std::sort(held.begin(), held.end(),
              [](const Held& a, const Held& b) { return a.running != b.running ? a.running : a.job < b.job; });
    for (const Held& each : held) {
        if (each.running || worker.has_room(*each.need))
            put_in_room(worker, each.job, each.need);
        else
            worker.ahead.emplace_back(each.job, each.need);
    }
    worker.joined_overfull = true;  // taken back by reindex() if it is not so
    reindex(worker);
    room_became_free(worker);
}

void WorkerTable::forget_if_gone(WorkerId id) {
    const auto found = workers_.find(id);
    if (!found->second.connected && found->second.in_room.empty() && found->second.ahead.empty()) workers_.erase(found);
}

void WorkerTable::leave(WorkerId id) {
    const auto found = workers_.find(id);
    if (found == workers_.end() || !found->second.connected) return;
    index_traits(found->second, false);
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
    room_became_free(found->second);
}

bool WorkerTable::set_drained(WorkerId id, bool drained) {
    if (drained_.contains(id) == drained) return false;
    if (drained)
        drained_.insert(id);
    else
        drained_.erase(id);
    const auto found = workers_.find(id);
    if (found == workers_.end()) return true;
    found->second.drained = drained;
    reindex(found->second);
    room_became_free(found->second);
    return true;
}

std::optional<WorkerTable::Place> WorkerTable::place_for(const Need& need) const {
    if (const std::set<WorkerId>* few = rarest(need); few != nullptr && few->size() < by_free_cpu_.size()) {
        std::optional<std::pair<std::int64_t, WorkerId>> best;
        std::optional<std::pair<int, WorkerId>> best_ahead;
        for (const WorkerId id : *few) {
            const Worker& worker = workers_.at(id);
            if (worker.indexed_free_cpu_ && worker.has_room(need)) {
                const std::pair key(-*worker.indexed_free_cpu_, id);
                if (!best || key < *best) best = key;
            } else if (worker.indexed_spare_ && worker.suits(need)) {
                const std::pair key(-*worker.indexed_spare_, id);
                if (!best_ahead || key < *best_ahead) best_ahead = key;
            }
        }
        if (best) return Place{best->second, false};
        if (best_ahead) return Place{best_ahead->second, true};
        return std::nullopt;
    }
    for (const auto& [negated_free, id] : by_free_cpu_) {
        if (-negated_free < need.cpu_millis) break;
        if (workers_.at(id).has_room(need)) return Place{id, false};
    }
    for (const auto& [negated_spare, id] : by_spare_)
        if (workers_.at(id).suits(need)) return Place{id, true};
    return std::nullopt;
}

void WorkerTable::take(const Place& place, JobId job, const Need* need) {
    Worker& worker = get(place.worker);
    if (place.ahead)
        worker.ahead.emplace_back(job, need);
    else
        put_in_room(worker, job, need);
    reindex(worker);
}

void WorkerTable::take_restored(WorkerId id, JobId job, const Need* need) {
    Worker& worker = get_or_add(id);
    worker.joined_overfull = true;  // its capacity is not known before it comes back
    put_in_room(worker, job, need);
}

void WorkerTable::release(WorkerId id, JobId job) {
    Worker& worker = get(id);
    if (const auto held = worker.in_room.find(job); held != worker.in_room.end()) {
        const Need& need = *held->second;
        worker.cpu_used -= need.cpu_millis;
        worker.memory_used -= need.memory_bytes;
        for (const auto& [resource, count] : need.resources) {
            if (count <= 0) continue;
            const auto used = worker.resources_used.find(resource);
            if ((used->second -= count) == 0) worker.resources_used.erase(used);
        }
        worker.in_room.erase(held);
    } else {
        const auto ahead = find_ahead(worker, job);
        WINDLASS_CHECK(ahead != worker.ahead.end(), "a worker was relieved of a job that it does not hold");
        worker.ahead.erase(ahead);
    }
    if (worker.reserved()) --worker.leases_when_reserved_;
    move_up(worker);
    reindex(worker);
    room_became_free(worker);
    forget_if_gone(id);
}

void WorkerTable::hand_back(WorkerId id, JobId job) {
    Worker& worker = get(id);
    worker.attempts_seen = 0;
    worker.resting = worker.resting || worker.in_room.contains(job);
    release(id, job);
}

std::optional<WorkerId> WorkerTable::best_to_reserve(const Need& need) const {
    std::size_t suitable = 0;
    std::size_t taken = 0;
    std::optional<std::pair<double, WorkerId>> best;
    for (const auto& [id, worker] : workers_) {
        if (!worker.takes_jobs() || !worker.suits(need)) continue;
        ++suitable;
        if (worker.reserved()) {
            ++taken;
            continue;
        }
        if (worker.resting) continue;
        const std::pair key(worker.missing(need), id);
        if (!best || key < *best) best = key;
    }
    if (!best || best->first == 0 || taken >= std::max<std::size_t>(1, suitable / 2)) return std::nullopt;
    return best->second;
}

void WorkerTable::reserve(WorkerId id, const Need* need) {
    Worker& worker = get(id);
    WINDLASS_CHECK(!worker.reserved(), "a worker was reserved twice");
    worker.reserved_for_ = need;
    worker.leases_when_reserved_ = worker.in_room.size() + worker.ahead.size();
    ++reserved_;
    reindex(worker);
}

void WorkerTable::unreserve(WorkerId id) {
    Worker& worker = get(id);
    WINDLASS_CHECK(worker.reserved(), "a worker was set free that was not reserved");
    worker.reserved_for_ = nullptr;
    ready_.erase(id);
    --reserved_;
    reindex(worker);
    room_became_free(worker);
}

std::optional<WorkerId> WorkerTable::reserved_with_room() const {
    if (ready_.empty()) return std::nullopt;
    return *ready_.begin();
}

void WorkerTable::started(WorkerId id, JobId job) {
    Worker& worker = get(id);
    const auto ahead = find_ahead(worker, job);
    if (ahead == worker.ahead.end() || !worker.has_room(*ahead->second)) return;
    const Need* need = ahead->second;
    worker.ahead.erase(ahead);
    put_in_room(worker, job, need);
    move_up(worker);
    reindex(worker);
    room_became_free(worker);  // a place ahead
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
    std::size_t reserved = 0;
    for (const auto& [id, worker] : workers_) {
        const std::string who = "worker " + id.text() + ": ";
        std::int64_t cpu = 0;
        std::int64_t memory = 0;
        std::map<std::string, std::int64_t> resources;
        bool labels = true;
        for (const auto& [job, need] : worker.in_room) {
            cpu += need->cpu_millis;
            memory += need->memory_bytes;
            for (const auto& [resource, count] : need->resources)
                if (count > 0) resources[resource] += count;
            labels = labels && worker.has_labels(*need);
        }
        connected += worker.connected ? 1 : 0;
        reserved += worker.reserved() ? 1 : 0;
        const bool ready = worker.reserved() && worker.available() && worker.has_room(*worker.reserved_for_);
        const char* wrong = nullptr;
        if (cpu != worker.cpu_used || memory != worker.memory_used || resources != worker.resources_used)
            wrong = "the room it uses is not the sum of its leases";
        else if (!worker.joined_overfull && (worker.overfull() || !labels))
            wrong = "it was given more than its capacity, or what its labels forbid";
        else if (!worker.joined_overfull &&
                 static_cast<int>(worker.ahead.size()) > std::max(0, worker.capacity.prefetch))
            wrong = "it was given more ahead than it takes";
        else if (!worker.ahead.empty() && worker.has_room(*worker.ahead.front().second))
            wrong = "an attempt is held ahead though it has room";
        else if (!worker.connected && worker.in_room.empty() && worker.ahead.empty())
            wrong = "it is gone, holds nothing and was not forgotten";
        else if (worker.drained != drained_.contains(id))
            wrong = "it is drained exactly when an operator wants it, and is not";
        else if (!worker.available() && (worker.indexed_free_cpu_ || worker.indexed_spare_))
            wrong = "it takes nothing and is offered to jobs";
        else if (worker.reserved() && (worker.indexed_free_cpu_ || worker.indexed_spare_))
            wrong = "it is kept free and is offered to others";
        else if (worker.reserved() && worker.in_room.size() + worker.ahead.size() > worker.leases_when_reserved_)
            wrong = "it is kept free and was given something else";
        else if (ready != ready_.contains(id))
            wrong = "it is kept free and its room is not noticed";
        else if (worker.indexed_free_cpu_ && !by_free_cpu_.contains({-*worker.indexed_free_cpu_, id}))
            wrong = "it is missing among the workers with room";
        else if (worker.indexed_spare_ && !by_spare_.contains({-*worker.indexed_spare_, id}))
            wrong = "it is missing among the workers that take attempts ahead";
        for (const auto& label : worker.capacity.labels) {
            const auto found = with_label_.find({label.first, label.second});
            if ((found != with_label_.end() && found->second.contains(id)) != worker.connected)
                wrong = "it is not found by its labels exactly while it is here";
        }
        if (wrong != nullptr) {
            *why = who + wrong;
            return false;
        }
    }
    if (reserved != reserved_) *why = "the count of reserved workers is wrong";
    if (connected != connected_) *why = "the count of connected workers is wrong";
    return connected == connected_ && reserved == reserved_;
}

}  // namespace windlass::scheduler
