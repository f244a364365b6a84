// The three stores behind one face, for the conformance suite: how to open a store on a database, how another scheduler
// takes it over, and how to look at what is in it.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "scheduler/store_memory.h"
#include "scheduler/store_sql.h"
#include "shared/digest.h"
#include "tests/support/databases.h"

namespace windlass::scheduler::test {

using windlass::test::EmptyDatabase;
using windlass::test::PostgresServer;

class StoreDatabase {
  public:
    virtual ~StoreDatabase() = default;
    virtual std::unique_ptr<Store> open() = 0;
    // As if the leader's machine were cut off: whoever asks next may lead.
    virtual void break_lock() = 0;

    struct Counts {
        std::int64_t workers, blobs, jobs, states, events, results, chunks;
        bool operator==(const Counts&) const = default;
    };
    virtual Counts counts() = 0;
    virtual std::optional<StateRow> state(JobId job) = 0;
    virtual std::string output(AttemptRef attempt, OutputStream stream, std::int64_t offset) = 0;
    virtual std::string blob(const std::string& sha256) = 0;
};

class MemoryStoreDatabase final : public StoreDatabase {
  public:
    std::unique_ptr<Store> open() override { return make_memory_store(database_); }
    void break_lock() override { database_->break_lock(); }
    Counts counts() override {
        const auto& t = database_->tables;
        const auto size = [](const auto& table) { return static_cast<std::int64_t>(table.size()); };
        return {size(t.workers), size(t.blobs),   size(t.jobs),  size(t.jobs),
                size(t.events),  size(t.results), size(t.output)};
    }
    std::optional<StateRow> state(JobId job) override {
        const auto found = database_->tables.jobs.find(job);
        return found == database_->tables.jobs.end() ? std::nullopt : std::optional(found->second.row);
    }
    std::string output(AttemptRef attempt, OutputStream stream, std::int64_t offset) override {
        return database_->tables.output.at({attempt, {stream, offset}});
    }
    std::string blob(const std::string& sha256) override { return database_->tables.blobs.at(sha256); }

  private:
    std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>();
};

class SqlStoreDatabase final : public StoreDatabase {
  public:
    explicit SqlStoreDatabase(Engine engine) : database_(engine), session_(database_.url()) {}

    std::unique_ptr<Store> open() override {
        auto store = open_store(database_.url());
        if (!store) ADD_FAILURE() << store.error().message;
        return std::move(store).value();
    }
    void break_lock() override {
        if (session_.engine() == Engine::sqlite) {
            std::filesystem::remove(database_.url().path() + ".scheduler-lock");
        } else {
            session_
                .query(
                    "select pg_terminate_backend(pid, 20000) from pg_stat_activity where datname = "
                    "current_database() and application_name = 'windlass-scheduler-lock'")
                .value();
        }
    }
    Counts counts() override {
        const auto rows = session_.query(
            "select (select count(*) from worker), (select count(*) from blob), (select count(*) from job), (select "
            "count(*) from job_state), (select count(*) from job_event), (select count(*) from attempt_result), "
            "(select "
            "count(*) from job_output)");
        const Row& row = rows.value()[0];
        return {row.integer(0), row.integer(1), row.integer(2), row.integer(3),
                row.integer(4), row.integer(5), row.integer(6)};
    }
    std::optional<StateRow> state(JobId job) override {
        const auto rows = session_.query(
            "select state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, event_seq "
            "from "
            "job_state where id = :id",
            job.value);
        if (rows.value().empty()) return std::nullopt;
        const Row& row = rows.value()[0];
        const auto time = [&](std::size_t column) {
            const auto us = row.integer_or_null(column);
            return us ? std::optional(from_unix_us(*us)) : std::nullopt;
        };
        return StateRow{.state = static_cast<JobState>(row.integer(0)),
                        .attempt = static_cast<AttemptNumber>(row.integer(1)),
                        .failures = static_cast<std::int16_t>(row.integer(2)),
                        .losses = static_cast<std::int16_t>(row.integer(3)),
                        .worker = WorkerId{row.integer_or_null(4).value_or(0)},
                        .cancel_requested = row.truth(5),
                        .started = time(6),
                        .finished = time(7),
                        .event_seq = static_cast<std::int32_t>(row.integer(8))};
    }
    std::string output(AttemptRef attempt, OutputStream stream, std::int64_t offset) override {
        const auto rows = session_.query(
            "select bytes from job_output where job = :job and attempt = :attempt and stream = :stream and "
            "start_offset "
            "= :offset",
            attempt.job.value, attempt.attempt, static_cast<int>(stream), offset);
        return rows.value().at(0).bytes(0);
    }
    std::string blob(const std::string& sha256) override {
        return session_.query("select bytes from blob where sha256 = :sha256", sha256).value().at(0).bytes(0);
    }

    Session& session() { return session_; }
    const DatabaseUrl& url() const { return database_.url(); }

  private:
    EmptyDatabase database_;
    Session session_;
};

// ---- what goes into a store ----------------------------------------------------------------------------------------

inline WallTime at(std::int64_t seconds) {
    return from_unix_us(1'700'000'000'000'000 + seconds * 1'000'000);
}

inline Blob blob_of(std::string bytes) {
    return {sha256_hex(bytes), std::move(bytes)};
}

inline JobRecord queued_job(std::int64_t id, const Blob* code = nullptr) {
    JobRecord job{.job = JobId{id}, .owner = UserId{id % 7 + 1}, .submitted = at(id % 1000)};
    job.spec.name = "job " + std::to_string(id);
    job.spec.running_commands = "echo \"it's\" :me > out/a\n";
    job.spec.priority = static_cast<std::int16_t>(id % 201 - 100);
    job.spec.timeout = Milliseconds{60'000 + id % 10};
    job.spec.max_attempts = 3;
    job.spec.limits.memory_bytes = 64 * mebibyte + id % 100;
    job.spec.env = {{"NAME", "value \"quoted\""}, {"EMPTY", ""}};
    if (code != nullptr) job.code_sha256 = code->sha256;
    job.row.event_seq = 1;
    return job;
}

inline RecordEvent event_of(JobId job, std::int32_t seq, JobMove move, JobState state) {
    return {.job = job, .seq = seq, .at = at(seq), .move = move, .state = state, .attempt = 1, .detail = "because"};
}

inline StateRow leased_row(WorkerId worker, AttemptNumber attempt = 1) {
    return {.state = JobState::starting, .attempt = attempt, .worker = worker, .event_seq = 2};
}
inline StateRow finished_row(JobState state = JobState::succeeded, AttemptNumber attempt = 1) {
    return {.state = state, .attempt = attempt, .started = at(5), .finished = at(9), .event_seq = 4};
}

// One job each, queued.
inline Batch submit(std::int64_t first, std::int64_t count, const Blob* code = nullptr) {
    Batch batch;
    if (code != nullptr) batch.blobs.push_back(*code);
    for (std::int64_t id = first; id < first + count; ++id) {
        batch.jobs.push_back(queued_job(id, code));
        batch.events.push_back(event_of(JobId{id}, 1, JobMove::submit, JobState::queued));
    }
    return batch;
}
inline Batch lease(std::int64_t first, std::int64_t count, WorkerId worker) {
    Batch batch;
    for (std::int64_t id = first; id < first + count; ++id) {
        batch.changes.push_back({JobId{id}, JobState::queued, 0, leased_row(worker)});
        batch.events.push_back(event_of(JobId{id}, 2, JobMove::lease, JobState::starting));
    }
    return batch;
}

inline ResultRecord result_of(std::int64_t id, WorkerId worker) {
    ResultRecord record{.attempt = {JobId{id}, 1}, .worker = worker, .ended = at(9)};
    AttemptResult& result = record.result;
    result.outcome = {OutcomeKind::exited, 3, 0, "left with 3"};
    result.usage = {Microseconds{4'000'000}, Microseconds{300}, Microseconds{20}, 5 * gibibyte, true, 7, 8};
    result.stdout_bytes = 256;
    result.stderr_truncated = true;
    result.files.push_back({"a \"file\".txt", 5 * gibibyte, std::string(64, 'a'), true});
    result.value_json = R"({"x":[1,2,"\u0000"]})";
    return record;
}
inline Batch finish(std::int64_t first, std::int64_t count, WorkerId worker) {
    Batch batch;
    for (std::int64_t id = first; id < first + count; ++id) {
        batch.changes.push_back({JobId{id}, JobState::starting, 1, finished_row()});
        batch.events.push_back(event_of(JobId{id}, 4, JobMove::finish, JobState::succeeded));
        batch.results.push_back(result_of(id, worker));
    }
    return batch;
}

}  // namespace windlass::scheduler::test
