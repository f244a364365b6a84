#include "tests/simulation/scheduler_model.h"

#include <algorithm>
#include <utility>

#include "tests/simulation/trace.h"
#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

// What lies between the end of lease and grace (20 s) and the worker's ten seconds, less what messages may take.
constexpr Seconds oldest_lease{5};

// The worker that an outward effect is for; none for clients.
WorkerId addressee(const Effect& effect) {
    return std::visit(
        [](const auto& what) {
            using What = std::decay_t<decltype(what)>;
            if constexpr (std::is_same_v<What, SendLease> || std::is_same_v<What, SendCancel> ||
                          std::is_same_v<What, SendRevoke> || std::is_same_v<What, AcknowledgeFinish> ||
                          std::is_same_v<What, AnswerRenewal>)
                return what.worker;
            else
                return WorkerId{};
        },
        effect);
}

}  // namespace

Now SchedulerModel::now() const {
    const SteadyTime virtual_now = world_.timeline.now();
    return {virtual_now + clock_offset_, from_unix_us(1'700'000'000'000'000 + virtual_now.time_since_epoch().count())};
}

void SchedulerModel::boot() {
    if (tracing()) trace(world_.timeline.now(), "scheduler starts");
    ++life_;
    clock_offset_ = world_.random.time(Microseconds{0}, Seconds{1000});
    queue_ = std::make_unique<Queue>(world_.settings);
    std::vector<StoredJob> jobs = world_.store.load();
    if (!world_.guards.tell_restored_leases)
        for (StoredJob& job : jobs)
            if (is_leased(job.row.state)) {
                job.row.state = JobState::queued;
                job.row.worker = WorkerId{};
            }
    take(queue_->restore(jobs, world_.store.highest(), now()), nullptr);
}

void SchedulerModel::crash(Microseconds down_for) {
    if (!up()) return;
    if (tracing()) trace(world_.timeline.now(), "scheduler dies");
    queue_.reset();
    gathering_.clear();
    committing_.clear();
    commit_under_way_ = false;
    for (const auto& [worker, link] : std::exchange(links_, {}))
        if (link != 0) world_.network.cut(link, Seconds{0}, world_.random.skewed_time(Milliseconds{1}, Seconds{2}));
    ++life_;
    world_.timeline.after(down_for, [this, life = life_] {
        if (life == life_) boot();
    });
}

void SchedulerModel::stall_commits(Microseconds length) {
    stalled_until_ = std::max(stalled_until_, world_.timeline.now() + length);
}

void SchedulerModel::ask(const Event& event) {
    if (up()) turn(event);
}

void SchedulerModel::hear(LinkNumber link, const Event& event) {
    if (!up()) {  // nobody listens on the port
        world_.network.cut(link, Seconds{0}, Milliseconds{1});
        return;
    }
    const WorkerId worker = world_.network.worker_of(link);
    if (std::holds_alternative<WorkerJoined>(event)) {
        if (world_.guards.refuse_older_hellos && link < newest_[worker]) return;
        newest_[worker] = link;
        const LinkNumber older = std::exchange(links_[worker], link);
        if (older != 0 && older != link && world_.guards.drop_older_connections)
            world_.network.cut(older, Seconds{0}, Seconds{0});
    } else if (world_.guards.drop_older_connections && link_to(worker) != link)
        return;
    // Welcome: answers the hello as a renewal of all that it named.
    if (std::holds_alternative<WorkerJoined>(event)) tell_worker(worker, AnswerRenewal{worker, {}});
    turn(distorted(event));
}

void SchedulerModel::notice_cut(LinkNumber link) {
    if (!up()) return;
    const WorkerId worker = world_.network.worker_of(link);
    if (world_.guards.drop_older_connections && link_to(worker) != link) return;
    links_.erase(worker);
    turn(WorkerLeft{worker});
}

// Without the check of the attempt every message is taken to be about the current one.
Event SchedulerModel::distorted(Event event) const {
    if (world_.guards.attempt_is_checked) return event;
    const auto current = [this](AttemptRef& attempt, WorkerId& worker) {
        const std::optional<StateRow> row = queue_->row(attempt.job);
        if (!row || !is_leased(row->state)) return;
        attempt.attempt = row->attempt;
        worker = row->worker;
    };
    if (auto* finished = std::get_if<AttemptFinished>(&event)) current(finished->attempt, finished->worker);
    if (auto* started = std::get_if<AttemptStarted>(&event)) current(started->attempt, started->worker);
    return event;
}

void SchedulerModel::turn(const Event& event) {
    ++turns_;
    if (tracing()) trace(world_.timeline.now(), "queue hears: " + describe(event));
    Effects effects = queue_->on(event, now());
    std::string why;
    require(queue_->check_invariants(&why), "the queue contradicts itself: " + why);
    take(std::move(effects), &event);
}

LinkNumber SchedulerModel::link_to(WorkerId worker) const {
    const auto found = links_.find(worker);
    return found == links_.end() ? 0 : found->second;
}

void SchedulerModel::take(Effects effects, const Event* cause) {
    for (Effect& effect : effects) {
        if (const auto* timer = std::get_if<ArmTimer>(&effect)) {
            arm(timer->at);
            continue;
        }
        if (tracing()) trace(world_.timeline.now(), "    decides: " + describe(effect));
        if (std::holds_alternative<AnswerRenewal>(effect)) {
            tell_worker(addressee(effect), effect);
            continue;
        }
        Item item{.decided = world_.timeline.now()};
        if (const auto* insert = std::get_if<InsertJob>(&effect))
            item.seed = std::get<Submit>(*cause).jobs[insert->index];
        if (std::holds_alternative<AcceptResult>(effect)) item.finished = std::get<AttemptFinished>(*cause);
        item.effect = std::move(effect);
        if (!world_.guards.deliver_after_commit && !is_persistent(item.effect))
            deliver(item);
        else
            gathering_.push_back(std::move(item));
    }
    if (!commit_under_way_) commit();
}

void SchedulerModel::arm(SteadyTime at) {
    // Rings late by what a busy loop adds, and once: the last one armed counts.
    const Microseconds late = world_.random.time(Microseconds{0}, Milliseconds{50});
    world_.timeline.at(at - clock_offset_ + late, [this, life = life_, mine = ++armed_] {
        if (life == life_ && mine == armed_ && up()) turn(TimePassed{});
    });
}

void SchedulerModel::commit() {
    if (gathering_.empty()) return;
    committing_ = std::exchange(gathering_, {});
    commit_under_way_ = true;
    const bool nothing_to_write = std::none_of(committing_.begin(), committing_.end(),
                                               [](const Item& item) { return is_persistent(item.effect); });
    if (nothing_to_write) return end_commit();
    const SteadyTime done = world_.timeline.now() + world_.random.skewed_time(Microseconds{100}, world_.slowest_commit);
    world_.timeline.at(std::max(done, stalled_until_), [this, life = life_] {
        if (life == life_) end_commit();
    });
}

bool SchedulerModel::dies_here() {
    if (!world_.random.chance(world_.dies_in_commit)) return false;
    crash(world_.random.skewed_time(Milliseconds{10}, Seconds{20}));
    return true;
}

void SchedulerModel::end_commit() {
    if (dies_here()) return;
    std::vector<ModelStore::Write> writes;
    for (const Item& item : committing_)
        if (is_persistent(item.effect)) writes.push_back({item.effect, item.seed, item.finished});
    world_.store.commit(writes);
    for (const Item& item : committing_)
        if (std::holds_alternative<AcceptResult>(item.effect)) world_.truth.judge(item.finished);
    if (world_.guards.deliver_after_commit)
        for (const Item& item : std::exchange(committing_, {})) {
            if (is_persistent(item.effect)) continue;
            if (dies_here()) return;
            deliver(item);
        }
    commit_under_way_ = false;
    commit();
}

void SchedulerModel::deliver(const Item& item) {
    if (tracing()) trace(world_.timeline.now(), "tells: " + describe(item.effect));
    const WorkerId worker = addressee(item.effect);
    if (!worker) return world_.tell_client(item.effect);
    const auto* lease = std::get_if<SendLease>(&item.effect);
    if (lease == nullptr || may_still_be_sent(*lease, item.decided)) tell_worker(worker, item.effect);
}

// While its commit was under way the worker may have come back without the lease, which ended it; and a lease that is
// nearly over reaches a worker that will rightly believe to have ten more seconds.
bool SchedulerModel::may_still_be_sent(const SendLease& lease, SteadyTime decided) {
    const std::optional<StateRow> row = queue_->row(lease.attempt.job);
    const bool holds =
        row && is_leased(row->state) && row->attempt == lease.attempt.attempt && row->worker == lease.worker;
    if (!holds) return !world_.guards.check_lease_when_sending;
    if (!world_.guards.return_old_leases || world_.timeline.now() - decided <= oldest_lease) return true;
    turn(AttemptReturned{lease.worker, lease.attempt});
    return false;
}

void SchedulerModel::tell_worker(WorkerId worker, const Effect& effect) {
    if (const LinkNumber link = link_to(worker); link != 0) world_.network.to_worker(link, effect);
}

}  // namespace windlass::simulation
