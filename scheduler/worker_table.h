// The workers as the queue sees them: what they can hold, what they hold, and where a job fits.
//
// A lease at a worker takes room (counted against its capacity), or is held ahead: prefetched beyond the capacity, so
// that the worker can start it the moment room becomes free, without a round trip. When room becomes free, what is held
// ahead moves into it in the order in which it was leased, which is the order in which the worker starts it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

struct Worker {
    WorkerId id;
    Capacity capacity;
    bool connected = false;
    bool draining = false;  // wants nothing more until it joins again
    // It could not start an attempt for which we thought it had room: handed it back, or failed to build its sandbox.
    // Nothing more until it shows a sign of progress (a renewal, a result): otherwise the two of us would pass jobs
    // back and forth as fast as messages go.
    bool resting = false;
    // It joined with more in hand than its capacity allows (it came back smaller, or was full of prefetched attempts).
    bool joined_overfull = false;

    std::map<JobId, Need> in_room;              // leases that take room
    std::vector<std::pair<JobId, Need>> ahead;  // leases held ahead, in the order of leasing
    std::int64_t cpu_used = 0;                  // sums over in_room
    std::int64_t memory_used = 0;

    double mean_wall_us = 0;  // of its attempts, moving average
    int attempts_seen = 0;    // since it last proved to be slow

    bool available() const { return connected && !draining && !resting; }
    std::int64_t free_cpu() const { return capacity.cpu_millis - cpu_used; }
    std::int64_t free_memory() const { return capacity.memory_bytes - memory_used; }
    bool has_room(const Need& need) const {
        return need.cpu_millis <= free_cpu() && need.memory_bytes <= free_memory();
    }
    bool large_enough(const Need& need) const {
        return need.cpu_millis <= capacity.cpu_millis && need.memory_bytes <= capacity.memory_bytes;
    }
    bool holds(JobId job) const;
    std::vector<JobId> leases() const;  // by id
    // How many attempts it may hold ahead now: about 50 ms of work, and none before its pace is known.
    int ahead_allowed() const;

  private:
    friend class WorkerTable;
    // How it stands in the indexes of the table.
    std::optional<std::int64_t> indexed_free_cpu_;
    std::optional<int> indexed_spare_;
};

class WorkerTable {
  public:
    // Where a job can go: into room, or (only where no worker has room) ahead.
    struct Place {
        WorkerId worker;
        bool ahead = false;
    };
    // A lease found in the store, or adopted.
    struct Held {
        JobId job;
        Need need;
        bool running = false;
    };

    const Worker* find(WorkerId id) const;
    // In no order: for sums and checks only, never to decide anything.
    const std::unordered_map<WorkerId, Worker>& unordered() const { return workers_; }
    std::size_t connected() const { return connected_; }

    // What it holds is kept and sorted anew into room and ahead by what `held` says, which names all of it.
    void join(WorkerId id, const Capacity& capacity, std::vector<Held> held);
    void leave(WorkerId id);
    void drain(WorkerId id);
    void rest(WorkerId id);  // it cannot start jobs at the moment
    void wake(WorkerId id);  // it showed progress: no longer resting

    // The worker with the most free cpu that has room; else the one that may hold most ahead. O(log workers) unless
    // memory is scarcer than cpu.
    std::optional<Place> place_for(const Need& need) const;
    // Nobody has a free cpu or takes anything ahead: place_for() would find nothing for anybody.
    bool full() const { return by_free_cpu_.empty() && by_spare_.empty(); }

    void take(const Place& place, JobId job, const Need& need);
    // A lease from the store at a worker that has not come back yet.
    void take_restored(WorkerId id, JobId job, const Need& need);
    void release(WorkerId id, JobId job);
    // Released because the worker could not start it. It is slower than we thought: nothing ahead before it proved its
    // pace again, and if we thought that it had room, it rests.
    void hand_back(WorkerId id, JobId job);
    // The worker says that it runs: it takes room now, if it was held ahead and fits.
    void started(WorkerId id, JobId job);
    void note_wall(WorkerId id, Microseconds wall);

    // Goes up whenever a job that fitted nowhere may fit now.
    std::uint64_t room_grew() const { return room_grew_; }

    // True when the sums and indexes agree with what the workers hold, and nobody holds more than he may.
    bool check_invariants(std::string* why) const;

  private:
    Worker& get(WorkerId id);
    static void put_in_room(Worker& worker, JobId job, const Need& need);
    static void move_up(Worker& worker);  // from ahead into room
    void reindex(Worker& worker);
    void forget_if_gone(WorkerId id);

    std::unordered_map<WorkerId, Worker> workers_;
    // Available workers: most free cpu first; most spare places ahead first. Of equals the lower id.
    std::set<std::pair<std::int64_t, WorkerId>> by_free_cpu_;  // the number negated
    std::set<std::pair<int, WorkerId>> by_spare_;              // the number negated; only those with any
    std::size_t connected_ = 0;
    std::uint64_t room_grew_ = 1;
};

}  // namespace windlass::scheduler
