#include "tests/simulation/mirrored_store.h"

#include <algorithm>
#include <thread>

#include "tests/simulation/violation.h"

namespace windlass::simulation {

namespace {

std::string text(std::optional<WallTime> time) {
    return time ? std::to_string(to_unix_us(*time)) : "-";
}

std::string text(const StateRow& row) {
    return std::string(name(row.state)) + "." + std::to_string(row.attempt) + " of " + row.array.text() + " failures " +
           std::to_string(row.failures) + " losses " + std::to_string(row.losses) + " worker " + row.worker.text() +
           (row.cancel_requested ? " to be cancelled" : "") + " started " + text(row.started) + " finished " +
           text(row.finished) + " event " + std::to_string(row.event_seq);
}

std::string text(const ArrayRow& row) {
    std::string out = "array";
    for (const std::int64_t each : {row.count, row.next_member, row.max_fails.value_or(-1), row.succeeded, row.failed,
                                    row.timed_out, row.cancelled, row.lost})
        out += " " + std::to_string(each);
    return out;
}

// What matters of it, so that two can be compared and the difference be read.
std::string text(const StoredJob& job) {
    std::string out = "job " + job.job.text() + " owner " + job.seed.owner.text() + " priority " +
                      std::to_string(job.seed.priority) + " attempts " + std::to_string(job.seed.max_attempts) +
                      " cpu " + std::to_string(job.seed.need.cpu_millis) + " memory " +
                      std::to_string(job.seed.need.memory_bytes) + " queue " + job.seed.queue + " " + text(job.row);
    for (const auto& [label, value] : job.seed.need.labels) out += " " + label + "=" + value;
    for (const auto& [resource, count] : job.seed.need.resources) out += " " + resource + ":" + std::to_string(count);
    const JobRules& rules = job.seed.rules;
    out += " rules " + text(rules.not_before) + " " + text(rules.deadline) + " " +
           std::to_string(rules.retry_delay.count()) + (rules.retry_on ? " retry_on" : "");
    if (job.array) out += " " + text(*job.array);
    for (const std::int64_t hole : job.holes) out += " hole " + std::to_string(hole);
    if (job.row.state != JobState::blocked) return out;
    std::set<std::string> waits;
    for (const Dependency& after : job.seed.after)
        waits.insert(after.job.text() + "/" + std::to_string(static_cast<int>(after.condition)) + "/" +
                     (after.ended ? std::string(name(*after.ended)) : "-"));
    for (const std::string& wait : waits) out += " after " + wait;
    return out;
}

std::vector<std::string> texts(const StoredQueue& queue) {
    std::vector<std::string> lines;
    for (const StoredJob& job : queue.jobs) lines.push_back(text(job));
    std::ranges::sort(lines);
    std::vector<std::string> names;
    for (const QueueConfig& config : queue.queues)
        if (config.name != default_queue)  // which is there from the beginning
            names.push_back("queue " + config.name + " " + std::to_string(config.weight) + " " +
                            std::to_string(config.max_running.value_or(-1)) + (config.held ? " held" : ""));
    std::ranges::sort(names);
    lines.insert(lines.end(), names.begin(), names.end());
    for (const WorkerId worker : queue.draining) lines.push_back("draining " + worker.text());
    std::int64_t last_day = 0;
    for (const StoredUser& user : queue.users) last_day = std::max(last_day, user.day);
    for (const StoredUser& user : queue.users)
        if (user.day == last_day && user.cpu_of_day.count() > 0)
            lines.push_back("user " + user.user.text() + " used " + std::to_string(user.cpu_of_day.count()));
    lines.push_back("highest " + queue.highest_job.text());
    return lines;
}

void require_same(const std::vector<std::string>& real, const std::vector<std::string>& model) {
    for (std::size_t i = 0; i < std::max(real.size(), model.size()); ++i) {
        const std::string mine = i < real.size() ? real[i] : "nothing", other = i < model.size() ? model[i] : "nothing";
        require(mine == other, "the database has \"" + mine + "\", and was given \"" + other + "\"");
    }
}

}  // namespace

// ---- the database ---------------------------------------------------------------------------------------------------

RealDatabase::RealDatabase(Engine engine, bool shared, std::uint64_t seed)
    : database_(engine), shared_(shared), random_(seed) {}

std::shared_ptr<Store> RealDatabase::open(ModelDatabase& model) {
    const Milliseconds well{3'600'000};
    auto real = database_.open(
        LeadSettings{.name = "simulated", .shared = shared_, .well_for = well, .well_for_at_first = well});
    if (!std::exchange(follows_, true)) follow(model);
    return std::make_shared<MirroredStore>(*this, model, std::move(real));
}

// What the api and the outside do to the model is done to the database too.
void RealDatabase::follow(ModelDatabase& model) {
    Session& session = database_.session();
    for (const auto& [id, schedule] : model.schedules)
        session
            .execute(
                "insert into job_schedule (id, owner, name, cron, time_zone, overlap, missed, paused, job, created_us, "
                "planned_us) values (:id, :owner, 'simulated', :cron, 'UTC', :overlap, :missed, 0, '{}', 0, :planned)",
                id, schedule.owner.value, model.crons.at(id), static_cast<int>(schedule.overlap),
                static_cast<int>(schedule.missed), to_unix_us(schedule.dealt_with))
            .value();
    for (std::int64_t worker = 1; worker <= 6; ++worker)
        session
            .execute("insert into worker (id, name, first_seen_us) values (:id, :name, 0)", worker,
                     "worker " + std::to_string(worker))
            .value();
    model.on_break_lock = [this] {
        lock_broken_ = true;
        if (shared_)  // it has said for too long nothing
            database_.session().execute("update scheduler_epoch set expires_us = 0 where id = 1").value();
        else
            database_.break_lock();
    };
    model.on_quotas = [this, &model] {
        database_.session().execute("delete from quota").value();
        for (const auto& [user, quota] : model.quotas) database_.set_quota("user:" + user.text(), quota);
    };
}

void RealDatabase::compare(const ModelDatabase& model) {
    std::int64_t events = 0, results = 0, rows = 0;
    for (const auto& [id, row] : model.rows()) {
        const std::optional<StateRow> real = database_.state(id);
        require(real.has_value() != row.forgotten, "job " + id.text() + (real ? " is not" : " is") + " forgotten");
        if (row.forgotten) continue;
        StateRow expected = row.state;
        if (row.past) expected.worker = {};
        require(*real == expected,
                "job " + id.text() + " is \"" + text(*real) + "\" and was left as \"" + text(expected) + "\"");
        ++rows;
        events += static_cast<std::int64_t>(row.events.size());
        results += static_cast<std::int64_t>(row.results.size());
    }
    const auto counts = database_.counts();
    require(database_.rows("job_now") == rows, "the database has jobs that nobody submitted");
    require(counts.events == events, "the log has another number of events than were written");
    require(counts.results == results, "there is another number of results than were written");
    const auto used = database_.session().query(
        "select owner, cast(sum(cpu_us) as bigint) from user_usage group by owner order by owner");
    for (const windlass::Row& row : used.value())
        require(model.used_by(UserId{row.integer(0)}) == Microseconds{row.integer(1)},
                "user " + std::to_string(row.integer(0)) + " is charged twice for something");
}

// ---- the store ------------------------------------------------------------------------------------------------------

Result<std::int64_t> MirroredStore::lead() {
    const bool is_free = model_.leader_ == nullptr || model_.leader_ == this;
    // The server notices a moment later that a connection has ended. (One that was deposed and stands still since may
    // have taken the lock again.)
    const bool must_be_free = is_free && database_.open_ == 1;
    const auto patience = std::chrono::steady_clock::now() + Seconds{20};
    auto epoch = real_->lead();
    while (!epoch && epoch.error().kind == ErrorKind::conflict && must_be_free &&
           std::chrono::steady_clock::now() < patience) {
        std::this_thread::yield();
        epoch = real_->lead();
    }
    if (!epoch) {
        require(epoch.error().kind == ErrorKind::conflict || epoch.error().kind == ErrorKind::unavailable,
                "the lead cannot be taken: " + epoch.error().message);
        require(!must_be_free || epoch.error().kind == ErrorKind::unavailable, "nobody leads, and nobody can");
        return epoch;
    }
    require(is_free || database_.lock_broken_, "somebody takes the lead while another leads and is well");
    require(*epoch == model_.epoch_ + 1, "the epoch does not count the leaders");
    database_.lock_broken_ = false;
    model_.leader_ = this;
    model_.epoch_ = epoch_ = *epoch;
    return epoch;
}

void MirroredStore::judge(const Status& answer, const std::string& what) {
    if (answer.ok()) {
        require(leads(), "the database " + what + " of a scheduler that does not lead any more");
        if (model_.leader_ == nullptr) model_.leader_ = this;  // it has taken the lock again, or said that it is well
        return;
    }
    const Error& error = answer.error();
    require(error.kind != ErrorKind::stale || !leads(), "the leader was refused: " + error.message);
    require(error.kind == ErrorKind::stale || error.kind == ErrorKind::unavailable,
            "the database failed: " + error.message);
}

Status MirroredStore::commit(const Batch& batch) {
    const Status status = real_->commit(batch);
    judge(status, "took a batch");
    if (!status.ok()) return status;
    std::int64_t& last = model_.last_batch_[epoch_];
    if (batch.number != last) {
        require(batch.number > last, "batch " + std::to_string(batch.number) + " comes after a later one");
        last = batch.number;
        model_.apply(batch);
    }
    if (database_.random_.chance(0.3)) probe(batch);
    return status;
}

void MirroredStore::probe(const Batch& batch) {
    const auto must_be_refused = [&](const Batch& wrong, const std::string& what) {
        ++database_.probes_;
        const Status status = real_->commit(wrong);
        require(!status.ok(), "the database took " + what);
        require(status.error().kind == ErrorKind::stale, "the database failed: " + status.error().message);
    };
    for (const StateChange& change : batch.changes) {
        Batch wrong;  // not counted: its number proves nothing
        wrong.changes.push_back(change);
        wrong.changes[0].from_attempt += 7;
        wrong.changes[0].row.event_seq += 1;
        must_be_refused(wrong, "a change of job " + change.job.text() + " on top of another attempt");
        wrong.changes[0].from_attempt = change.row.attempt;
        wrong.changes[0].from_state = change.row.state == JobState::queued ? JobState::running : JobState::queued;
        must_be_refused(wrong, "a change of job " + change.job.text() + " on top of another state");
        break;
    }
    for (const JobRecord& job : batch.jobs) {
        Batch wrong;
        wrong.jobs.push_back(job);
        wrong.jobs[0].owner = UserId{99};
        wrong.jobs[0].planned.reset();
        must_be_refused(wrong, "another job under the id " + job.job.text());
        break;
    }
    if (batch.number < 2) return;
    Batch late;
    late.number = batch.number - 1;
    must_be_refused(late, "a batch that comes after a later one");
}

Result<StoredState> MirroredStore::load() {
    auto real = real_->load();
    if (!real) return real;
    const auto model = mirror_.load();
    require_same(texts(real->queue), texts(model->queue));
    return real;
}

Result<std::vector<std::optional<JobState>>> MirroredStore::final_states(const std::vector<JobId>& jobs) {
    auto real = real_->final_states(jobs);
    if (!real) return real;
    for (std::size_t i = 0; i < jobs.size(); ++i)
        require((*real)[i] == model_.final_state(jobs[i]),
                "the database does not know how job " + jobs[i].text() + " ended, or has not forgotten it");
    return real;
}

Result<std::optional<KeyRecord>> MirroredStore::submitted_with(UserId account, const std::string& route,
                                                               const std::string& key) {
    auto real = real_->submitted_with(account, route, key);
    if (!real) return real;
    const auto model = mirror_.submitted_with(account, route, key);
    require(real->has_value() == model->has_value() && (!real->has_value() || (*real)->jobs == (*model)->jobs),
            "the database has another answer to key " + key);
    return real;
}

Result<std::vector<ScheduleRecord>> MirroredStore::schedules() {
    auto real = real_->schedules();
    if (!real) return real;
    const auto model = mirror_.schedules();
    require(real->size() == model->size(), "the database has another number of schedules");
    for (std::size_t i = 0; i < real->size(); ++i)
        require((*real)[i].dealt_with == (*model)[i].dealt_with && (*real)[i].last_job == (*model)[i].last_job,
                "schedule " + std::to_string((*real)[i].id) + " does not know its last moment");
    return real;
}

Result<std::int64_t> MirroredStore::move_finished(std::int64_t most) {
    auto moved = real_->move_finished(most);
    judge(moved.ok() ? Status() : Status(moved.error()), "moved jobs on the word");
    if (moved) require(*moved == model_.move_finished(), "another number of jobs moved to the history than had ended");
    return moved;
}

Result<std::int64_t> MirroredStore::forget_finished(WallTime cutoff, std::int64_t most) {
    auto forgotten = real_->forget_finished(cutoff, most);
    judge(forgotten.ok() ? Status() : Status(forgotten.error()), "forgot jobs on the word");
    if (!forgotten) return forgotten;
    const std::int64_t expected = model_.forget_finished(cutoff);
    require(*forgotten == expected, "the database forgot " + std::to_string(*forgotten) + " jobs, and " +
                                        std::to_string(expected) + " were old and not waited for");
    return forgotten;
}

Status MirroredStore::ping() {
    Status status = real_->ping();
    judge(status, "confirmed the lead");
    return status;
}

}  // namespace windlass::simulation
