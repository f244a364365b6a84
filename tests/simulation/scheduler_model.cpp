#include "tests/simulation/scheduler_model.h"

#include <algorithm>
#include <utility>

#include "scheduler/job_seed.h"
#include "shared/guard.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

// What lies between the end of lease and grace (20 s) and the worker's ten seconds, less what messages may take.
constexpr Seconds oldest_lease{5};
// No longer than the grace of a lease (proofs.h).
constexpr Seconds proof_lasts{5};
// And for a worker with nothing in hand, which would wait for work for ever at a scheduler that was deposed and has
// nothing to commit.
constexpr Seconds proof_for_idle_lasts{60};
constexpr Seconds tries_to_lead_every{1};

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
    return {virtual_now + clock_offset_, from_unix_us(epoch_of_time_us + virtual_now.time_since_epoch().count())};
}

void SchedulerModel::when_awake(std::function<void()> action) {
    if (!frozen()) return action();
    world_.timeline.at(frozen_until_, [this, life = life_, action = std::move(action)] {
        if (life == life_) when_awake(action);
    });
}

void SchedulerModel::later(Microseconds delay, std::function<void()> action) {
    world_.timeline.after(delay, [this, life = life_, action = std::move(action)] {
        if (life == life_) when_awake(action);
    });
}

// ---- the life of the process ----------------------------------------------------------------------------------------

void SchedulerModel::boot() {
    if (tracing()) trace(world_.timeline.now(), "scheduler " + std::to_string(index_) + " starts");
    ++life_;
    up_ = true;
    frozen_until_ = {};
    clock_offset_ = world_.random.time(Microseconds{0}, Seconds{1000});
    store_ = world_.open_store();
    try_to_lead();
}

void SchedulerModel::try_to_lead() {
    if (!database_away() && store_->lead().ok()) return lead();
    later(world_.random.time(Milliseconds{500}, tries_to_lead_every), [this] { try_to_lead(); });
}

void SchedulerModel::lead() {
    if (tracing()) trace(world_.timeline.now(), "scheduler " + std::to_string(index_) + " leads");
    ++times_led_;
    proved_ = world_.led_since = world_.timeline.now();
    Result<StoredState> stored = store_->load();
    require(stored.ok(), "the store cannot be read");
    StoredQueue& queue = stored->queue;
    if (!WINDLASS_GUARD(restored_leases))
        for (StoredJob& job : queue.jobs)
            if (is_leased(job.row.state)) {
                job.row.state = JobState::queued;
                job.row.worker = WorkerId{};
            }
    queue_ = std::make_unique<Queue>(world_.settings);
    referee_ =
        std::make_unique<Referee>(world_.settings, queue, [this](JobId job) { return world_.database.end_of(job); });
    builder_ = {};
    schedules_ = {};
    const auto records = store_->schedules();
    require(records.ok(), "the schedules cannot be read");
    for (const ScheduleRecord& record : *records) {
        Result<Cron> cron = Cron::parse(record.cron, record.time_zone);
        require(cron.ok(), "a schedule cannot be read");
        Schedule schedule{.id = record.id, .owner = record.owner, .cron = std::move(cron).value()};
        schedule.overlap = record.overlap;
        schedule.missed = record.missed;
        schedule.dealt_with = record.dealt_with;
        schedule.last_job = record.last_job;
        schedules_.put(std::move(schedule));
    }
    Effects effects = queue_->restore(queue, now());
    for (const StoredJob& job : queue.jobs) note_lease({job.job, job.row.attempt});
    referee_->judge(nullptr, effects, now());
    take(std::move(effects), {});
    arm_schedules();
    later(world_.random.time(Seconds{1}, Seconds{10}), [this] { keep_house(); });
    end_turn();
}

void SchedulerModel::stop_leading() {
    queue_.reset();
    referee_.reset();
    builder_ = {};
    schedules_ = {};
    dealt_with_.clear();
    ends_.clear();
    unproved_.clear();
    keys_in_flight_.clear();
    keys_.clear();
    newest_.clear();
    greeting_.clear();
    committing_ = false;
    for (const auto& [worker, link] : std::exchange(links_, {}))
        if (link != 0) world_.network.cut(link, Seconds{0}, world_.random.skewed_time(Milliseconds{1}, Seconds{2}));
    store_.reset();
    up_ = false;
    ++life_;
}

void SchedulerModel::crash(Microseconds down_for) {
    if (!up()) return;
    if (tracing()) trace(world_.timeline.now(), "scheduler " + std::to_string(index_) + " dies");
    stop_leading();
    world_.timeline.after(down_for, [this, life = life_] {
        if (life == life_) boot();
    });
}

// What has ended moves out of the way, and what was kept long enough is forgotten.
void SchedulerModel::keep_house() {
    if (!queue_) return;
    later(world_.random.time(Seconds{2}, world_.longest_without_housekeeping), [this] { keep_house(); });
    if (database_away()) return;
    constexpr std::int64_t all = 100'000;
    const auto moved = store_->move_finished(all);
    const auto forgotten =
        moved.ok() && world_.keep_finished ? store_->forget_finished(now().wall - *world_.keep_finished, all) : moved;
    require(forgotten.ok() || forgotten.error().kind != ErrorKind::internal, "finished jobs cannot be moved");
    if (!forgotten.ok() && forgotten.error().kind == ErrorKind::stale) depose();
}

// Somebody else leads: says nothing more to anybody, and begins anew.
void SchedulerModel::depose() {
    ++times_deposed_;
    crash(world_.random.skewed_time(Milliseconds{100}, Seconds{2}));
}

void SchedulerModel::freeze(Microseconds length, std::optional<Microseconds> lock_lost) {
    if (!up() || frozen()) return;
    if (tracing()) trace(world_.timeline.now(), "scheduler " + std::to_string(index_) + " stands still");
    const bool led = queue_ != nullptr;
    frozen_until_ = world_.timeline.now() + length;
    if (led && lock_lost && *lock_lost < length)
        world_.timeline.after(*lock_lost, [this, life = life_] {
            if (life == life_ && frozen()) world_.database.break_lock();
        });
}

// ---- what it hears --------------------------------------------------------------------------------------------------

void SchedulerModel::ask(const Event& event) {
    if (!up()) return;
    when_awake([this, event] {
        if (queue_) turn(event);
    });
}

void SchedulerModel::hear(LinkNumber link, const Event& event) {
    if (!up()) {  // nobody listens on the port
        world_.network.cut(link, Seconds{0}, Milliseconds{1});
        return;
    }
    if (frozen()) return when_awake([this, link, event] { hear(link, event); });
    if (!queue_) {
        world_.network.cut(link, Seconds{0}, Milliseconds{1});
        return;
    }
    // Nobody is welcomed by one who may have been deposed.
    if (const auto greeted = greeting_.find(link); greeted != greeting_.end()) {
        greeted->second.push_back(event);
    } else if (std::holds_alternative<WorkerJoined>(event) && !proved()) {
        greeting_[link].push_back(event);
        prove([this, link] {
            for (const Event& each : std::exchange(greeting_[link], {}))
                if (queue_) hear_greeted(link, each);
            greeting_.erase(link);
        });
    } else {
        hear_greeted(link, event);
    }
}

bool SchedulerModel::proved() const {
    return world_.timeline.now() - proved_ < proof_lasts || !WINDLASS_GUARD(proof_of_leadership);
}

void SchedulerModel::hear_greeted(LinkNumber link, const Event& event) {
    const WorkerId worker = world_.network.worker_of(link);
    if (const auto* joined = std::get_if<WorkerJoined>(&event)) {
        if (WINDLASS_GUARD(refuse_older_hellos) && link < newest_[worker]) return;
        newest_[worker] = link;
        const LinkNumber older = std::exchange(links_[worker], link);
        if (older != 0 && older != link && WINDLASS_GUARD(drop_older_connections))
            world_.network.cut(older, Seconds{0}, Seconds{0});
        // Welcome: answers the hello as a renewal of all that it named.
        answer_renewal(AnswerRenewal{worker, joined->held});
    } else if (WINDLASS_GUARD(drop_older_connections) && link_to(worker) != link) {
        return;
    }
    const auto* finished = std::get_if<AttemptFinished>(&event);
    if (finished == nullptr) return turn(event);
    AttemptResult result;
    result.outcome = {finished->outcome, finished->exit_code, finished->signal, {}};
    result.usage.wall = finished->wall;
    Attachment attachment;
    attachment.result = &result;
    turn(event, std::move(attachment));
}

void SchedulerModel::notice_cut(LinkNumber link) {
    if (!up()) return;
    if (frozen()) return when_awake([this, link] { notice_cut(link); });
    if (!queue_) return;
    const WorkerId worker = world_.network.worker_of(link);
    if (WINDLASS_GUARD(drop_older_connections) && link_to(worker) != link) return;
    links_.erase(worker);
    turn(WorkerLeft{worker});
}

// ---- submits --------------------------------------------------------------------------------------------------------

void SchedulerModel::ask(const Request& request) {
    if (!up()) return;
    when_awake([this, request] {
        if (!queue_ || database_away()) return world_.answer_client({request.id, {}, false});
        if (request.key.empty()) return submit(request);
        if (WINDLASS_GUARD(key_in_flight) && !keys_in_flight_.insert(request.key).second)
            return world_.answer_client({request.id, {}, false});
        later(world_.random.skewed_time(Microseconds{100}, Milliseconds{20}),
              [this, request] { look_up_key(request); });
    });
}

void SchedulerModel::look_up_key(const Request& request) {
    if (!queue_) return;
    const auto found = store_->submitted_with(request.owner, "/api/jobs/", request.key);
    if (database_away() || !found.ok()) {
        keys_in_flight_.erase(request.key);
        return world_.answer_client({request.id, {}, false});
    }
    if (!*found || !WINDLASS_GUARD(key_in_store)) return submit(request);
    keys_in_flight_.erase(request.key);
    world_.answer_client({request.id, (*found)->jobs, false});
}

// Says of each job waited for that the queue does not have how it ended. False when one never was.
bool SchedulerModel::resolve_dependencies(std::vector<SubmittedItem>& items) const {
    for (SubmittedItem& item : items)
        for (Dependency& on : item.after) {
            if (!on.job || queue_->is_active(on.job)) continue;
            on.ended = queue_->ended_unstarted(on.job);
            if (!on.ended) on.ended = ends_.find(on.job);
            if (on.ended) continue;
            const auto stored = store_->final_states({on.job});
            if (!stored.ok() || !stored->front()) return false;
            on.ended = stored->front();
        }
    return true;
}

void SchedulerModel::submit(const Request& request) {
    std::vector<SubmittedItem> items = request.items;
    if (!resolve_dependencies(items)) {
        keys_in_flight_.erase(request.key);
        return world_.answer_client({request.id, {}, true});
    }
    Submit event{request.id, {}, {}};
    if (const auto quota = world_.database.quotas.find(request.owner); quota != world_.database.quotas.end())
        event.quota = quota->second;
    for (const SubmittedItem& item : items) {
        NewJob& job = event.jobs.emplace_back(seed_from(request.owner, item.payload.spec));
        job.after = item.after;
        job.array = item.array;
    }
    Attachment attachment;
    attachment.owner = request.owner;
    attachment.items = &items;
    if (!request.key.empty()) {
        attachment.key = KeyRecord{request.owner, "/api/jobs/", request.key, "hash", now().wall, {}};
        keys_[request.id] = request.key;
    }
    turn(event, std::move(attachment));
}

void SchedulerModel::forget_key(RequestId request) {
    const auto key = keys_.find(request);
    if (key == keys_.end()) return;
    keys_in_flight_.erase(key->second);
    keys_.erase(key);
}

// ---- schedules ------------------------------------------------------------------------------------------------------

void SchedulerModel::arm_schedules() {
    const std::optional<WallTime> next = schedules_.next();
    if (!next || !world_.run_schedules) return;
    const SteadyTime at{Microseconds{to_unix_us(*next) - epoch_of_time_us}};
    world_.timeline.at(std::max(at, world_.timeline.now()) + world_.random.time(Milliseconds{1}, Milliseconds{50}),
                       [this, life = life_, mine = ++armed_schedules_] {
                           if (life != life_ || mine != armed_schedules_) return;
                           when_awake([this] { ring_schedules(); });
                       });
}

void SchedulerModel::ring_schedules() {
    if (!queue_ || !world_.run_schedules) return;
    if (database_away()) return later(Seconds{1}, [this] { ring_schedules(); });
    for (int rung = 0; rung < 20 && queue_; ++rung) {
        const auto due =
            schedules_.due(now().wall, [this](JobId job) { return queue_ == nullptr || !queue_->is_active(job); });
        if (!due) break;
        run_schedule(*due);
    }
    if (queue_) arm_schedules();
}

void SchedulerModel::run_schedule(const Due& due) {
    const auto [last, is_first] = dealt_with_.emplace(due.schedule, due.planned);
    require(is_first || std::exchange(last->second, due.planned) < due.planned,
            "a moment of schedule " + std::to_string(due.schedule) + " is dealt with twice");
    const Schedule& schedule = world_.database.schedules.at(due.schedule);
    if (!due.run) return schedules_.dealt_with(due, {});
    if (due.cancel) turn(CancelJobs{RequestId{}, {due.cancel}, "replaced by the next run"});
    if (!queue_) return;
    if (schedule.overlap == OverlapPolicy::skip && store_->ping().ok())  // else it is in vain
        for (const auto& [id, row] : world_.database.rows())
            require(row.seed.owner != schedule.owner || !queue_->is_active(id),
                    "a run of schedule " + std::to_string(due.schedule) + " begins before the last one has ended");
    std::vector<SubmittedItem> items(1);
    items[0].payload.code = items[0].payload.data = make_content({});
    items[0].payload.spec.limits.memory_bytes = 0;
    items[0].schedule = due.schedule;
    items[0].planned = due.planned;
    if (due.wait_for) items[0].after.push_back({due.wait_for, 0, DependencyCondition::any, std::nullopt});
    if (!resolve_dependencies(items)) return schedules_.dealt_with(due, {});
    Submit event{RequestId{}, {seed_from(schedule.owner, items[0].payload.spec)}, {}};
    event.jobs[0].after = items[0].after;
    Attachment attachment;
    attachment.owner = schedule.owner;
    attachment.items = &items;
    schedules_.dealt_with(due, {});  // with its job, once that has an id
    turn(event, std::move(attachment));
}

// ---- turns ----------------------------------------------------------------------------------------------------------

void SchedulerModel::turn(const Event& event, Attachment attachment) {
    ++turns_;
    if (tracing()) trace(world_.timeline.now(), "queue " + std::to_string(index_) + " hears: " + describe(event));
    Effects effects = queue_->on(event, now());
    referee_->judge(&event, effects, now());
    if (const auto* joined = std::get_if<WorkerJoined>(&event))
        for (const AttemptRef& held : joined->held) note_lease(held);
    std::string why;
    const bool consistent = queue_->check_invariants(&why);
    require(consistent, "the queue contradicts itself: " + why);
    take(std::move(effects), std::move(attachment));
    end_turn();
}

void SchedulerModel::take(Effects effects, Attachment attachment) {
    Effects waiting;
    for (Effect& effect : effects) {
        if (const auto* timer = std::get_if<ArmTimer>(&effect)) {
            arm(timer->at);
            continue;
        }
        if (tracing()) trace(world_.timeline.now(), "    decides: " + describe(effect));
        if (const auto* lease = std::get_if<SendLease>(&effect)) note_lease(lease->attempt);
        if (const auto* renewal = std::get_if<AnswerRenewal>(&effect)) {
            for (const AttemptRef& kept : renewal->kept) note_lease(kept);
            answer_renewal(*renewal);
            continue;
        }
        ends_.decided(effect);
        if (const auto* insert = std::get_if<InsertJob>(&effect); insert != nullptr && attachment.items != nullptr)
            if (const SubmittedItem& item = attachment.items->at(insert->index); item.planned)
                schedules_.dealt_with({item.schedule, *item.planned, true, {}, {}, {}}, insert->job);
        waiting.push_back(std::move(effect));
    }
    if (!WINDLASS_GUARD(deliver_after_commit)) {
        const Effects told = waiting;
        deliver(told, world_.timeline.now());
        if (!queue_) return;
    }
    builder_.add(std::move(waiting), std::move(attachment), {world_.timeline.now(), now().wall});
}

void SchedulerModel::note_lease(AttemptRef attempt) {
    const auto row = queue_->row(attempt.job);
    if (!row || !is_leased(row->state) || row->attempt != attempt.attempt) return;
    world_.truth.leased(attempt, world_.timeline.now() + world_.settings.lease_ttl + world_.settings.lease_grace);
}

void SchedulerModel::arm(SteadyTime at) {
    // Rings late by what a busy loop adds, and once: the last one armed counts.
    const Microseconds late = world_.random.time(Microseconds{0}, Milliseconds{50});
    world_.timeline.at(at - clock_offset_ + late, [this, life = life_, mine = ++armed_] {
        if (life != life_ || mine != armed_) return;
        when_awake([this, mine] {
            if (queue_ && mine == armed_) turn(TimePassed{});
        });
    });
}

void SchedulerModel::end_turn() {
    while (queue_ && !committing_ && !builder_.empty()) {
        auto turn = std::make_shared<BatchBuilder::Turn>(builder_.take());
        // What comes with no change is told at once, if we are known to lead.
        const bool known = world_.timeline.now() - proved_ < proof_lasts || turn->outgoing.empty() ||
                           !WINDLASS_GUARD(proof_of_answers);
        if (turn->batch.empty() && known) {
            deliver(turn->outgoing, turn->begun.value_or(world_.timeline.now()));
            continue;
        }
        committing_ = true;
        send_commit(turn);
    }
}

void SchedulerModel::send_commit(const TurnPtr& turn) {
    if (dies_here()) return;
    commit_began_ = world_.timeline.now();
    // Under way: nothing that happens to this process holds it up any more.
    world_.timeline.after(world_.random.skewed_time(Microseconds{100}, world_.slowest_commit),
                          [this, turn, life = life_, store = store_] { execute_commit(turn, life, store); });
}

// At the database.
void SchedulerModel::execute_commit(const TurnPtr& turn, std::uint64_t life, const std::shared_ptr<Store>& store) {
    const bool alive = life == life_;
    if (!alive && world_.random.chance(0.5)) return;  // went with its connection
    Status status = make_error(ErrorKind::unavailable, "the database is away");
    if (!database_away() && !world_.random.chance(world_.commit_fails)) {
        status = store->commit(turn->batch);
        require(status.ok() || status.error().kind == ErrorKind::stale || status.error().kind == ErrorKind::unavailable,
                "the store refused a batch");
        if (status.ok()) {
            for (const ResultRecord& result : turn->batch.results)
                if (result.result.outcome.kind != OutcomeKind::worker_lost) world_.truth.judge(result);
            if (world_.random.chance(world_.answer_is_lost)) {
                status = make_error(ErrorKind::unavailable, "the answer was lost");
                ++repeated_commits_;
            }
        }
    }
    if (!alive) return;
    when_awake([this, turn, status] { commit_answered(turn, status); });
}

void SchedulerModel::commit_answered(const TurnPtr& turn, const Status& status) {
    if (!status.ok() && status.error().kind == ErrorKind::stale) return depose();
    if (!status.ok())
        return later(world_.random.skewed_time(Milliseconds{50}, Seconds{1}), [this, turn] { send_commit(turn); });
    proved_ = commit_began_;  // we led then; since that we may have been frozen
    if (WINDLASS_GUARD(deliver_after_commit)) deliver(turn->outgoing, turn->begun.value_or(world_.timeline.now()));
    if (!queue_) return;
    committing_ = false;
    end_turn();
}

bool SchedulerModel::dies_here() {
    if (!world_.random.chance(world_.dies_in_commit)) return false;
    crash(world_.random.skewed_time(Milliseconds{10}, Seconds{20}));
    return true;
}

// ---- what it tells --------------------------------------------------------------------------------------------------

void SchedulerModel::deliver(const Effects& effects, SteadyTime decided) {
    for (const Effect& effect : effects) {
        if (is_persistent(effect)) continue;
        ends_.durable(effect);
        if (dies_here()) return;
        deliver(effect, decided);
        if (!queue_) return;
    }
}

void SchedulerModel::deliver(const Effect& effect, SteadyTime decided) {
    if (tracing()) trace(world_.timeline.now(), "tells: " + describe(effect));
    if (const auto* submitted = std::get_if<AnswerSubmit>(&effect)) {
        forget_key(submitted->request);
        return world_.answer_client({submitted->request, submitted->jobs, false});
    }
    if (const auto* refused = std::get_if<RefuseSubmit>(&effect)) {
        forget_key(refused->request);
        return world_.answer_client({refused->request, {}, true});
    }
    const WorkerId worker = addressee(effect);
    const bool deposed_lately = world_.timeline.now() - world_.led_since <= proof_lasts + world_.slowest_commit;
    if (!worker) return world_.tell_client(effect, deposed_lately && !store_->ping().ok());
    const auto* lease = std::get_if<SendLease>(&effect);
    if (lease == nullptr || may_still_be_sent(*lease, decided)) tell_worker(worker, effect);
}

// While its commit was under way the worker may have come back without the lease, which ended it; and a lease that is
// nearly over reaches a worker that will rightly believe to have ten more seconds.
bool SchedulerModel::may_still_be_sent(const SendLease& lease, SteadyTime decided) {
    const std::optional<StateRow> row = queue_->row(lease.attempt.job);
    const bool holds =
        row && is_leased(row->state) && row->attempt == lease.attempt.attempt && row->worker == lease.worker;
    if (!holds) return !WINDLASS_GUARD(check_lease_when_sending);
    if (!WINDLASS_GUARD(return_old_leases) || world_.timeline.now() - decided <= oldest_lease) return true;
    turn(AttemptReturned{lease.worker, lease.attempt});
    return false;
}

// What a deposed scheduler must not do: tell a worker to go on. Asks the database first when nothing has proved its
// lead for a while.
void SchedulerModel::answer_renewal(const AnswerRenewal& renewal) {
    const LinkNumber link = link_to(renewal.worker);
    const auto send = [this, renewal, link] {
        if (link != 0 && link == link_to(renewal.worker)) tell_worker(renewal.worker, renewal);
    };
    const Seconds lasts = renewal.kept.empty() ? proof_for_idle_lasts : proof_lasts;
    if (!WINDLASS_GUARD(proof_of_leadership) || world_.timeline.now() - proved_ < lasts) return send();
    prove(send);
}

void SchedulerModel::prove(std::function<void()> then) {
    unproved_.push_back(std::move(then));
    if (unproved_.size() > 1) return;
    later(world_.random.skewed_time(Microseconds{100}, Milliseconds{20}), [this] {
        if (!database_away() && !store_->ping().ok()) return depose();
        // An absent database proves nothing against us, and jobs run on while it is away.
        if (!database_away()) proved_ = world_.timeline.now();
        for (const auto& each : std::exchange(unproved_, {})) each();
    });
}

LinkNumber SchedulerModel::link_to(WorkerId worker) const {
    const auto found = links_.find(worker);
    return found == links_.end() ? 0 : found->second;
}

void SchedulerModel::tell_worker(WorkerId worker, const Effect& effect) {
    if (const LinkNumber link = link_to(worker); link != 0) world_.network.to_worker(link, effect);
}

}  // namespace windlass::simulation
