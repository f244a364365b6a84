// A scheduler process: takes the lead when nobody has it, gathers the queue's effects into batches, commits one at a
// time, lets nothing outward go before what precedes it is durable. May die between any two effects, or stand still
// for long and go on as if nothing had happened. It runs the real Queue, BatchBuilder and Schedules; the rest is a
// model of turns.h, proofs.h, lease_sender.h and submit_desk.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "scheduler/batch_builder.h"
#include "scheduler/pending_ends.h"
#include "scheduler/queue.h"
#include "scheduler/schedules.h"
#include "tests/simulation/model_store.h"
#include "tests/simulation/network.h"
#include "tests/simulation/referee.h"
#include "tests/simulation/truth.h"

namespace windlass::simulation {

// What a client wants to have run.
struct Request {
    RequestId id;
    UserId owner;
    std::vector<SubmittedItem> items;
    std::string key;  // empty: none
};
// What a client is told.
struct Answer {
    RequestId request;
    std::vector<JobId> jobs;  // empty: refused, or try again
    bool refused = false;     // for good
};

class SchedulerModel {
  public:
    struct Surroundings {
        Timeline& timeline;
        Random& random;
        Network& network;
        Truth& truth;
        ModelDatabase& database;
        QueueSettings settings;
        std::function<std::shared_ptr<Store>()> open_store;
        std::function<void(const Answer&)> answer_client;
        // `deposed`: somebody else leads, since so short a time that this one need not have found out.
        std::function<void(const Effect&, bool deposed)> tell_client;
        // Finished jobs are forgotten after this time; nullopt: never.
        std::optional<Microseconds> keep_finished;
        SteadyTime led_since{};  // whoever leads
        Microseconds slowest_commit{Milliseconds{5}};
        double dies_in_commit = 0;  // before, after, or between two of the messages that follow it
        double commit_fails = 0;    // nothing of it happened
        double answer_is_lost = 0;  // all of it happened
        SteadyTime database_away_until{};
        bool run_schedules = true;
        // Between two looks at what has ended. Where nothing ends there is none, and a leader says nothing to its
        // database for as long.
        Microseconds longest_without_housekeeping{Seconds{15}};
    };

    SchedulerModel(Surroundings& world, std::size_t index) : world_(world), index_(index) {}

    void boot();
    void crash(Microseconds down_for);
    // The process stands still. After `lock_lost`, if that is sooner, the database gives its lock to somebody else.
    void freeze(Microseconds length, std::optional<Microseconds> lock_lost);

    bool leads() const { return queue_ != nullptr && !frozen(); }
    bool up() const { return up_; }
    // Of this process while it leads: only then it listens. 0: it does not.
    std::uint64_t listener() const { return queue_ ? life_ : 0; }
    bool hears_from(WorkerId worker) const { return link_to(worker) != 0; }
    bool frozen() const { return world_.timeline.now() < frozen_until_; }
    // What clients and operators ask. Lost when nobody is there.
    void ask(const Event& event);
    void ask(const Request& request);
    void hear(LinkNumber link, const Event& event);
    void notice_cut(LinkNumber link);

    std::string explain(JobId job) const { return queue_ ? queue_->explain(job).text : "no queue"; }

    std::size_t turns() const { return turns_; }
    std::size_t times_led() const { return times_led_; }
    std::size_t times_deposed() const { return times_deposed_; }
    std::size_t repeated_commits() const { return repeated_commits_; }

  private:
    using TurnPtr = std::shared_ptr<const BatchBuilder::Turn>;

    Now now() const;
    // Now, or when it is awake again; never, when the process has died meanwhile.
    void when_awake(std::function<void()> action);
    void later(Microseconds delay, std::function<void()> action);
    bool database_away() const { return world_.timeline.now() < world_.database_away_until; }

    void try_to_lead();
    void lead();
    void stop_leading();
    void depose();
    void keep_house();
    void hear_greeted(LinkNumber link, const Event& event);
    bool proved() const;

    void turn(const Event& event, Attachment attachment = {});
    void take(Effects effects, Attachment attachment);
    void note_lease(AttemptRef attempt);
    void arm(SteadyTime at);
    void arm_schedules();
    void ring_schedules();
    void run_schedule(const Due& due);
    void end_turn();
    void send_commit(const TurnPtr& turn);
    void execute_commit(const TurnPtr& turn, std::uint64_t life, const std::shared_ptr<Store>& store);
    void commit_answered(const TurnPtr& turn, const Status& status);
    bool dies_here();
    void deliver(const Effects& effects, SteadyTime decided);
    void deliver(const Effect& effect, SteadyTime decided);
    bool may_still_be_sent(const SendLease& lease, SteadyTime decided);
    void answer_renewal(const AnswerRenewal& renewal);
    void prove(std::function<void()> then);
    void tell_worker(WorkerId worker, const Effect& effect);
    LinkNumber link_to(WorkerId worker) const;  // the newest; 0: none

    void look_up_key(const Request& request);
    void submit(const Request& request);
    bool resolve_dependencies(std::vector<SubmittedItem>& items) const;
    void forget_key(RequestId request);

    Surroundings& world_;
    std::size_t index_;
    bool up_ = false;
    std::shared_ptr<Store> store_;
    std::unique_ptr<Queue> queue_;
    std::unique_ptr<Referee> referee_;
    Schedules schedules_;
    std::map<std::int64_t, WallTime> dealt_with_;  // the last moment of each schedule
    BatchBuilder builder_;
    std::uint64_t life_ = 0;
    SteadyTime frozen_until_{};
    Microseconds clock_offset_{};  // the zero of a steady clock means nothing to the next process
    std::uint64_t armed_ = 0;
    std::uint64_t armed_schedules_ = 0;
    std::map<WorkerId, LinkNumber> links_;
    // The number of the last hello (of a connection it stands for what a real hello counts up).
    std::map<WorkerId, LinkNumber> newest_;
    PendingEnds ends_;
    bool committing_ = false;
    SteadyTime proved_{};
    SteadyTime commit_began_{};                          // of the one under way
    std::map<LinkNumber, std::vector<Event>> greeting_;  // what came on a connection before its Welcome
    std::vector<std::function<void()>> unproved_;
    std::set<std::string> keys_in_flight_;
    std::map<RequestId, std::string> keys_;
    std::size_t turns_ = 0;
    std::size_t times_led_ = 0;
    std::size_t times_deposed_ = 0;
    std::size_t repeated_commits_ = 0;
};

}  // namespace windlass::simulation
