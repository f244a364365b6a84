// The clockwork of the scheduler: events go into the queue, effects gather into a batch, the batch is committed while
// the next one gathers, and only then is told what came with it. The one place where the order of these four is kept.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>

#include "scheduler/batch_builder.h"
#include "scheduler/pending_ends.h"
#include "scheduler/queue.h"
#include "scheduler/store_thread.h"
#include "shared/figures.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

class Turns {
  public:
    struct Hooks {
        // Told at once, before anything is durable: it promises nothing that is not durable already.
        std::function<void(const AnswerRenewal&)> answer_renewal;
        // Jobs may have been born of what came along.
        std::function<void(const Effects&, const Attachment&)> decided;
        // The batch is durable. First this …
        std::function<void(const Batch&, SteadyTime decided)> committed;
        // … then what may be told now, in order. `decided` is when the first of it was, before the commit began.
        std::function<void(const Effects&, SteadyTime decided)> carry_out;
        // Somebody waits for this effect: it is committed at once. The rest may wait for `pace`.
        std::function<bool(const Effect&)> is_urgent;
        // What is to be told comes with no change, and nothing has shown lately that we lead: the store is asked first.
        std::function<bool()> must_prove;
        // Nothing is left to commit.
        std::function<void()> idle;
        // Somebody else leads: nothing may be told to anybody any more.
        std::function<void(const std::string& why)> deposed;
    };

    Turns(uv_loop_t* loop, const Clock& clock, const QueueSettings& settings, std::unique_ptr<Store> store);
    ~Turns();
    Turns(const Turns&) = delete;
    Turns& operator=(const Turns&) = delete;

    // Once, first: the hooks may refer to what is built on top of this.
    void start(Hooks hooks, const StoredQueue& stored);

    void feed(const Event& event, Attachment attachment = {});
    // What goes along with the batch without the queue having a say in it.
    BatchBuilder& builder() { return builder_; }
    // Somebody waits for what was put into the builder.
    void hurry() { urgent_ = true; }
    // Commits what has gathered, unless a commit is under way (its end calls this again). Called by the loop after each
    // round of I/O; whoever feeds from a callback of the store calls it himself.
    void end_turn();

    const Queue& queue() const { return queue_; }
    // As of now: this worker has this attempt.
    bool holds(WorkerId worker, AttemptRef attempt) const;
    StoreThread& store() { return *store_; }
    const StoreThread& store() const { return *store_; }
    Now now() const { return clock_.now(); }
    bool deposed() const { return deposed_; }
    bool committing() const { return committing_; }
    // The state in which a job ends whose end is decided, and that the tables do not show yet.
    std::optional<JobState> ending(JobId job) const;
    void depose(const std::string& why);

    std::int64_t commits() const { return commits_; }
    std::int64_t committed_changes() const { return committed_changes_; }
    // From handing a batch to the store until it is durable; attempts while the database is away included.
    const figures::Durations& commit_durations() const { return commit_durations_; }

  private:
    struct TurnEnd;  // outlives us until libuv has closed it

    // What nobody waits for (a job runs, a job of a full queue has ended) is committed at most once in this time, so
    // that under load several such changes share a transaction, and the start and the end of a short job one row.
    static constexpr Milliseconds pace{2};

    void commit();
    void gather(Effects effects, Attachment attachment, Now now);
    void arm(SteadyTime at, SteadyTime now);
    void on_committed(const Batch& batch, const Effects& outgoing, SteadyTime decided);

    const Clock& clock_;
    Hooks hooks_;
    Queue queue_;
    BatchBuilder builder_;
    LoopTimer timer_;       // of the queue: time passes for it
    LoopTimer pace_timer_;  // what is not urgent is committed
    TurnEnd* turn_end_;
    std::unique_ptr<StoreThread> store_;
    PendingEnds ends_;
    std::int64_t commits_ = 0;
    std::int64_t committed_changes_ = 0;
    figures::Durations commit_durations_;
    std::uint64_t next_commit_ns_ = 0;  // of what is not urgent; uv_hrtime()
    bool urgent_ = false;               // somebody waits for what the builder holds
    bool committing_ = false;
    bool deposed_ = false;
};

}  // namespace windlass::scheduler
