// The workers as the queue sees them: what they can hold, what they hold, and where a job fits.
//
// A lease at a worker takes room (counted against its capacity), or is held ahead: prefetched beyond the capacity, so
// that the worker can start it the moment room becomes free, without a round trip. When room becomes free, what is held
// ahead moves into it in the order in which it was leased, which is the order in which the worker starts it.
//
// A worker may be reserved: kept free for one job. It is offered to nobody then, until there is room for that job.
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
#include "shared/guard.h"

namespace windlass::scheduler {

struct Worker {
    WorkerId id;
    Capacity capacity;
    bool connected = false;
    bool draining = false;  // wants nothing more until it joins again
    bool drained = false;   // an operator wants it to get nothing more
    // It could not start an attempt for which we thought it had room: handed it back, or failed to build its sandbox.
    // Nothing more until it shows a sign of progress (a renewal, a result): otherwise the two of us would pass jobs
    // back and forth as fast as messages go.
    bool resting = false;
    // It joined with more in hand than it would be given (it came back smaller or without a label, or was full of
    // prefetched attempts).
    bool joined_overfull = false;

    // What a lease needs belongs to the table of needs, which keeps it as long as the job lives.
    std::map<JobId, const Need*> in_room;              // leases that take room
    std::vector<std::pair<JobId, const Need*>> ahead;  // leases held ahead, in the order of leasing
    std::int64_t cpu_used = 0;                         // sums over in_room
    std::int64_t memory_used = 0;
    std::map<std::string, std::int64_t> resources_used;  // without zeros

    double mean_wall_us = 0;  // of its attempts, moving average
    int attempts_seen = 0;    // since it last proved to be slow

    bool takes_jobs() const {
        return connected && !(WINDLASS_GUARD(draining) && draining) && !(WINDLASS_GUARD(drained) && drained);
    }
    bool available() const { return takes_jobs() && !resting; }
    std::int64_t free_cpu() const { return capacity.cpu_millis - cpu_used; }
    std::int64_t free_memory() const { return capacity.memory_bytes - memory_used; }
    std::int64_t free_resource(const std::string& resource) const;
    bool overfull() const;
    // It has the label only=NAME, and the job does not require the label NAME.
    bool keeps_out(const Need& need) const;
    bool has_labels(const Need& need) const;  // and does not keep the job out
    // Large enough and with the labels, if it were empty.
    bool suits(const Need& need) const;
    bool has_room(const Need& need) const;
    // What is missing until it has room, as a share of the need: 0 is room, more is later.
    double missing(const Need& need) const;
    bool holds(JobId job) const;
    std::vector<JobId> leases() const;  // by id
    // How many attempts it may hold ahead now: about 50 ms of work, and none before its pace is known.
    int ahead_allowed() const;
    bool reserved() const { return reserved_for_ != nullptr; }

  private:
    friend class WorkerTable;
    const Need* reserved_for_ = nullptr;
    std::size_t leases_when_reserved_ = 0;  // and as they ended since: never more until it is given
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
        const Need* need = nullptr;
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
    // By an operator: holds for workers that are not here, too, until it is taken back. False: it was so already.
    bool set_drained(WorkerId id, bool drained);
    const std::set<WorkerId>& drained() const { return drained_; }

    // The worker with the most free cpu that has room; else the one that may hold most ahead. O(log workers) unless
    // what a job needs is scarcer than cpu: memory, labels, resources. Of labels and resources the rarest bounds it.
    std::optional<Place> place_for(const Need& need) const;
    // Nobody has a free cpu or takes anything ahead: place_for() would find nothing for anybody.
    bool full() const { return by_free_cpu_.empty() && by_spare_.empty(); }

    void take(const Place& place, JobId job, const Need* need);
    // A lease from the store at a worker that has not come back yet.
    void take_restored(WorkerId id, JobId job, const Need* need);
    void release(WorkerId id, JobId job);
    // Released because the worker could not start it. It is slower than we thought: nothing ahead before it proved its
    // pace again, and if we thought that it had room, it rests.
    void hand_back(WorkerId id, JobId job);
    // The worker says that it runs: it takes room now, if it was held ahead and fits.
    void started(WorkerId id, JobId job);
    void note_wall(WorkerId id, Microseconds wall);

    // The worker that can have room for this need soonest, of those that suit it. Nobody when one has room already, or
    // half of those that suit it are reserved (one may be, if there is only one). O(workers): asked rarely.
    std::optional<WorkerId> best_to_reserve(const Need& need) const;
    void reserve(WorkerId id, const Need* need);
    void unreserve(WorkerId id);
    // A reserved worker that has room now for what it is kept free for.
    std::optional<WorkerId> reserved_with_room() const;
    std::size_t reserved() const { return reserved_; }

    // Goes up whenever a job that fitted nowhere may fit now.
    std::uint64_t room_grew() const { return room_grew_; }

    // True when the sums and indexes agree with what the workers hold, and nobody holds more than he may.
    bool check_invariants(std::string* why) const;

  private:
    Worker& get(WorkerId id);
    Worker& get_or_add(WorkerId id);
    static void put_in_room(Worker& worker, JobId job, const Need* need);
    static void move_up(Worker& worker);  // from ahead into room
    void room_became_free(const Worker& worker);
    void index_traits(const Worker& worker, bool present);
    // The workers with the rarest of the labels and resources needed; nullptr when the need has none.
    const std::set<WorkerId>* rarest(const Need& need) const;
    void reindex(Worker& worker);
    void forget_if_gone(WorkerId id);

    std::unordered_map<WorkerId, Worker> workers_;
    // Available workers that are not reserved: most free cpu first; most spare places ahead first. Of equals the lower
    // id.
    std::set<std::pair<std::int64_t, WorkerId>> by_free_cpu_;  // the number negated
    std::set<std::pair<int, WorkerId>> by_spare_;              // the number negated; only those with any
    std::set<WorkerId> ready_;                                 // reserved, available, and with room for it
    // Connected workers by what not every worker has: a label with its value, a resource.
    std::map<std::pair<std::string, std::string>, std::set<WorkerId>> with_label_;
    std::map<std::string, std::set<WorkerId>> with_resource_;
    std::set<WorkerId> drained_;
    std::size_t connected_ = 0;
    std::size_t reserved_ = 0;
    std::uint64_t room_grew_ = 1;
};

}  // namespace windlass::scheduler
