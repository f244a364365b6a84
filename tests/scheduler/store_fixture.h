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

    // How many rows a table of sql/ has.
    virtual std::int64_t rows(const std::string& table) = 0;
    // What the api writes.
    virtual void set_quota(const std::string& subject, const Quota& quota) = 0;
    virtual void set_tier(UserId account, const std::string& tier) = 0;
    virtual void upload(UserId owner, const Blob& blob, WallTime created) = 0;
    virtual void upload_piece(UserId owner, const std::string& sha256, std::int64_t offset, WallTime created) = 0;
};

class MemoryStoreDatabase final : public StoreDatabase {
  public:
    std::unique_ptr<Store> open() override { return make_memory_store(database_); }
    void break_lock() override { database_->break_lock(); }
    Counts counts() override {
        const auto& t = database_->tables;
        const auto size = [](const auto& table) { return static_cast<std::int64_t>(table.size()); };
        return {size(t.workers), size(t.blobs),   size(t.jobs),  rows("job_state"),
                size(t.events),  size(t.results), size(t.output)};
    }
    std::optional<StateRow> state(JobId job) override {
        const auto& t = database_->tables;
        if (const auto member = t.members.find(job); member != t.members.end()) return member->second;
        const auto found = t.jobs.find(job);
        return found == t.jobs.end() ? std::nullopt : std::optional(found->second.row);
    }
    std::string output(AttemptRef attempt, OutputStream stream, std::int64_t offset) override {
        return database_->tables.output.at({attempt, {stream, offset}});
    }
    std::string blob(const std::string& sha256) override { return database_->tables.blobs.at(sha256); }
    std::int64_t rows(const std::string& table) override {
        const auto& t = database_->tables;
        std::size_t pieces = 0, tags = 0, dependencies = 0, arrays = 0, offers = 0;
        for (const auto& [worker, all] : t.offers) offers += all.size();
        for (const auto& [key, upload] : t.uploads) pieces += upload.size();
        for (const auto& [id, job] : t.jobs) {
            tags += job.spec.tags.size();
            dependencies += job.after.size();
            arrays += job.array ? 1 : 0;
        }
        const std::map<std::string, std::size_t> sizes{{"job_state", t.jobs.size() + t.members.size() - t.past.size()},
                                                       {"job_past", t.past.size()},
                                                       {"job_tag", tags},
                                                       {"job_dependency", dependencies},
                                                       {"job_array", arrays},
                                                       {"job_queue", t.queues.size()},
                                                       {"site_offer", offers},
                                                       {"blob_owner", t.rights.size()},
                                                       {"result_blob", t.result_blobs.size()},
                                                       {"idempotency_key", t.keys.size()},
                                                       {"upload_piece", pieces}};
        return static_cast<std::int64_t>(sizes.at(table));
    }
    void set_quota(const std::string& subject, const Quota& quota) override {
        database_->tables.quotas[subject] = quota;
    }
    void set_tier(UserId account, const std::string& tier) override { database_->tables.tiers[account] = tier; }
    void upload(UserId owner, const Blob& blob, WallTime created) override {
        database_->tables.blobs.emplace(blob.sha256, blob.bytes);
        database_->tables.rights.try_emplace({owner, blob.sha256}, MemoryDatabase::Right{created, 0});
    }
    void upload_piece(UserId owner, const std::string& sha256, std::int64_t offset, WallTime created) override {
        database_->tables.uploads[{owner, sha256}][offset] = {created, "piece"};
    }

  private:
    std::shared_ptr<MemoryDatabase> database_ = std::make_shared<MemoryDatabase>();
};

class SqlStoreDatabase final : public StoreDatabase {
  public:
    explicit SqlStoreDatabase(Engine engine) : database_(engine), session_(database_.url()) {}

    std::unique_ptr<Store> open() override { return open({}); }
    std::unique_ptr<Store> open(LeadSettings lead) {
        auto store = open_store(database_.url(), std::move(lead));
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
            "select state, attempt, failures, losses, worker, cancel_requested, started_us, finished_us, event_seq, "
            "array_id from job_now where id = :id",
            job.value);
        if (rows.value().empty()) return std::nullopt;
        const Row& row = rows.value()[0];
        const auto time = [&](std::size_t column) {
            const auto us = row.integer_or_null(column);
            return us ? std::optional(from_unix_us(*us)) : std::nullopt;
        };
        return StateRow{.array = JobId{row.integer_or_null(9).value_or(0)},
                        .state = static_cast<JobState>(row.integer(0)),
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

    std::int64_t rows(const std::string& table) override {
        return session_.query("select count(*) from " + table).value()[0].integer(0);
    }
    void set_quota(const std::string& subject, const Quota& quota) override {
        const auto seconds = quota.cpu_per_day ? std::optional(quota.cpu_per_day->count() / 1'000'000) : std::nullopt;
        session_
            .execute(
                "insert into quota (subject, queued, running, cpu_s_per_day, stored_bytes) values (:subject, "
                ":queued, :running, :cpu, :stored)",
                subject, quota.queued, quota.running, seconds, quota.stored_bytes)
            .value();
    }
    void set_tier(UserId account, const std::string& tier) override {
        session_
            .execute(
                "insert into account (id, username, username_key, email, email_key, first_name, last_name, name, "
                "company, roles, tier, created_us) values (:id, :name, :name, :name, :name, '', '', '', '', 0, "
                ":tier, 0)",
                account.value, account.text(), tier)
            .value();
    }
    void upload(UserId owner, const Blob& blob, WallTime created) override {
        session_
            .execute("insert into blob (sha256, size_bytes, bytes) values (:sha256, :size, :bytes)", blob.sha256,
                     blob.bytes.size(), Bytes{blob.bytes})
            .value();
        session_
            .execute(
                "insert into blob_owner (owner, sha256, size_bytes, created_us) values (:owner, :sha256, :size, "
                ":created)",
                owner.value, blob.sha256, blob.bytes.size(), to_unix_us(created))
            .value();
    }
    void upload_piece(UserId owner, const std::string& sha256, std::int64_t offset, WallTime created) override {
        session_
            .execute(
                "insert into upload_piece (owner, sha256, start_offset, created_us, bytes) values (:owner, "
                ":sha256, :start, :created, :bytes)",
                owner.value, sha256, offset, to_unix_us(created), Bytes{"piece"})
            .value();
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

// Array `id` of `count` members, queued; parameters of member i: {"I":"i"}.
inline Batch submit_array(std::int64_t id, std::int64_t count, bool with_params = true) {
    Batch batch = submit(id, 1);
    JobRecord& job = batch.jobs[0];
    job.array = ArrayRow{.count = count, .max_fails = 3};
    for (std::int64_t i = 0; with_params && i < count; ++i)
        job.params.push_back(R"({"I":")" + std::to_string(i) + R"("})");
    return batch;
}
inline StateRow member_row(std::int64_t array, StateRow row) {
    row.array = JobId{array};
    return row;
}
inline MemberRecord member(std::int64_t array, std::int64_t number, const StateRow& row) {
    return {JobId{array + 1 + number}, member_row(array, row)};
}

}  // namespace windlass::scheduler::test
