// The process around the queue: gathers effects into batches, commits one at a time, lets nothing outward go before
// what precedes it is durable, and may die between any two effects. It runs the real Queue.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "scheduler/queue.h"
#include "tests/simulation/guards.h"
#include "tests/simulation/model_store.h"
#include "tests/simulation/network.h"
#include "tests/simulation/truth.h"

namespace windlass::simulation {

class SchedulerModel {
  public:
    struct Surroundings {
        Timeline& timeline;
        Random& random;
        Network& network;
        Truth& truth;
        ModelStore& store;
        const Guards& guards;
        QueueSettings settings;
        std::function<void(const Effect&)> tell_client;  // answers and ended jobs
        Microseconds slowest_commit{Milliseconds{5}};
        double dies_in_commit = 0;  // before, after, or between two of the messages that follow it
    };

    explicit SchedulerModel(Surroundings& world) : world_(world) {}

    void boot();
    void crash(Microseconds down_for);
    // The database does not answer for a while.
    void stall_commits(Microseconds length);

    bool up() const { return queue_ != nullptr; }
    // What a client asks. Lost when nobody is there.
    void ask(const Event& event);
    void hear(LinkNumber link, const Event& event);
    void notice_cut(LinkNumber link);

    std::size_t turns() const { return turns_; }

  private:
    struct Item {
        Effect effect;
        SteadyTime decided{};
        NewJob seed;
        AttemptFinished finished;
    };
    using Batch = std::vector<Item>;

    Now now() const;
    void turn(const Event& event);
    void take(Effects effects, const Event* cause);
    void arm(SteadyTime at);
    void commit();
    void end_commit();
    bool dies_here();
    void deliver(const Item& item);
    bool may_still_be_sent(const SendLease& lease, SteadyTime decided);
    void tell_worker(WorkerId worker, const Effect& effect);
    LinkNumber link_to(WorkerId worker) const;  // the newest; 0: none
    Event distorted(Event event) const;

    Surroundings& world_;
    std::unique_ptr<Queue> queue_;
    std::uint64_t life_ = 0;
    Microseconds clock_offset_{};  // the zero of a steady clock means nothing to the next process
    std::uint64_t armed_ = 0;
    std::map<WorkerId, LinkNumber> links_;
    // The number of the last hello (of a connection it stands for what a real hello counts up).
    std::map<WorkerId, LinkNumber> newest_;
    Batch gathering_;
    Batch committing_;
    bool commit_under_way_ = false;
    SteadyTime stalled_until_{};
    std::size_t turns_ = 0;
};

}  // namespace windlass::simulation
