#include "tests/simulation/world.h"

#include <algorithm>

#include "shared/result.h"
#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

// After the last fault every job must have ended by then. Most of it is work: jobs of up to 30 s in a row.
constexpr Seconds everything_ends_within{6 * 3600};
constexpr std::uint64_t most_steps = 300'000;  // a hundred times as many as most runs take
constexpr std::int64_t users = 5;
constexpr std::int64_t first_schedule_owner = 100;

QueueSettings settings_for(Random& random) {
    QueueSettings settings;
    settings.crash_limit = static_cast<std::int16_t>(random.between(3, 5));
    if (random.chance(0.5)) settings.reserve_after = Milliseconds{2'000};
    return settings;
}

}  // namespace

World::World(std::uint64_t seed, Weather weather, OpenStore open_store)
    : weather_(weather),
      random_(seed),
      network_(timeline_, random_),
      scheduler_surroundings_{.timeline = timeline_,
                              .random = random_,
                              .network = network_,
                              .truth = truth_,
                              .database = database_,
                              .settings = settings_for(random_),
                              .open_store = {},
                              .answer_client = [this](const Answer& answer) { client_hears(answer); },
                              .tell_client = [this](const Effect& effect, bool deposed) { told(effect, deposed); }},
      worker_surroundings_{timeline_, random_, network_, truth_, database_, nature_} {
    scheduler_surroundings_.open_store = [this, open_store = std::move(open_store)] {
        return open_store ? open_store(database_) : std::make_shared<ModelStore>(database_);
    };
    const std::size_t schedulers = chosen(0.5) || weather_ == Weather::frost ? 2 : 1;
    for (std::size_t i = 0; i < schedulers; ++i) schedulers_.emplace_back(scheduler_surroundings_, i);
    worker_surroundings_.schedulers = schedulers;
    connect_network();
    // Some sites run jobs of milliseconds (then workers get attempts ahead), some of half a minute.
    if (random_.chance(0.3)) nature_.longest = Milliseconds{200};
    if (random_.chance(0.2)) nature_.setup_fails = 0.2;
    if (chosen(0.6)) scheduler_surroundings_.keep_finished = random_.time(Seconds{1}, Seconds{60});
    make_workers();
    make_schedules();
    faults_end_ = timeline_.now() + random_.time(Seconds{60}, Seconds{300});
    choose_faults();
    choose_operators();
    share_at_the_end_ = random_.chance(0.2);
    starve_at_the_end_ = random_.chance(0.2);
}

void World::make_small() {
    most_jobs_ = 25;
    faults_end_ = timeline_.now() + Seconds{60};
    share_at_the_end_ = starve_at_the_end_ = false;  // hundreds of jobs each
}

void World::connect_network() {
    const auto worker = [this](LinkNumber link) -> WorkerModel& {
        return workers_[static_cast<std::size_t>(network_.worker_of(link).value - 1)];
    };
    const auto scheduler = [this](LinkNumber link) -> SchedulerModel& {
        return schedulers_[network_.scheduler_of(link)];
    };
    network_.connect_ends({
        .listener = [this](std::size_t index) { return schedulers_[index].listener(); },
        .scheduler_hears = [scheduler](LinkNumber link, const Event& event) { scheduler(link).hear(link, event); },
        .scheduler_notices_cut = [scheduler](LinkNumber link) { scheduler(link).notice_cut(link); },
        .worker_hears = [worker](LinkNumber link, const Effect& effect) { worker(link).hear(link, effect); },
        .worker_notices_cut = [worker](LinkNumber link) { worker(link).notice_cut(link); },
    });
}

void World::make_workers() {
    const std::int64_t count = random_.between(1, 6);
    for (std::int64_t i = 1; i <= count; ++i) {
        Capacity capacity;
        capacity.cpu_millis = static_cast<std::int32_t>(random_.between(1, 4) * 1000);
        capacity.memory_bytes = random_.between(1, 8) * gibibyte;
        capacity.prefetch = static_cast<std::int32_t>(random_.chance(0.5) ? random_.between(1, 16) : 0);
        // Every job fits the first worker; not each fits the others.
        if (i == 1 || random_.chance(0.4)) capacity.labels["zone"] = "a";
        if (i == 1) capacity.labels["kind"] = "first";
        if (i == 1 || random_.chance(0.4)) capacity.resources["gpu"] = random_.between(1, 2);
        if (i == 1) largest_need_ = {capacity.cpu_millis, capacity.memory_bytes, capacity.resources, {}};
        workers_.emplace_back(worker_surroundings_, WorkerModel::Settings{WorkerId{i}, capacity});
    }
}

void World::make_schedules() {
    if (!chosen(0.4)) return;
    for (std::int64_t id = 1; id <= 3; ++id) {
        Result<Cron> cron = Cron::parse("* * * * *", "UTC");
        require(cron.ok(), "a schedule cannot be read");
        Schedule schedule{.id = id, .owner = UserId{first_schedule_owner + id}, .cron = std::move(cron).value()};
        schedule.overlap = static_cast<OverlapPolicy>(random_.between(0, 2));
        schedule.missed = static_cast<MissedPolicy>(random_.between(0, 2));
        schedule.dealt_with = from_unix_us(epoch_of_time_us);
        database_.schedules.emplace(id, std::move(schedule));
        database_.crons.emplace(id, "* * * * *");
    }
}

void World::recurring(Microseconds mean, std::function<void()> action) {
    timeline_.after(random_.until_next(mean), [this, mean, action = std::move(action)] {
        if (!faulty_) return;
        action();
        recurring(mean, action);
    });
}

WorkerModel& World::any_worker() {
    return workers_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(workers_.size()) - 1))];
}

SchedulerModel& World::any_scheduler() {
    return schedulers_[static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(schedulers_.size()) - 1))];
}

SchedulerModel* World::leader() {
    for (SchedulerModel& scheduler : schedulers_)
        if (scheduler.leads()) return &scheduler;
    return nullptr;
}

bool World::chosen(double share) {
    return random_.chance(weather_ == Weather::storm ? 0.5 + share / 2 : share);
}

void World::choose_faults() {
    const auto sometimes = [this](double how_often, Microseconds low, Microseconds high, std::function<void()> fault) {
        if (!chosen(how_often)) return;
        recurring(random_.skewed_time(low, high), [this, fault = std::move(fault)] {
            ++faults_;
            fault();
        });
    };
    const auto length = [this](Microseconds high) { return random_.skewed_time(Milliseconds{10}, high); };
    if (weather_ == Weather::frost) {
        // Long jobs and little else to do: a leader that thaws has no reason of its own to ask whether it still leads, and
        // its workers no reason to look for another one.
        if (random_.chance(0.5)) {
            nature_.longest = Seconds{120};
            scheduler_surroundings_.longest_without_housekeeping = Seconds{200};
        }
        const double asks = random_.chance(0.5) ? 1 : 0.3;
        recurring(Seconds{15}, [this] { submit(); });
        recurring(random_.skewed_time(Seconds{2}, Seconds{30}), [this, asks] {
            SchedulerModel* led = leader();
            if (led == nullptr) return;
            ++faults_;
            const Microseconds time = random_.skewed_time(Seconds{4}, Seconds{14});
            led->freeze(time, random_.skewed_time(Milliseconds{10}, Seconds{2}));
            if (random_.chance(asks)) timeline_.after(time - Milliseconds{1}, [this, led] { ask_for_youngest(*led); });
        });
        return;
    }
    sometimes(0.6, Seconds{2}, Seconds{60},
              [this, length] { any_worker().cut(length(Seconds{60}), length(Seconds{20})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().isolate(length(Seconds{90})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().crash(length(Seconds{60})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().freeze(length(Seconds{90})); });
    sometimes(0.3, Seconds{10}, Seconds{90}, [this, length] { any_worker().drain(length(Seconds{30})); });
    sometimes(0.4, Seconds{5}, Seconds{120}, [this, length] { any_scheduler().crash(length(Seconds{60})); });
    sometimes(0.4, Seconds{5}, Seconds{120}, [this, length] {
        const bool lock_lost = random_.chance(0.7);
        SchedulerModel& frozen = any_scheduler();
        const Microseconds time = length(Seconds{90});
        frozen.freeze(time, lock_lost ? std::optional(length(Seconds{30})) : std::nullopt);
        // The first thing that it hears when it thaws is a question about something that it cannot know.
        timeline_.after(time - Milliseconds{1}, [this, &frozen] { ask_for_youngest(frozen); });
    });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] {
        scheduler_surroundings_.database_away_until =
            std::max(scheduler_surroundings_.database_away_until, timeline_.now() + length(Seconds{60}));
    });
    sometimes(0.2, Seconds{20}, Seconds{120}, [this] { database_.break_lock(); });
    if (chosen(0.3)) scheduler_surroundings_.dies_in_commit = 0.02 * random_.unit();
    if (chosen(0.3)) scheduler_surroundings_.slowest_commit = Seconds{2};
    if (chosen(0.4)) scheduler_surroundings_.commit_fails = 0.1 * random_.unit();
    if (chosen(0.4)) scheduler_surroundings_.answer_is_lost = 0.1 * random_.unit();
    if (chosen(0.3)) network_.set_latency(Seconds{2});
    if (chosen(0.3)) network_.set_slow_links(0.5);
    if (chosen(0.3)) worker_surroundings_.says_it_twice = 0.3;
    if (chosen(0.2)) worker_surroundings_.hands_back = 0.2;
    recurring(Seconds{4}, [this] { submit(); });
    recurring(Seconds{8}, [this] { cancel(); });
}

void World::choose_operators() {
    if (chosen(0.5)) recurring(Seconds{10}, [this] { configure_queue(); });
    if (chosen(0.5)) recurring(Seconds{10}, [this] { change_quota(); });
    if (chosen(0.4))
        recurring(Seconds{15}, [this] {
            any_scheduler().ask(DrainWorker{RequestId{}, any_worker().id(), random_.chance(0.4)});
        });
    if (chosen(0.4)) recurring(Seconds{10}, [this] { forget_worker(); });
}

// ---- clients --------------------------------------------------------------------------------------------------------

std::string World::any_queue() {
    const std::int64_t which = random_.between(0, 5);
    return which < 4 ? "default" : which == 4 ? "a" : "b";
}

JobId World::any_job() {
    const std::int64_t first = 100'000'001;
    return JobId{random_.between(first, std::max(first, database_.highest().value))};
}

SubmittedItem World::new_item(std::size_t index) {
    SubmittedItem item;
    JobSpec& spec = item.payload.spec;
    item.payload.code = item.payload.data = make_content({});
    const WallTime now = from_unix_us(epoch_of_time_us + timeline_.now().time_since_epoch().count());
    spec.priority = static_cast<std::int16_t>(random_.between(-1, 1));
    spec.max_attempts = static_cast<std::int32_t>(random_.between(1, 3));
    spec.limits.cpu_millis = static_cast<std::int32_t>(random_.between(1, largest_need_.cpu_millis / 500) * 500);
    spec.limits.memory_bytes = random_.between(1, largest_need_.memory_bytes / gibibyte) * gibibyte;
    spec.queue = any_queue();
    if (random_.chance(0.15)) spec.required_labels["zone"] = "a";
    if (random_.chance(0.05)) spec.required_labels["kind"] = "first";
    if (random_.chance(0.2)) spec.resources["gpu"] = random_.between(1, largest_need_.resources.at("gpu"));
    if (random_.chance(0.15)) spec.not_before = now + random_.time(Microseconds{1}, Seconds{30});
    if (random_.chance(0.1)) spec.deadline = now + random_.time(Seconds{1}, Seconds{60});
    if (random_.chance(0.3)) spec.retry_on = RetryOn{{1}, {9}, random_.chance(0.5)};
    if (random_.chance(0.3)) spec.retry_delay = Milliseconds{random_.between(1, 20'000)};
    if (random_.chance(0.15)) {
        ++arrays_;
        item.array.count = random_.between(1, 12);
        if (random_.chance(0.5)) item.array.max_fails = random_.between(0, 2);
        item.payload.array_count = item.array.count;
    }
    if (!random_.chance(0.3)) return item;
    for (std::int64_t i = random_.between(1, 2); i > 0; --i) {
        ++dependencies_;
        Dependency on;
        on.condition = static_cast<DependencyCondition>(random_.between(0, 2));
        if (index > 0 && random_.chance(0.6))
            on.index = static_cast<std::size_t>(random_.between(0, static_cast<std::int64_t>(index) - 1));
        else if (database_.rows().empty())
            continue;
        else
            on.job = any_job();
        item.after.push_back(on);
    }
    return item;
}

void World::submit() {
    if (database_.rows().size() >= most_jobs_) return;
    Client client;
    client.request.id = RequestId{++last_request_.value};
    client.request.owner = UserId{random_.between(1, users)};
    const std::int64_t count = random_.chance(0.1) ? random_.between(10, 20) : random_.between(1, 4);
    for (std::int64_t i = 0; i < count; ++i) client.request.items.push_back(new_item(static_cast<std::size_t>(i)));
    if (random_.chance(0.5)) client.request.key = "key " + client.request.id.text();
    const RequestId id = client.request.id;
    clients_.emplace(id, std::move(client));
    send(id);
}

// One without a key asks once: he could not know whether he asks for more. One with a key asks until he is answered.
void World::send(RequestId id) {
    Client& client = clients_.at(id);
    if (client.done || (client.request.key.empty() && client.repeats > 0)) return;
    ++client.repeats;
    SchedulerModel* to = leader();
    const bool impatient = random_.chance(0.5);
    if (!client.request.key.empty())
        timeline_.after(impatient ? random_.skewed_time(Microseconds{100}, Milliseconds{50})
                                  : random_.skewed_time(Milliseconds{100}, Seconds{10}),
                        [this, id] { send(id); });
    const Request request = client.request;
    if (faulty_ && random_.chance(0.1)) to = &any_scheduler();
    if (to != nullptr) to->ask(request);
}

// What is told to a client is true, and durable, at the moment it is told.
void World::client_hears(const Answer& answer) {
    const auto found = clients_.find(answer.request);
    if (found == clients_.end()) return;  // of a schedule
    Client& client = found->second;
    if (answer.refused) {
        client.done = true;
        return;
    }
    if (answer.jobs.empty()) return;  // not carried out, as far as is known
    const Request& request = client.request;
    require(answer.jobs.size() == request.items.size(), "a submit was answered with another number of jobs");
    for (std::size_t i = 0; i < answer.jobs.size(); ++i) {
        const JobId id = answer.jobs[i];
        const ModelDatabase::Row* row = database_.find(id);
        require(row != nullptr, "job " + id.text() + " was acknowledged and is not in the store");
        require(row->seed.owner == request.owner &&
                    row->seed.need.cpu_millis == request.items[i].payload.spec.limits.cpu_millis &&
                    row->seed.array == request.items[i].array,
                "job " + id.text() + " is not the one that was submitted");
    }
    if (!client.jobs.empty()) {
        ++replayed_;
        client.done = true;
        require(client.jobs == answer.jobs, "one key was answered with two sets of jobs");
        return;
    }
    // An answer that never reaches him: he asks again; but for one who was refused meanwhile and has given up.
    client.done = client.done || client.request.key.empty() || !faulty_ || !random_.chance(0.2);
    client.jobs = answer.jobs;
    accepted_ += answer.jobs.size();
    if (answer.request == full_house_) judge_full_house(answer.jobs);
}

void World::cancel() {
    if (database_.rows().empty()) return;
    std::vector<JobId> jobs;
    for (std::int64_t i = random_.between(1, 3); i > 0; --i) jobs.push_back(any_job());
    const RequestId id{++last_request_.value};
    cancels_[id] = jobs;
    if (SchedulerModel* to = random_.chance(0.4) ? &any_scheduler() : leader()) to->ask(CancelJobs{id, jobs, "no"});
}

void World::ask_for_youngest(SchedulerModel& scheduler) {
    if (!faulty_ || database_.rows().empty()) return;
    const RequestId id{++last_request_.value};
    cancels_[id] = {database_.rows().rbegin()->first};
    scheduler.ask(CancelJobs{id, cancels_[id], "no"});
}

void World::told(const Effect& effect, bool by_deposed) {
    if (const auto* answer = std::get_if<AnswerCancel>(&effect)) {
        const auto asked = cancels_.find(answer->request);
        if (asked == cancels_.end()) return;
        for (std::size_t i = 0; i < answer->answers.size(); ++i) {
            const JobId job = asked->second[i];
            const ModelDatabase::Row* row = database_.find(job);
            if (answer->answers[i] == CancelAnswer::not_active) {
                // A proof of leadership lasts for some seconds.
                require(by_deposed || row == nullptr || is_final(row->state.state),
                        "job " + job.text() + " was called not active and is");
                continue;
            }
            require(row != nullptr, "a cancel of a job was acknowledged that is not in the store");
            require(answer->answers[i] != CancelAnswer::cancelled || is_final(row->state.state),
                    "job " + job.text() + " was called cancelled and goes on");
            database_.cancel_acknowledged(job);
        }
    }
    if (const auto* ended = std::get_if<JobEnded>(&effect)) {
        const ModelDatabase::Row* row = database_.find(ended->job);
        require(row != nullptr && row->state.state == ended->state,
                "job " + ended->job.text() + " was called " + std::string(name(ended->state)) + " and is not");
    }
}

// ---- operators ------------------------------------------------------------------------------------------------------

void World::change_quota() {
    const UserId user{random_.between(1, users)};
    Quota quota;
    if (random_.chance(0.4)) quota.queued = random_.between(0, 15);
    if (random_.chance(0.5)) quota.running = random_.between(0, 3);
    if (random_.chance(0.4)) quota.cpu_per_day = Seconds{random_.between(0, 60)};
    database_.set_quota(user, quota);
    if (SchedulerModel* to = leader()) to->ask(SetQuota{user, quota});
}

void World::configure_queue() {
    SchedulerModel* to = leader();
    if (to == nullptr) return;
    QueueConfig config;
    config.name = random_.chance(0.3) ? "default" : random_.chance(0.5) ? "a" : "b";
    if (random_.chance(0.2)) return to->ask(RemoveQueue{RequestId{}, config.name});
    config.weight = static_cast<double>(random_.between(1, 4));
    if (random_.chance(0.4)) config.max_running = random_.between(0, 3);
    config.held = random_.chance(0.25);
    to->ask(ConfigureQueue{RequestId{}, config});
}

// Operators know a dead worker when they see one; it may come back while they say so.
void World::forget_worker() {
    WorkerModel& worker = any_worker();
    SchedulerModel* to = leader();
    if (to != nullptr && (!worker.up() || to->hears_from(worker.id()))) to->ask(ForgetWorker{RequestId{}, worker.id()});
}

// ---- the run --------------------------------------------------------------------------------------------------------

void World::judge_full_house(const std::vector<JobId>& jobs) {
    full_house_.reset();
    for (const JobId id : jobs)
        require(database_.find(id)->state.state != JobState::queued,
                "job " + id.text() + " waits though every worker is idle");
}

void World::heal() {
    faulty_ = false;
    scheduler_surroundings_.dies_in_commit = 0;
    scheduler_surroundings_.commit_fails = 0;
    scheduler_surroundings_.answer_is_lost = 0;
    scheduler_surroundings_.slowest_commit = Milliseconds{5};
    scheduler_surroundings_.run_schedules = false;
    network_.set_latency(Milliseconds{5});
    network_.set_slow_links(0);
    worker_surroundings_.says_it_twice = 0;
    worker_surroundings_.hands_back = 0;
    database_.clear_quotas();
    resume_everything();
}

// Operators take back what holds anything up, and look again whether it is so.
void World::resume_everything() {
    if (SchedulerModel* to = leader()) {
        for (const char* name : {"default", "a", "b"}) {
            QueueConfig config;
            config.name = name;
            to->ask(ConfigureQueue{RequestId{}, config});
        }
        for (std::int64_t user = 1; user <= users; ++user) to->ask(SetQuota{UserId{user}, {}});
        for (const WorkerModel& worker : workers_) to->ask(DrainWorker{RequestId{}, worker.id(), false});
    }
    if (timeline_.now() < faults_end_ + Seconds{300}) timeline_.after(Seconds{20}, [this] { resume_everything(); });
}

void World::live_through_faults() {
    for (SchedulerModel& scheduler : schedulers_) scheduler.boot();
    for (WorkerModel& worker : workers_) worker.boot();
    while (timeline_.now() < faults_end_ && timeline_.step()) {
    }
}

bool World::anything_left() {
    if (database_.unfinished() > 0 || truth_.executing() > 0 || leader() == nullptr) return true;
    return std::any_of(clients_.begin(), clients_.end(),
                       [](const auto& each) { return !each.second.done && !each.second.request.key.empty(); });
}

void World::everything_ends() {
    heal();
    const SteadyTime deadline = timeline_.now() + everything_ends_within;
    // Crashed and frozen things come back by themselves; a scheduler that is down takes its time too.
    while (anything_left()) {
        if (!timeline_.step() || timeline_.now() > deadline) break;
        require(timeline_.steps() < most_steps, "nothing comes to rest");
    }
    if (SchedulerModel* scheduler = leader())
        for (const auto& [id, row] : database_.rows())
            require(is_final(row.state.state), "job " + id.text() + " never ends: " + scheduler->explain(id));
    database_.judge(true);
    require(!anything_left(), "a client was not answered, or a process runs on, long after the last fault");
    require(database_.rows().size() >= accepted_, "there are fewer jobs in the store than were acknowledged");
}

// Nothing was forgotten in the books: as many jobs as there are processors, and each gets one at once.
void World::every_slot_is_free() {
    step_until(timeline_.now() + Seconds{320});
    full_house_ = RequestId{++last_request_.value};
    Client& client = clients_[*full_house_];
    client.request.id = *full_house_;
    client.request.owner = UserId{1};
    for (const WorkerModel& worker : workers_)
        for (int cpu = 0; cpu < worker.capacity().cpu_millis; cpu += 1000) {
            SubmittedItem& item = client.request.items.emplace_back();
            item.payload.code = item.payload.data = make_content({});
            item.payload.spec.limits.cpu_millis = 1000;
            item.payload.spec.limits.memory_bytes = 0;
        }
    send(*full_house_);
    const SteadyTime deadline = timeline_.now() + Seconds{10};
    while (full_house_ && timeline_.now() < deadline && timeline_.step()) {
    }
    require(!full_house_, "a submit was not answered, though nothing fails any more");
}

void World::step_until(SteadyTime moment) {
    while (timeline_.now() < moment && timeline_.step()) {
    }
}

void World::nothing_is_left() {
    const SteadyTime deadline = timeline_.now() + Seconds{600};
    while (database_.unfinished() > 0 && timeline_.now() < deadline && timeline_.step()) {
    }
    require(database_.unfinished() == 0, "jobs do not end, though nothing fails any more");
}

// On the first worker alone, which has what these need. Nothing fails any more: it is answered.
std::vector<JobId> World::submit_last(UserId owner, std::vector<SubmittedItem> items) {
    const RequestId id{++last_request_.value};
    Client& client = clients_[id];
    client.request.id = id;
    client.request.owner = owner;
    for (SubmittedItem& item : items) {
        item.payload.code = item.payload.data = make_content({});
        item.payload.spec.limits.memory_bytes = 0;
        item.payload.spec.required_labels["kind"] = "first";
        item.payload.array_count = item.array.count;
    }
    client.request.items = std::move(items);
    send(id);
    const SteadyTime deadline = timeline_.now() + Seconds{10};
    while (!client.done && timeline_.now() < deadline && timeline_.step()) {
    }
    require(!client.jobs.empty(), "a submit was not answered, though nothing fails any more");
    return client.jobs;
}

// Two users with equal rights, one with long jobs and one with short ones, each with important jobs and others: they
// get the same processor time, whoever has the more important jobs, and each his own important jobs first.
void World::users_share_and_priorities_hold() {
    nothing_is_left();
    const UserId patient{201}, hasty{202};
    nature_.exactly = {{patient, Seconds{40}}, {hasty, Seconds{10}}};
    const Capacity& room = workers_.front().capacity();
    const std::int64_t most_held = room.cpu_millis / 1000 + room.prefetch;
    const auto want = [&](UserId user, std::int16_t important, std::int64_t count) {
        std::vector<SubmittedItem> items(2);
        for (SubmittedItem& item : items) {
            item.payload.spec.limits.cpu_millis = 1000;
            item.array.count = count;
        }
        items[1].payload.spec.priority = important;
        submit_last(user, std::move(items));
    };
    want(patient, 1, 40);
    want(hasty, 100, 160);
    // What each has held when two thirds of it are done. Leases count ten seconds each until they end.
    const Microseconds enough = Seconds{900};
    const SteadyTime deadline = timeline_.now() + Seconds{3600};
    while (database_.used_by(patient) + database_.used_by(hasty) < enough && timeline_.now() < deadline &&
           timeline_.step()) {
    }
    const Microseconds apart = std::chrono::abs(database_.used_by(patient) - database_.used_by(hasty));
    require(apart <= Seconds{10 * (most_held + 1) + 40},
            "two users with equal rights do not share: one has held " +
                std::to_string(database_.used_by(patient).count() / 1'000'000) + " s, the other " +
                std::to_string(database_.used_by(hasty).count() / 1'000'000));
    ++fair_ends_;
    std::vector<JobId> all;
    for (const auto& [id, row] : database_.rows())
        if (row.array && !is_final(row.state.state)) all.push_back(id);
    if (SchedulerModel* to = leader()) to->ask(CancelJobs{RequestId{++last_request_.value}, all, "enough"});
    nothing_is_left();
}

// Small jobs come without end, one after the other, and never leave room for a large one.
void World::a_large_job_is_not_starved() {
    nothing_is_left();
    const UserId small{203}, large{204};
    nature_.exactly = {{small, Seconds{5}}, {large, Seconds{1}}};
    const Capacity& room = workers_.front().capacity();
    const std::int64_t at_once = room.cpu_millis / 500;
    const Microseconds soon = scheduler_surroundings_.settings.reserve_after + Seconds{5 * (3 + room.prefetch) + 20};
    const std::int64_t count = at_once * (soon.count() / 5'000'000 + 20);
    std::vector<SubmittedItem> items(2);
    for (SubmittedItem& item : items) {
        item.payload.spec.limits.cpu_millis = 500;
        item.array.count = count / 2;
    }
    submit_last(small, std::move(items));
    // So that they do not all end at the same moment.
    step_until(timeline_.now() + Seconds{1});
    nature_.exactly[small] = Seconds{4};
    step_until(timeline_.now() + Seconds{6});
    std::vector<SubmittedItem> one(1);
    one[0].payload.spec.limits.cpu_millis = room.cpu_millis;
    const JobId job = submit_last(large, std::move(one)).front();
    const SteadyTime deadline = timeline_.now() + soon;
    const auto waits = [&] { return database_.find(job)->state.state == JobState::queued; };
    while (waits() && timeline_.now() < deadline && timeline_.step()) {
    }
    require(!waits(), "job " + job.text() + ", which needs a whole worker, is starved by small ones");
    ++large_starts_;
    std::vector<JobId> all;
    for (const auto& [id, row] : database_.rows())
        if (row.array && !is_final(row.state.state)) all.push_back(id);
    if (SchedulerModel* to = leader()) to->ask(CancelJobs{RequestId{++last_request_.value}, all, "enough"});
    nothing_is_left();
}

Report World::run() {
    Report report;
    on_broken = [](std::string_view what) { throw Violation("an assumption of the code broke: " + std::string(what)); };
    try {
        live_through_faults();
        everything_ends();
        every_slot_is_free();
        if (share_at_the_end_) users_share_and_priorities_hold();
        if (starve_at_the_end_) a_large_job_is_not_starved();
    } catch (const Violation& violation) {
        report.violation = violation.what();
    }
    on_broken = nullptr;
    report.steps = timeline_.steps();
    auto& counts = report.counts;
    counts["jobs"] = database_.rows().size();
    counts["attempts"] = truth_.attempts_begun();
    counts["faults"] = faults_;
    counts["arrays"] = arrays_;
    counts["dependencies"] = dependencies_;
    counts["scheduled jobs"] = database_.scheduled();
    counts["submits under a key"] = database_.keys();
    counts["answers told again"] = replayed_;
    counts["forgotten jobs"] = database_.forgotten();
    counts["users that shared"] = 2 * fair_ends_;
    counts["large jobs among small ones"] = large_starts_;
    for (const SchedulerModel& scheduler : schedulers_) {
        counts["queue events"] += scheduler.turns();
        counts["leaders"] += scheduler.times_led();
        counts["deposed"] += scheduler.times_deposed();
        counts["commits with lost answers"] += scheduler.repeated_commits();
    }
    for (const auto& [id, row] : database_.rows()) ++report.ends[row.state.state];
    report.virtual_seconds = std::chrono::duration<double>(timeline_.now().time_since_epoch()).count();
    return report;
}

}  // namespace windlass::simulation
