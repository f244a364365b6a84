// A worker daemon and the processes it runs, as the scheduler may rely on them.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "tests/simulation/model_store.h"
#include "tests/simulation/network.h"
#include "tests/simulation/truth.h"

namespace windlass::simulation {

// What the jobs of this run are like.
struct JobNature {
    Microseconds shortest{Milliseconds{1}};
    Microseconds longest{Seconds{30}};
    double fails = 0.2;
    double setup_fails = 0.02;
    // Of these users: so long, and they do not fail.
    std::map<UserId, Microseconds> exactly = {};
};

class WorkerModel {
  public:
    struct Surroundings {
        Timeline& timeline;
        Random& random;
        Network& network;
        Truth& truth;
        const ModelDatabase& database;  // stands for the payload that comes with a lease
        const JobNature& nature;
        std::size_t schedulers = 1;
        double says_it_twice = 0;
        double hands_back = 0;  // of what it could run
    };
    struct Settings {
        WorkerId id;
        Capacity capacity;
    };

    WorkerModel(Surroundings& world, Settings settings) : world_(world), settings_(settings) {}

    void boot();
    void hear(LinkNumber link, const Effect& effect);
    void notice_cut(LinkNumber link);

    // Faults.
    void crash(Microseconds down_for);    // the daemon and all its processes die; results on disk stay
    void freeze(Microseconds length);     // the whole node stands still, its processes too
    void drain(Microseconds back_after);  // SIGTERM: takes nothing more, hands back, ends, comes again
    void cut(Microseconds scheduler_notices, Microseconds worker_notices);

    void isolate(Microseconds length);  // no way to the scheduler, old connection or new

    const Capacity& capacity() const { return settings_.capacity; }
    WorkerId id() const { return settings_.id; }
    bool up() const { return up_; }

  private:
    enum class Phase { waiting, running, dying, ended };
    struct Attempt {
        Phase phase = Phase::waiting;
        std::uint64_t order = 0;
        Need need;
        std::optional<WallTime> deadline;
        SteadyTime began{};
        OutcomeKind dies_of = OutcomeKind::cancelled;
        bool revoked = false;
        AttemptFinished result;
    };
    using Attempts = std::map<AttemptRef, Attempt>;

    // Runs `action` later, unless the daemon was restarted meanwhile; late by a freeze.
    void later(Microseconds delay, std::function<void()> action);
    void note(const std::string& what) const;
    void send(Event event);
    void connect();
    void disconnect();
    void renew();
    void start_what_fits();
    void start(AttemptRef ref, Attempt& attempt);
    void require_right(AttemptRef ref) const;
    void run_out(AttemptRef ref);
    void kill(AttemptRef ref, OutcomeKind why, bool at_once);
    void dead(AttemptRef ref);
    void end(AttemptRef ref, OutcomeKind outcome, std::int32_t exit_code, Microseconds wall);
    void hand_back_waiting();
    void check_coverage(bool at_once);
    void lease(AttemptRef ref);
    void cancel(AttemptRef ref);
    void revoke(AttemptRef ref);
    std::vector<AttemptRef> held() const;
    bool covered() const { return world_.timeline.now() < covered_until_; }
    void cover_from(SteadyTime sent);

    Surroundings& world_;
    Settings settings_;
    bool up_ = false;
    bool draining_ = false;
    std::uint64_t life_ = 0;  // counts restarts
    SteadyTime frozen_until_{};
    SteadyTime isolated_until_{};
    LinkNumber link_ = 0;
    bool welcomed_ = false;
    std::deque<SteadyTime> renewals_sent_;  // not yet answered on this connection; the hello counts as one
    SteadyTime covered_until_{};
    SteadyTime answered_{};  // when the last renewal that was answered was sent: what gives it the right to run jobs

    std::uint64_t leased_ = 0;
    Attempts attempts_;
};

}  // namespace windlass::simulation
