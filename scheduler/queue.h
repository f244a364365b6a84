// The queue: decides what happens to every job. Pure: it is told what happened and when (on), and answers with what is
// to be done (Effects). No socket, thread, clock, database or randomness in here; the same events at the same times
// give the same effects, so whatever went wrong once can be played again.
//
// What the shell around it must do, or the promise of the project is broken (tests/simulation shows how each breaks):
// - carry effects out in order, and nothing outward before everything persistent up to it is durable (queue_io.h). Only
//   AnswerRenewal may go at once: jobs run on while the database is away;
// - send a lease only if, when its commit is done, row() still says that this worker has this attempt: the worker may
//   have come back without it meanwhile, which ended it;
// - hand a lease back (AttemptReturned) instead of sending it when it was decided longer ago than ttl + grace less the
//   worker's 10 s, with room for slow messages (5 s): the worker would rightly believe to have ten seconds, and it is
//   over before;
// - tell the queue of one connection per worker, the one dialled last: what an older one still brings after a join is
//   dropped, and a hello that was overtaken by one of a later connection is refused.
// And what a worker must do: hear nothing and kill everything 10 s after it *sent* the last renewal (or hello) that was
// answered, and name as held whatever still has a process.
//
// Everything here is O(log n) in the number of jobs, and bounded where it looks for a job to start.
//
// Files: queue.cpp what happens to a job; dispatch.cpp who is next and where; explain.cpp the same in words;
// invariants.cpp what must always hold. The nouns: job_table, waiting_jobs, need_table, fair_share, lease_table,
// worker_table.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "scheduler/fair_share.h"
#include "scheduler/job_table.h"
#include "scheduler/lease_table.h"
#include "scheduler/need_table.h"
#include "scheduler/queue_io.h"
#include "scheduler/waiting_jobs.h"
#include "scheduler/worker_table.h"

namespace windlass::scheduler {

class Queue {
  public:
    explicit Queue(QueueSettings settings);

    // Before any event: the state the store had. Leases found in it live until now + ttl + grace unless their worker
    // comes back. The next id is max(first_job_id, highest_job + 1).
    Effects restore(const std::vector<StoredJob>& jobs, JobId highest_job, Now now);

    // The way anything changes.
    Effects on(const Event& event, Now now);

    struct Counts {
        std::size_t blocked = 0;
        std::size_t queued = 0;
        std::size_t starting = 0;
        std::size_t running = 0;
        std::size_t workers_connected = 0;
    };
    Counts counts() const;
    // Of a job that has not ended; nullopt otherwise.
    std::optional<StateRow> row(JobId job) const;
    // When TimePassed has something to do. The timer that is armed may ring earlier (never later), which is harmless.
    std::optional<SteadyTime> next_timer() const;
    // Everything that must always hold. O(n): for tests, after each step.
    bool check_invariants(std::string* why) const;
    // Why a job waits, in a sentence, from the data that decides.
    std::string explain(JobId job) const;

  private:
    // One move of a job: the change of its row and what it counts as.
    struct Move {
        JobMove what = JobMove::lease;
        JobState to = JobState::queued;
        WorkerId worker;      // who gets the lease (lease), or whom the event concerns
        std::string detail;   // for people
        int failures = 0;     // to add
        int losses = 0;       // to add
        Microseconds used{};  // how long the slot was held, for fair share; of moves that end a lease
        std::optional<WallTime> started;
        bool handed_back = false;  // the worker could not start it
    };
    // Looking through the line of users for a job that fits; see dispatch.cpp.
    struct Scan {
        std::uint64_t room_seen = 0;               // WorkerTable::room_grew() when it was last looked at
        bool wanted = false;                       // something changed: there may be a job that fits
        bool again = false;                        // … and it changed while a scan was under way
        std::optional<FairShare::Place> position;  // a scan under way goes on behind this user
    };

    void handle(const Submit& event);
    void handle(const CancelJob& event);
    void handle(const WorkerJoined& event);
    void handle(const WorkerLeft& event);
    void handle(const LeasesRenewed& event);
    void handle(const WorkerDraining& event);
    void handle(const AttemptStarted& event);
    void handle(const AttemptFinished& event);
    void handle(const AttemptReturned& event);
    void handle(const TimePassed& event);

    // Every change of a job's state goes through here: checked against the table of allowed moves, numbered, persisted,
    // and followed by its consequences for the indexes. A final job is forgotten.
    void move(JobId id, const Move& move);
    void born(JobId id, RequestId request, std::size_t index, const NewJob& seed);
    void leave_state(JobId id, const Job& job, const Move& move);
    void enter_state(JobId id, Job& job, const Move& move);
    void requeue_or_end(JobId id, Move requeue);
    // The attempt ended with its worker.
    void lose(JobId id, const std::string& detail);
    void settle_finish(JobId id, const AttemptFinished& event);
    void wait_in_line(JobId id, const Job& job);

    // dispatch.cpp
    void want_scan();
    void dispatch();
    bool dispatch_one_of(UserIndex user);
    std::optional<WorkerTable::Place> place_for(KindIndex kind);
    void arm_timer();

    const char* wrong_with(JobId id, const Job& job) const;  // invariants.cpp

    SteadyTime lease_end() const { return now_.steady + settings_.lease_ttl + settings_.lease_grace; }
    bool connected(WorkerId worker) const;

    QueueSettings settings_;
    JobId next_id_;
    JobTable jobs_;
    NeedTable needs_;
    WaitingJobs waiting_;
    FairShare fair_;
    LeaseTable leases_;
    WorkerTable workers_;
    Scan scan_;
    std::optional<SteadyTime> armed_;

    // Of the turn under way.
    Now now_{};
    Effects effects_;
};

}  // namespace windlass::scheduler
