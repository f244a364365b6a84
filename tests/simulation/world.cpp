#include "tests/simulation/world.h"

#include <algorithm>

#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

// After the last fault every job must have ended by then. Most of it is work: jobs of up to 30 s in a row.
constexpr Seconds everything_ends_within{4 * 3600};
constexpr int most_jobs = 150;

QueueSettings settings_of(const Guards& guards) {
    QueueSettings settings;
    if (!guards.grace) settings.lease_grace = Milliseconds{0};
    return settings;
}

}  // namespace

World::World(std::uint64_t seed, const Guards& guards, Weather weather)
    : guards_(guards),
      weather_(weather),
      random_(seed),
      network_(timeline_, random_),
      scheduler_surroundings_{.timeline = timeline_,
                              .random = random_,
                              .network = network_,
                              .truth = truth_,
                              .store = store_,
                              .guards = guards_,
                              .settings = settings_of(guards),
                              .tell_client = [this](const Effect& effect) { client_hears(effect); }},
      worker_surroundings_{timeline_, random_, network_, truth_, store_, guards_, nature_},
      scheduler_(scheduler_surroundings_) {
    network_.connect_ends({
        .scheduler_hears = [this](LinkNumber link, const Event& event) { scheduler_.hear(link, event); },
        .scheduler_notices_cut = [this](LinkNumber link) { scheduler_.notice_cut(link); },
        .worker_hears =
            [this](LinkNumber link, const Effect& effect) {
                workers_[static_cast<std::size_t>(network_.worker_of(link).value - 1)].hear(link, effect);
            },
        .worker_notices_cut =
            [this](LinkNumber link) {
                workers_[static_cast<std::size_t>(network_.worker_of(link).value - 1)].notice_cut(link);
            },
    });
    // Some sites run jobs of milliseconds (then workers get attempts ahead), some of half a minute.
    if (random_.chance(0.3)) nature_.longest = Milliseconds{200};
    if (random_.chance(0.2)) nature_.setup_fails = 0.2;
    make_workers();
    faults_end_ = timeline_.now() + random_.time(Seconds{60}, Seconds{400});
    choose_faults();
}

void World::make_workers() {
    const std::int64_t count = random_.between(1, 6);
    for (std::int64_t i = 1; i <= count; ++i) {
        const Capacity capacity{static_cast<std::int32_t>(random_.between(1, 4) * 1000),
                                random_.between(1, 8) * gibibyte,
                                static_cast<std::int32_t>(random_.chance(0.5) ? random_.between(1, 16) : 0)};
        workers_.emplace_back(worker_surroundings_, WorkerModel::Settings{WorkerId{i}, capacity});
        // Every job fits the first worker; not each fits the others.
        if (i == 1) largest_need_ = {capacity.cpu_millis, capacity.memory_bytes};
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
    sometimes(0.6, Seconds{2}, Seconds{60},
              [this, length] { any_worker().cut(length(Seconds{60}), length(Seconds{20})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().isolate(length(Seconds{90})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().crash(length(Seconds{60})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { any_worker().freeze(length(Seconds{90})); });
    sometimes(0.3, Seconds{10}, Seconds{90}, [this, length] { any_worker().drain(length(Seconds{30})); });
    sometimes(0.4, Seconds{5}, Seconds{120}, [this, length] { scheduler_.crash(length(Seconds{60})); });
    sometimes(0.4, Seconds{5}, Seconds{90}, [this, length] { scheduler_.stall_commits(length(Seconds{60})); });
    if (chosen(0.3)) scheduler_surroundings_.dies_in_commit = 0.02 * random_.unit();
    if (chosen(0.3)) scheduler_surroundings_.slowest_commit = Seconds{2};
    if (chosen(0.3)) network_.set_latency(Seconds{2});
    if (chosen(0.3)) network_.set_slow_links(0.5);
    if (chosen(0.3)) worker_surroundings_.says_it_twice = 0.3;
    recurring(Seconds{4}, [this] { submit(); });
    recurring(Seconds{12}, [this] { cancel(); });
}

// ---- clients --------------------------------------------------------------------------------------------------------

void World::submit() {
    if (store_.rows().size() >= most_jobs) return;
    Request request;
    const std::int64_t count = random_.chance(0.1) ? random_.between(10, 30) : random_.between(1, 4);
    for (std::int64_t i = 0; i < count; ++i) {
        NewJob job;
        job.owner = UserId{random_.between(1, 5)};
        job.priority = static_cast<std::int16_t>(random_.between(-1, 1));
        job.max_attempts = static_cast<std::int32_t>(random_.between(1, 3));
        job.need = {static_cast<std::int32_t>(random_.between(1, largest_need_.cpu_millis / 500) * 500),
                    random_.between(1, largest_need_.memory_bytes / gibibyte) * gibibyte};
        request.jobs.push_back(job);
    }
    ++last_request_.value;
    requests_[last_request_] = request;
    scheduler_.ask(Submit{last_request_, request.jobs});
}

void World::cancel() {
    if (store_.rows().empty()) return;
    const std::int64_t first = store_.rows().begin()->first.value;
    ++last_request_.value;
    scheduler_.ask(CancelJob{last_request_, JobId{random_.between(first - 1, store_.highest().value)}});
}

// What is told to a client is true, and durable, at the moment it is told.
void World::client_hears(const Effect& effect) {
    if (const auto* submitted = std::get_if<AnswerSubmit>(&effect)) {
        const Request& request = requests_.at(submitted->request);
        require(submitted->count == request.jobs.size(), "a submit was answered with another number of jobs");
        for (std::size_t i = 0; i < submitted->count; ++i) {
            const JobId id{submitted->first.value + static_cast<std::int64_t>(i)};
            const ModelStore::Row* row = store_.find(id);
            require(row != nullptr, "job " + id.text() + " was acknowledged and is not in the store");
            require(row->seed.owner == request.jobs[i].owner && row->seed.need == request.jobs[i].need,
                    "job " + id.text() + " is not the one that was submitted");
        }
        accepted_ += submitted->count;
        if (submitted->request == full_house_) judge_full_house(*submitted);
    }
    if (const auto* cancelled = std::get_if<AnswerCancel>(&effect)) {
        const ModelStore::Row* row = store_.find(cancelled->job);
        if (cancelled->answer == CancelAnswer::not_active) {
            require(row == nullptr || is_final(row->state.state),
                    "job " + cancelled->job.text() + " was called not active and is");
            return;
        }
        require(row != nullptr, "a cancel of a job was acknowledged that is not in the store");
        require(cancelled->answer != CancelAnswer::cancelled || row->state.state == JobState::cancelled,
                "job " + cancelled->job.text() + " was called cancelled and is not");
        store_.cancel_acknowledged(cancelled->job);
    }
    if (const auto* ended = std::get_if<JobEnded>(&effect)) judge_ended(*ended);
}

void World::judge_full_house(const AnswerSubmit& submitted) {
    full_house_.reset();
    for (std::size_t i = 0; i < submitted.count; ++i) {
        const JobId id{submitted.first.value + static_cast<std::int64_t>(i)};
        require(store_.find(id)->state.state != JobState::queued,
                "job " + id.text() + " waits though every worker is idle");
    }
}

void World::judge_ended(const JobEnded& ended) {
    const ModelStore::Row* row = store_.find(ended.job);
    require(row != nullptr && row->state.state == ended.state,
            "job " + ended.job.text() + " was called " + std::string(name(ended.state)) + " and is not");
}

// ---- the run --------------------------------------------------------------------------------------------------------

void World::heal() {
    faulty_ = false;
    scheduler_surroundings_.dies_in_commit = 0;
    scheduler_surroundings_.slowest_commit = Milliseconds{5};
    network_.set_latency(Milliseconds{5});
    network_.set_slow_links(0);
    worker_surroundings_.says_it_twice = 0;
}

void World::live_through_faults() {
    scheduler_.boot();
    for (WorkerModel& worker : workers_) worker.boot();
    while (timeline_.now() < faults_end_ && timeline_.step()) {
    }
}

void World::everything_ends() {
    heal();
    const SteadyTime deadline = timeline_.now() + everything_ends_within;
    // Crashed and frozen things come back by themselves; a scheduler that is down takes its time too.
    while (store_.unfinished() > 0 || truth_.executing() > 0 || !scheduler_.up()) {
        if (!timeline_.step() || timeline_.now() > deadline) break;
    }
    store_.judge(true);
    require(store_.rows().size() >= accepted_, "there are fewer jobs in the store than were acknowledged");
}

// Nothing was forgotten in the books: as many jobs as there are processors, and each gets one at once.
void World::every_slot_is_free() {
    const SteadyTime everybody_back = timeline_.now() + Seconds{300};
    while (timeline_.now() < everybody_back && timeline_.step()) {
    }
    full_house_ = RequestId{++last_request_.value};
    Request& request = requests_[*full_house_];
    for (const WorkerModel& worker : workers_)
        for (int cpu = 0; cpu < worker.capacity().cpu_millis; cpu += 1000)
            request.jobs.push_back({.owner = UserId{1}, .need = {1000, 0}});
    scheduler_.ask(Submit{*full_house_, request.jobs});
    const SteadyTime deadline = timeline_.now() + Seconds{10};
    while (full_house_ && timeline_.now() < deadline && timeline_.step()) {
    }
    require(!full_house_, "a submit was not answered, though nothing fails any more");
}

Report World::run() {
    Report report;
    try {
        live_through_faults();
        everything_ends();
        every_slot_is_free();
    } catch (const Violation& violation) {
        report.violation = violation.what();
    }
    report.steps = timeline_.steps();
    report.turns = scheduler_.turns();
    report.jobs = store_.rows().size();
    report.attempts = truth_.attempts_begun();
    report.faults = faults_;
    for (const auto& [id, row] : store_.rows()) ++report.ends[row.state.state];
    report.virtual_seconds = std::chrono::duration<double>(timeline_.now().time_since_epoch()).count();
    return report;
}

}  // namespace windlass::simulation
