#include "tests/simulation/worker_model.h"

#include <algorithm>
#include <utility>

#include "shared/guard.h"
#include "tests/simulation/trace.h"

namespace windlass::simulation {

namespace {

constexpr Seconds renews_every{5};
constexpr Seconds gives_up_dialling_after{3};
constexpr Seconds kills_itself_after{10};
// Ending a process tree takes a moment, and very long when one of it hangs in the kernel. Still less than what lies
// between kills_itself_after and the end of lease and grace.
constexpr Microseconds slowest_kill{Seconds{8}};

}  // namespace

void WorkerModel::later(Microseconds delay, std::function<void()> action) {
    world_.timeline.after(delay, [this, life = life_, action = std::move(action)] {
        if (life != life_) return;
        if (world_.timeline.now() < frozen_until_)
            later(frozen_until_ - world_.timeline.now(), action);
        else
            action();
    });
}

void WorkerModel::note(const std::string& what) const {
    if (tracing()) trace(world_.timeline.now(), "  worker " + settings_.id.text() + ": " + what);
}

void WorkerModel::send(Event event) {
    if (link_ == 0) return;
    if (world_.random.chance(world_.says_it_twice)) world_.network.to_scheduler(link_, event);
    world_.network.to_scheduler(link_, std::move(event));
}

std::vector<AttemptRef> WorkerModel::held() const {
    std::vector<AttemptRef> refs;
    for (const auto& [ref, attempt] : attempts_) {
        if (attempt.revoked) continue;
        if (attempt.phase == Phase::dying && !WINDLASS_GUARD(report_dying_as_held)) continue;
        refs.push_back(ref);
    }
    return refs;
}

// ---- connection and leases ------------------------------------------------------------------------------------------

void WorkerModel::boot() {
    up_ = true;
    draining_ = false;
    connect();
}

void WorkerModel::connect() {
    if (!up_ || link_ != 0) return;
    if (world_.timeline.now() < isolated_until_)
        return later(isolated_until_ - world_.timeline.now(), [this] { connect(); });
    const auto scheduler = world_.random.between(0, static_cast<std::int64_t>(world_.schedulers) - 1);
    link_ = world_.network.open(settings_.id, static_cast<std::size_t>(scheduler));
    welcomed_ = false;
    note("dials, holds " + std::to_string(held().size()));
    renewals_sent_ = {world_.timeline.now()};
    world_.network.to_scheduler(link_, WorkerJoined{settings_.id, settings_.capacity, held()});
    renew();
    later(gives_up_dialling_after, [this, link = link_] {
        if (link == link_ && !welcomed_) disconnect();
    });
    for (const auto& [ref, attempt] : attempts_) {
        if (attempt.revoked) continue;
        if (attempt.phase == Phase::running) send(AttemptStarted{settings_.id, ref});
        if (attempt.phase == Phase::ended) send(attempt.result);
    }
}

void WorkerModel::disconnect() {
    if (link_ == 0) return;
    note("gives up its connection");
    // The scheduler may find out long after we came back on another connection.
    const LinkNumber old = std::exchange(link_, 0);
    world_.network.abandon(old, world_.random.skewed_time(Milliseconds{1}, Seconds{30}));
    later(world_.random.skewed_time(Milliseconds{1}, Seconds{5}), [this] { connect(); });
}

void WorkerModel::notice_cut(LinkNumber link) {
    if (link == link_ && link_ != 0) disconnect();
}

void WorkerModel::cut(Microseconds scheduler_notices, Microseconds worker_notices) {
    if (link_ != 0) world_.network.cut(link_, scheduler_notices, worker_notices);
}

void WorkerModel::isolate(Microseconds length) {
    isolated_until_ = world_.timeline.now() + length;
    cut(world_.random.skewed_time(Milliseconds{1}, Seconds{60}),
        world_.random.skewed_time(Milliseconds{1}, Seconds{60}));
}

void WorkerModel::renew() {
    renewals_sent_.push_back(world_.timeline.now());
    world_.network.to_scheduler(link_, LeasesRenewed{settings_.id, held()});
    later(renews_every, [this, link = link_] {
        if (link != link_ || link_ == 0) return;
        // Nobody answers: a connection that looks alive and is not.
        if (renewals_sent_.size() >= 3) return disconnect();
        renew();
    });
}

void WorkerModel::cover_from(SteadyTime sent) {
    if (!WINDLASS_GUARD(count_from_sending)) sent = world_.timeline.now();
    if (sent + kills_itself_after <= covered_until_) return;
    covered_until_ = sent + kills_itself_after;
    later(covered_until_ - world_.timeline.now(), [this] { check_coverage(false); });
}

// Without an answered renewal somebody else may soon be given what runs here.
void WorkerModel::check_coverage(bool at_once) {
    if (covered() || !WINDLASS_GUARD(kill_when_unanswered)) return;
    hand_back_waiting();
    const Attempts copy = attempts_;
    for (const auto& [ref, attempt] : copy) {
        if (attempt.phase == Phase::running) kill(ref, OutcomeKind::worker_lost, at_once);
        if (attempt.phase == Phase::dying && at_once) dead(ref);
    }
}

void WorkerModel::hear(LinkNumber link, const Effect& effect) {
    if (!up_ || link != link_) return;
    if (world_.timeline.now() < frozen_until_) {  // stays in the socket, in order
        later(frozen_until_ - world_.timeline.now(), [this, link, effect] { hear(link, effect); });
        return;
    }
    if (std::holds_alternative<AnswerRenewal>(effect) && !renewals_sent_.empty()) {
        const bool welcome = !std::exchange(welcomed_, true);
        answered_ = std::max(answered_, renewals_sent_.front());
        if (covered() || welcome) cover_from(renewals_sent_.front());
        renewals_sent_.pop_front();
        if (covered()) start_what_fits();
    }
    // Too late for anything but to begin anew.
    if (!covered() && WINDLASS_GUARD(refuse_late_leases)) {
        check_coverage(false);
        return disconnect();
    }
    if (const auto* order = std::get_if<SendLease>(&effect)) lease(order->attempt);
    if (const auto* order = std::get_if<SendCancel>(&effect)) cancel(order->attempt);
    if (const auto* order = std::get_if<SendRevoke>(&effect)) revoke(order->attempt);
    if (const auto* order = std::get_if<AcknowledgeFinish>(&effect)) {
        const auto found = attempts_.find(order->attempt);
        if (found != attempts_.end() && found->second.phase == Phase::ended) attempts_.erase(found);
    }
    if (tracing()) note("hears " + describe(effect));
}

void WorkerModel::lease(AttemptRef ref) {
    if (attempts_.contains(ref)) return;
    if (draining_ || world_.random.chance(world_.hands_back)) {
        send(AttemptReturned{settings_.id, ref});
        return;
    }
    Attempt attempt;
    attempt.order = ++leased_;
    const ModelDatabase::Row* row = world_.database.find(ref.job);
    if (row == nullptr) throw Violation("job " + ref.job.text() + " was leased before it was in the store");
    attempt.need = row->seed.need;
    attempt.deadline = row->seed.rules.deadline;
    attempts_.emplace(ref, attempt);
    start_what_fits();
    // What could not start soon goes back, mostly.
    if (world_.random.chance(0.8))
        later(Seconds{2}, [this, ref] {
            const auto found = attempts_.find(ref);
            if (found == attempts_.end() || found->second.phase != Phase::waiting) return;
            attempts_.erase(found);
            send(AttemptReturned{settings_.id, ref});
        });
}

void WorkerModel::cancel(AttemptRef ref) {
    const auto found = attempts_.find(ref);
    if (found == attempts_.end()) return;
    if (found->second.phase == Phase::waiting) end(ref, OutcomeKind::cancelled, 0, Microseconds{0});
    if (found->second.phase == Phase::running) kill(ref, OutcomeKind::cancelled, false);
}

void WorkerModel::revoke(AttemptRef ref) {
    const auto found = attempts_.find(ref);
    if (found == attempts_.end()) return;
    switch (found->second.phase) {
        case Phase::running:
            found->second.revoked = true;
            kill(ref, OutcomeKind::worker_lost, false);
            break;
        case Phase::dying:
            found->second.revoked = true;
            break;
        case Phase::waiting:
        case Phase::ended:
            attempts_.erase(found);
            break;
    }
}

// ---- processes ------------------------------------------------------------------------------------------------------

void WorkerModel::start_what_fits() {
    std::int64_t cpu = settings_.capacity.cpu_millis;
    std::int64_t memory = settings_.capacity.memory_bytes;
    std::map<std::string, std::int64_t> resources = settings_.capacity.resources;
    std::map<std::uint64_t, AttemptRef> waiting;
    for (const auto& [ref, attempt] : attempts_) {
        if (attempt.phase == Phase::waiting) waiting.emplace(attempt.order, ref);
        if (attempt.phase != Phase::running && attempt.phase != Phase::dying) continue;
        cpu -= attempt.need.cpu_millis;
        memory -= attempt.need.memory_bytes;
        for (const auto& [resource, count] : attempt.need.resources) resources[resource] -= count;
    }
    for (const auto& [order, ref] : waiting) {
        Attempt& attempt = attempts_.at(ref);
        if (attempt.need.cpu_millis > cpu || attempt.need.memory_bytes > memory) return;
        for (const auto& [resource, count] : attempt.need.resources)
            if (count > resources[resource]) return;
        cpu -= attempt.need.cpu_millis;
        memory -= attempt.need.memory_bytes;
        for (const auto& [resource, count] : attempt.need.resources) resources[resource] -= count;
        start(ref, attempt);
    }
}

void WorkerModel::start(AttemptRef ref, Attempt& attempt) {
    note("begins " + ref.text());
    require_right(ref);
    attempt.phase = Phase::running;
    attempt.began = world_.timeline.now();
    world_.truth.judge_lease(ref, answered_ + kills_itself_after);
    world_.truth.begins(ref);
    const auto exactly = world_.nature.exactly.find(world_.database.find(ref.job)->seed.owner);
    if (exactly != world_.nature.exactly.end()) {
        send(AttemptStarted{settings_.id, ref});
        return later(exactly->second, [this, ref] {
            const auto found = attempts_.find(ref);
            if (found != attempts_.end() && found->second.phase == Phase::running)
                end(ref, OutcomeKind::exited, 0, world_.timeline.now() - found->second.began);
        });
    }
    if (world_.random.chance(world_.nature.setup_fails)) {
        later(Milliseconds{1}, [this, ref] {
            const auto found = attempts_.find(ref);
            if (found != attempts_.end() && found->second.phase == Phase::running)
                end(ref, OutcomeKind::setup_failed, 0, Microseconds{0});
        });
        return;
    }
    const Microseconds runs = world_.random.skewed_time(world_.nature.shortest, world_.nature.longest);
    // A start that is followed by the end at once may be left out.
    if (runs > Milliseconds{5} || world_.random.chance(0.5)) send(AttemptStarted{settings_.id, ref});
    later(runs, [this, ref] { run_out(ref); });
    if (!attempt.deadline) return;
    const SteadyTime deadline{Microseconds{to_unix_us(*attempt.deadline) - epoch_of_time_us}};
    later(std::max(deadline - world_.timeline.now(), Microseconds{1}), [this, ref] {
        const auto found = attempts_.find(ref);
        if (found != attempts_.end() && found->second.phase == Phase::running)
            kill(ref, OutcomeKind::out_of_time, false);
    });
}

// Long before anybody else is given the same job.
void WorkerModel::require_right(AttemptRef ref) const {
    require(world_.timeline.now() <= answered_ + kills_itself_after,
            "worker " + settings_.id.text() + " runs " + ref.text() + " though nobody answered its renewals for long");
}

void WorkerModel::run_out(AttemptRef ref) {
    const auto found = attempts_.find(ref);
    if (found == attempts_.end() || found->second.phase != Phase::running) return;
    require_right(ref);
    const Microseconds wall = world_.timeline.now() - found->second.began;
    if (!world_.random.chance(world_.nature.fails)) return end(ref, OutcomeKind::exited, 0, wall);
    constexpr OutcomeKind ways[] = {OutcomeKind::exited,      OutcomeKind::signalled,   OutcomeKind::out_of_memory,
                                    OutcomeKind::out_of_time, OutcomeKind::out_of_disk, OutcomeKind::output_limit};
    const OutcomeKind way = ways[world_.random.between(0, 5)];
    end(ref, way, way == OutcomeKind::exited ? static_cast<std::int32_t>(world_.random.between(1, 2)) : 0, wall);
}

void WorkerModel::kill(AttemptRef ref, OutcomeKind why, bool at_once) {
    Attempt& attempt = attempts_.at(ref);
    note("kills " + ref.text());
    attempt.phase = Phase::dying;
    attempt.dies_of = why;
    if (at_once) return dead(ref);
    const bool hangs = world_.random.chance(0.2);
    later(world_.random.time(Milliseconds{1}, hangs ? slowest_kill : Milliseconds{50}), [this, ref] { dead(ref); });
}

void WorkerModel::dead(AttemptRef ref) {
    const auto found = attempts_.find(ref);
    if (found == attempts_.end() || found->second.phase != Phase::dying) return;
    if (!found->second.revoked) return end(ref, found->second.dies_of, 0, world_.timeline.now() - found->second.began);
    world_.truth.stops(ref);
    attempts_.erase(found);
    start_what_fits();
}

void WorkerModel::end(AttemptRef ref, OutcomeKind outcome, std::int32_t exit_code, Microseconds wall) {
    Attempt& attempt = attempts_.at(ref);
    if (attempt.phase == Phase::ended) return;
    note("ended " + ref.text() + " " + std::string(name(outcome)));
    if (attempt.phase != Phase::waiting) world_.truth.stops(ref);
    attempt.phase = Phase::ended;
    const std::int32_t signal =
        outcome == OutcomeKind::signalled ? static_cast<std::int32_t>(ref.job.value % 2 == 0 ? 9 : 11) : 0;
    attempt.result = {settings_.id, ref, outcome, exit_code, signal, wall};
    world_.truth.ended(attempt.result);
    send(attempt.result);
    start_what_fits();
}

// ---- faults ---------------------------------------------------------------------------------------------------------

void WorkerModel::crash(Microseconds down_for) {
    if (!up_) return;
    note("crashes");
    up_ = false;
    frozen_until_ = {};
    covered_until_ = {};
    if (link_ != 0)
        world_.network.abandon(std::exchange(link_, 0), world_.random.skewed_time(Milliseconds{1}, Seconds{60}));
    for (auto it = attempts_.begin(); it != attempts_.end();) {
        if (it->second.phase == Phase::running || it->second.phase == Phase::dying) world_.truth.stops(it->first);
        it = it->second.phase == Phase::ended ? std::next(it) : attempts_.erase(it);
    }
    ++life_;
    world_.timeline.after(down_for, [this, life = life_] {
        if (life == life_) boot();
    });
}

void WorkerModel::freeze(Microseconds length) {
    if (!up_ || world_.timeline.now() < frozen_until_) return;
    frozen_until_ = world_.timeline.now() + length;
    note("freezes");
    for (const auto& [ref, attempt] : attempts_)
        if (attempt.phase == Phase::running || attempt.phase == Phase::dying) world_.truth.stops(ref);
    // First thing on waking: are we still allowed to? What is not is killed before it runs on (the daemon freezes its
    // jobs' cgroup together with the node, or kills faster than they do harm).
    world_.timeline.after(length, [this, life = life_] {
        if (life != life_ || !up_) return;
        note("thaws");
        check_coverage(true);
        for (const auto& [ref, attempt] : attempts_)
            if (attempt.phase == Phase::running || attempt.phase == Phase::dying) world_.truth.executes(ref);
    });
}

void WorkerModel::hand_back_waiting() {
    for (auto it = attempts_.begin(); it != attempts_.end();) {
        if (it->second.phase != Phase::waiting) {
            ++it;
            continue;
        }
        send(AttemptReturned{settings_.id, it->first});
        it = attempts_.erase(it);
    }
}

void WorkerModel::drain(Microseconds back_after) {
    if (!up_ || draining_ || world_.timeline.now() < frozen_until_) return;
    draining_ = true;
    send(WorkerDraining{settings_.id});
    hand_back_waiting();
    world_.timeline.after(back_after, [this, life = life_] {
        if (life == life_) crash(world_.random.skewed_time(Milliseconds{1}, Seconds{1}));  // restarts as a fresh daemon
    });
}

}  // namespace windlass::simulation
