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
// Everything here is O(log n) in the number of jobs, and bounded where it looks for a job to start. What a turn is told
// to do to many jobs at once (an array is cancelled, a thousand jobs wait for one) costs as much as they are.
//
// Files: queue.cpp what happens to a job; queue_lines.cpp who waits where, and for how long; queue_clients.cpp,
// queue_operators.cpp, queue_workers.cpp what each may say; queue_arrays.cpp members of arrays; queue_restore.cpp the
// beginning; dispatch.cpp who is next and where; explain.cpp the same in words; invariants.cpp what must always hold.
// The nouns: job_table, array_table, dependency_table, job_moments, waiting_jobs, need_table, named_queues, user_table,
// fair_share, lease_table, worker_table, reservation_table, retry_policy.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/array_table.h"
#include "scheduler/dependency_table.h"
#include "scheduler/fair_share.h"
#include "scheduler/job_moments.h"
#include "scheduler/job_table.h"
#include "scheduler/lease_table.h"
#include "scheduler/named_queues.h"
#include "scheduler/need_table.h"
#include "scheduler/queue_io.h"
#include "scheduler/reservation_table.h"
#include "scheduler/user_table.h"
#include "scheduler/waiting_jobs.h"
#include "scheduler/worker_table.h"
#include "shared/guard.h"

namespace windlass::scheduler {

class Queue {
  public:
    explicit Queue(QueueSettings settings);

    // Before any event: the state the store had. Leases found in it live until now + ttl + grace unless their worker
    // comes back. The next id is max(first_job_id, highest_job + 1). The pause of a job before its next attempt begins
    // anew: nobody wrote down when it began.
    Effects restore(const StoredQueue& stored, Now now);

    // The way anything changes.
    Effects on(const Event& event, Now now);

    struct Counts {
        std::size_t blocked = 0;  // members of arrays without a row included, arrays themselves not
        std::size_t queued = 0;   // as well
        std::size_t starting = 0;
        std::size_t running = 0;
        std::size_t workers_connected = 0;
    };
    Counts counts() const;
    // Of a job that has not ended and has a row; nullopt otherwise.
    std::optional<StateRow> row(JobId job) const;
    UserId owner(JobId job) const;  // of one that row() has; 0 otherwise
    // It has not ended: row() has it, or it is a member of an array and gets a row when it starts.
    bool is_active(JobId job) const;
    // How a member ended that never started, while others of its array go on: the tables still show it waiting.
    std::optional<JobState> ended_unstarted(JobId member) const;
    // When TimePassed has something to do. The timer that is armed may ring earlier (never later), which is harmless.
    std::optional<SteadyTime> next_timer() const;
    // Everything that must always hold. O(n): for tests, after each step.
    bool check_invariants(std::string* why) const;
    // Why a job waits, from the data that decides.
    Explanation explain(JobId job) const;
    // By name.
    std::vector<QueueView> list_queues() const { return queues_.views(); }
    // By id: those that are connected, hold leases, or are drained by an operator.
    std::vector<WorkerView> list_workers() const;
    // The jobs that this worker holds leases of.
    std::vector<JobId> jobs_of(WorkerId worker) const;

  private:
    // One move of a job: the change of its row and what it counts as.
    struct Move {
        JobMove what = JobMove::lease;
        JobState to = JobState::queued;
        WorkerId worker{};     // who gets the lease (lease), or whom the event concerns
        std::string detail{};  // for people
        int failures = 0;      // to add
        int losses = 0;        // to add
        Microseconds used{};   // how long the slot was held, for fair share; of moves that end a lease
        Microseconds pause{};  // before it is in line again; of moves to queued
        std::optional<WallTime> started{};
        bool handed_back = false;  // the worker could not start it
    };
    // Looking through the lines for a job that fits; see dispatch.cpp.
    struct Scan {
        // How far the scan of this number came in the line of one queue.
        struct Passed {
            std::uint64_t number = 0;
            std::optional<FairShare::Place> position;  // it goes on behind this user
            bool to_the_end = false;
        };
        std::uint64_t room_seen = 0;  // WorkerTable::room_grew() when it was last looked at
        bool wanted = false;          // something changed: there may be a job that fits
        bool again = false;           // … and it changed while a scan was under way
        bool under_way = false;
        std::uint64_t number = 1;
        std::vector<Passed> passed;  // by queue
    };
    // A job that ended, whose consequences for others are still to come.
    struct Ended {
        JobId job;
        JobState state = JobState::succeeded;
        JobId array;  // to be told; 0: none
    };

    void handle(const Submit& event);
    void handle(const CancelJobs& event);
    void handle(const SetQuota& event);
    void handle(const ConfigureQueue& event);
    void handle(const RemoveQueue& event);
    void handle(const DrainWorker& event);
    void handle(const ForgetWorker& event);
    void handle(const WorkerJoined& event);
    void handle(const WorkerLeft& event);
    void handle(const LeasesRenewed& event);
    void handle(const WorkerDraining& event);
    void handle(const AttemptStarted& event);
    void handle(const AttemptReady& event);
    void handle(const AttemptFinished& event);
    void handle(const AttemptReturned& event);
    void handle(const TimePassed& event);

    void begin_turn(Now now);
    Effects end_turn();

    // Every change of a job's state goes through here: checked against the table of allowed moves, numbered, persisted,
    // and followed by its consequences for the indexes. A final job is forgotten; what its end means for others is done
    // by follow_ends().
    void move(JobId id, const Move& move);
    void leave_state(JobId id, Job& job, const Move& move);
    void enter_state(JobId id, Job& job, const Move& move);
    void end_lease(JobId id, const Job& job, const Move& move);
    void requeue_or_end(JobId id, Move requeue);
    // The attempt ended with its worker.
    void lose(JobId id, const std::string& detail);
    void settle_finish(JobId id, const AttemptFinished& event);
    void request_cancel(JobId id, const Job& job, const std::string& detail);
    // Arrays count their members, dependants are released or cancelled, and so on until nothing follows.
    void follow_ends();
    void settle_dependency(JobId waiting, const Ended& ended);
    // Of one that waits, whatever it is: what can never run ends.
    void cancel_waiting(JobId id, const std::string& detail);
    void expire(JobId id);
    JobId array_of(JobId id, const Job& job) const;
    const JobRules* rules_of(JobId id, const Job& job) const;

    // queue_lines.cpp. A queued job is in line, or its time has not come.
    void wait(JobId id, Job& job, Microseconds pause);
    void line_up(JobId id, Job& job);
    void leave_line(JobId id, Job& job);
    JobId entry_of(JobId id, const Job& job) const;
    void ring_due();
    Microseconds pause_after(JobId id, const Job& job, int failures, int losses) const;
    // What is counted of waiting and leased jobs, and who is in line because of it.
    void count_waiting(const Job& job, std::int64_t change);
    std::int64_t weight_of(JobId id, const Job& job) const;
    void count_lease(const Job& job, int change);
    bool refresh_share(ShareIndex share);
    void refresh_user(UserIndex user);
    void refresh_queue(QueueIndex queue);
    void set_quota(UserIndex user, const Quota& quota);
    void check_cpu(UserIndex user);
    ShareIndex share_of(UserId owner, QueueIndex queue);

    // queue_clients.cpp
    bool refuse(const Submit& event);
    void born(JobId id, RequestId request, std::size_t index, const NewJob& seed, bool blocked);
    std::optional<JobState> ended_state(const Dependency& dependency) const;
    std::optional<JobState> ended_in_this_turn(JobId id) const;
    CancelAnswer cancel(JobId id, const std::string& reason);

    // queue_arrays.cpp
    void bear_member(JobId array, JobId member);
    void close_array(JobId id, JobState as);
    void stop_members(JobId id, const std::string& detail);
    CancelAnswer cancel_array(JobId id, const std::string& reason);
    void member_ended(JobId array, JobId member, JobState state);
    void settle_if_complete(JobId id);
    void forget_array(JobId id);

    // queue_restore.cpp
    void restore_job(const StoredJob& stored, std::int64_t live_members);
    void restore_dependencies(const StoredJob& stored);

    // dispatch.cpp
    void want_scan();
    void end_scan(bool again);
    void dispatch();
    bool dispatch_one_of(ShareIndex share, bool its_turn);
    void start(JobId job, KindIndex kind, const WorkerTable::Place& place);
    void start_reserved();
    void consider_reservation(ShareIndex share);
    void drop_reservation(const Reservation& reservation);
    std::optional<FairShare::Place> next_in_line();
    Scan::Passed& passed(QueueIndex queue);
    std::optional<WorkerTable::Place> place_for(KindIndex kind);
    void arm_timer();

    // explain.cpp
    void explain_queued(JobId entry, const Job& job, std::size_t members_before, Explanation& why) const;
    bool explain_limits(const Job& job, Explanation& why) const;
    std::optional<WallTime> estimate(const Job& job, const Explanation& so_far) const;

    // invariants.cpp
    const char* wrong_with(JobId id, const Job& job) const;
    const char* wrong_with_waiting(JobId id, const Job& job) const;
    const char* wrong_with_array(JobId id, const Job& job) const;
    bool check_counts(std::string* why) const;
    bool check_reservations(std::string* why) const;

    SteadyTime lease_end() const {
        return now_.steady + settings_.lease_ttl + (WINDLASS_GUARD(grace) ? settings_.lease_grace : Milliseconds{0});
    }
    bool connected(WorkerId worker) const;
    bool may_speak(const AttemptRef& attempt, WorkerId worker, bool fenced) const;
    QueueIndex queue_index(const Job& job) const { return fair_.queue_of(job.share); }
    UserIndex user_index(const Job& job) const { return fair_.user_of(job.share); }
    WallTime wall_now() const { return WallTime{now_.steady.time_since_epoch() + wall_ahead_}; }
    SteadyTime steady_of(WallTime at) const { return SteadyTime{at.time_since_epoch() - wall_ahead_}; }

    QueueSettings settings_;
    JobId next_id_;
    JobTable jobs_;
    ArrayTable arrays_;
    DependencyTable dependencies_;
    std::unordered_map<JobId, JobRules> rules_;                 // of jobs and arrays that have any; not of members
    std::unordered_map<JobId, std::string> service_addresses_;  // of the jobs that are ready
    JobMoments<SteadyTime> backing_off_;                        // queued, and in line again from then on
    JobMoments<WallTime> not_before_;                           // as well
    JobMoments<WallTime> deadlines_;                            // of jobs that wait
    NeedTable needs_;
    WaitingJobs waiting_;
    NamedQueues queues_;
    UserTable users_;
    FairShare fair_;
    LeaseTable leases_;
    WorkerTable workers_;
    ReservationTable reservations_;
    Scan scan_;
    std::optional<SteadyTime> armed_;
    // How far the wall clock is ahead of the steady one. Follows it only when it was set (or drifts by a millisecond):
    // otherwise timers would be armed anew in every turn. Never too far ahead, so that nothing begins too early.
    Microseconds wall_ahead_{};
    bool wall_known_ = false;
    std::int64_t cpu_day_ = 0;  // the day for which users were found to be out of processor time

    // Of the turn under way.
    Now now_{};
    Effects effects_;
    std::deque<Ended> ended_;
};

}  // namespace windlass::scheduler
