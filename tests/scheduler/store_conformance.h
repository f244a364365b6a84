// What every store must do. store_conformance_test.cpp runs it on all of them.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "tests/scheduler/store_fixture.h"

namespace windlass::scheduler::test {

using MakeDatabase = std::function<std::unique_ptr<StoreDatabase>()>;

class EveryStore : public testing::TestWithParam<MakeDatabase> {
  protected:
    void SetUp() override { ASSERT_TRUE(store->lead()); }

    void commit(const Batch& batch) {
        const Status status = store->commit(batch);
        ASSERT_TRUE(status) << status.error().message;
    }
    void expect_refused(const Batch& batch, ErrorKind kind, const std::string& names = {}) {
        const auto before = database->counts();
        const Status status = store->commit(batch);
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().kind, kind) << status.error().message;
        EXPECT_NE(status.error().message.find(names), std::string::npos) << status.error().message;
        EXPECT_EQ(database->counts(), before) << "a refused batch left something";
    }
    StateRow state(std::int64_t id) { return database->state(JobId{id}).value(); }

    std::unique_ptr<StoreDatabase> database = GetParam()();
    std::unique_ptr<Store> store = database->open();
    const WorkerId worker{77};
};

inline std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
    return bytes + std::string("\0tail\0", 6);
}

TEST_P(EveryStore, starts_empty) {
    const auto stored = store->load();
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->queue.jobs.empty());
    EXPECT_TRUE(stored->workers.empty());
    EXPECT_EQ(stored->queue.highest_job, JobId{});
    EXPECT_TRUE(store->ping());
    EXPECT_TRUE(store->commit({}));
}

TEST_P(EveryStore, takes_a_job_from_submit_to_its_end) {
    commit(submit(100, 1));
    EXPECT_EQ(state(100), queued_job(100).row);
    commit(lease(100, 1, worker));
    EXPECT_EQ(state(100), leased_row(worker));
    commit(finish(100, 1, worker));
    EXPECT_EQ(state(100), finished_row());
    EXPECT_EQ(database->counts(), (StoreDatabase::Counts{0, 0, 1, 1, 3, 1, 0}));
}

TEST_P(EveryStore, gives_back_at_a_restart_what_had_not_ended) {
    Batch batch = submit(1'000'000'001, 5);
    batch.workers.push_back({worker, "node-1", at(0)});
    batch.workers.push_back({WorkerId{1LL << 40}, "knoten-ü", at(1)});
    commit(batch);
    commit(lease(1'000'000'002, 3, worker));
    commit(finish(1'000'000'003, 1, worker));
    Batch running;
    StateRow row = leased_row(worker);
    row.state = JobState::running;
    row.started = at(3);
    row.cancel_requested = true;
    row.failures = 2;
    row.losses = 4;
    row.event_seq = 9;
    running.changes.push_back({JobId{1'000'000'004}, JobState::starting, 1, row});
    commit(running);

    store.reset();
    store = database->open();
    ASSERT_TRUE(store->lead());
    const auto stored = store->load();
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->queue.highest_job, JobId{1'000'000'005});
    ASSERT_EQ(stored->workers.size(), 2U);
    EXPECT_EQ(stored->workers[0].worker, worker);
    EXPECT_EQ(stored->workers[1].name, "knoten-ü");
    EXPECT_EQ(stored->workers[1].first_seen, at(1));
    ASSERT_EQ(stored->queue.jobs.size(), 4U);
    const std::int64_t ids[] = {1'000'000'001, 1'000'000'002, 1'000'000'004, 1'000'000'005};
    for (std::size_t i = 0; i < 4; ++i) {
        const JobRecord expected = queued_job(ids[i]);
        EXPECT_EQ(stored->queue.jobs[i].job, expected.job);
        EXPECT_EQ(stored->queue.jobs[i].seed.owner, expected.owner);
        EXPECT_EQ(stored->queue.jobs[i].seed.priority, expected.spec.priority);
        EXPECT_EQ(stored->queue.jobs[i].seed.max_attempts, 3);
        EXPECT_EQ(stored->queue.jobs[i].seed.need, (Need{1000, expected.spec.limits.memory_bytes, {}, {}}));
        EXPECT_EQ(stored->queue.jobs[i].row, state(ids[i]));
    }
    EXPECT_EQ(stored->queue.jobs[2].row, row);
}

TEST_P(EveryStore, keeps_what_each_worker_has_of_the_site) {
    Batch batch;
    batch.workers.push_back({worker, "node-1", at(0)});
    batch.offers.push_back({worker,
                            {{SiteThing::image, "Übung 3", "sha256:aa"},
                             {SiteThing::dataset, "Übung 3", ""},
                             {SiteThing::dataset, "iris", ""}}});
    batch.offers.push_back({WorkerId{worker.value + 1}, {{SiteThing::image, "Übung 3", "sha256:bb"}}});
    commit(batch);
    EXPECT_EQ(database->rows("site_offer"), 4);
    commit(batch);  // its end was not known
    EXPECT_EQ(database->rows("site_offer"), 4);
    Batch less;
    less.offers.push_back({worker, {{SiteThing::dataset, "iris", ""}}});
    commit(less);
    EXPECT_EQ(database->rows("site_offer"), 2);
    less.offers = {{worker, {}}};
    commit(less);
    EXPECT_EQ(database->rows("site_offer"), 1);
}

TEST_P(EveryStore, refuses_a_change_on_top_of_another_state_or_attempt) {
    commit(submit(1, 3));
    commit(lease(1, 2, worker));
    Batch wrong_state;
    wrong_state.changes.push_back({JobId{3}, JobState::starting, 0, finished_row()});
    expect_refused(wrong_state, ErrorKind::stale, "job 3 ");
    Batch wrong_attempt;
    wrong_attempt.changes.push_back({JobId{2}, JobState::starting, 2, finished_row()});
    expect_refused(wrong_attempt, ErrorKind::stale, "job 2 ");
    Batch unknown;
    unknown.changes.push_back({JobId{9}, JobState::queued, 0, leased_row(worker)});
    expect_refused(unknown, ErrorKind::stale, "job 9 ");
    EXPECT_EQ(state(2), leased_row(worker));
    EXPECT_EQ(state(3).state, JobState::queued);
}

TEST_P(EveryStore, does_all_of_a_batch_or_nothing) {
    commit(submit(1, 3));
    Batch batch = lease(1, 2, worker);
    batch.jobs.push_back(queued_job(4));
    batch.blobs.push_back(blob_of("bytes"));
    batch.workers.push_back({worker, "node", at(0)});
    batch.output.push_back({{JobId{1}, 1}, OutputStream::standard_output, 0, "text"});
    batch.changes.push_back({JobId{3}, JobState::running, 1, finished_row()});  // the last one is wrong
    expect_refused(batch, ErrorKind::stale, "job 3 ");
    EXPECT_EQ(state(1).state, JobState::queued);

    batch.changes.back() = {JobId{3}, JobState::queued, 0, leased_row(WorkerId{})};  // starting without a worker
    expect_refused(batch, ErrorKind::internal);
    EXPECT_EQ(state(1).state, JobState::queued);

    batch.changes.pop_back();
    commit(batch);
    EXPECT_EQ(state(1), leased_row(worker));
}

TEST_P(EveryStore, accepts_a_repeated_batch_as_done) {
    const Blob code = blob_of("print(1)");
    Batch first = submit(1, 3, &code);
    first.workers.push_back({worker, "node", at(0)});
    first.jobs[1].row = leased_row(worker);  // submitted and leased in one turn
    first.output.push_back({{JobId{2}, 1}, OutputStream::standard_error, 10, every_byte()});
    std::vector<Batch> batches{first, lease(1, 1, worker), finish(1, 1, worker)};
    Batch cancel_request;
    StateRow row = leased_row(worker);
    row.cancel_requested = true;
    row.event_seq = 3;
    cancel_request.changes.push_back({JobId{2}, JobState::starting, 1, row});
    batches.push_back(cancel_request);
    for (const Batch& batch : batches) {
        commit(batch);
        const auto counts = database->counts();
        commit(batch);
        commit(batch);
        EXPECT_EQ(database->counts(), counts);
    }
    EXPECT_EQ(state(1), finished_row());
    EXPECT_EQ(state(2), row);
    EXPECT_EQ(state(3), queued_job(3).row);
}

TEST_P(EveryStore, does_not_take_another_job_under_a_number_in_use) {
    commit(submit(1, 3));
    Batch other = submit(2, 1);
    other.jobs[0].owner = UserId{999};
    expect_refused(other, ErrorKind::stale, "job 2 ");
    commit(lease(3, 1, worker));
    expect_refused(submit(3, 1), ErrorKind::stale, "job 3 ");  // it went on since
}

TEST_P(EveryStore, fences_a_leader_that_was_replaced) {
    commit(submit(1, 1));
    std::unique_ptr<Store> second = database->open();
    const auto refused = second->lead();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::conflict) << refused.error().message;
    database->break_lock();
    const auto epoch = second->lead();
    ASSERT_TRUE(epoch) << epoch.error().message;
    EXPECT_EQ(*epoch, 2);
    expect_refused(lease(1, 1, worker), ErrorKind::stale);
    expect_refused({}, ErrorKind::stale);
    EXPECT_EQ(store->ping().error().kind, ErrorKind::stale);
    EXPECT_TRUE(second->ping());
    EXPECT_TRUE(second->commit(lease(1, 1, worker)));
    EXPECT_EQ(state(1), leased_row(worker));
}

TEST_P(EveryStore, goes_on_when_only_its_lock_was_lost) {
    commit(submit(1, 1));
    database->break_lock();
    commit(lease(1, 1, worker));
}

TEST_P(EveryStore, writes_nothing_before_it_leads) {
    std::unique_ptr<Store> second = database->open();
    EXPECT_EQ(second->commit(submit(1, 1)).error().kind, ErrorKind::stale);
    EXPECT_EQ(database->counts().jobs, 0);
}

TEST_P(EveryStore, lets_the_next_one_lead_when_the_leader_ends) {
    std::unique_ptr<Store> second = database->open();
    EXPECT_EQ(second->lead().error().kind, ErrorKind::conflict);
    store.reset();
    // On PostgreSQL the server frees the lock of a closed connection when it notices.
    auto epoch = second->lead();
    while (!epoch && epoch.error().kind == ErrorKind::conflict) epoch = second->lead();
    ASSERT_TRUE(epoch) << epoch.error().message;
    EXPECT_EQ(*epoch, 2);
}

TEST_P(EveryStore, keeps_output_and_blobs_byte_by_byte) {
    const Blob code = blob_of(every_byte());
    const Blob data = blob_of(std::string(3'000'000, '\0') + every_byte());
    Batch batch = submit(1, 1, &code);
    batch.blobs.push_back(data);
    batch.jobs[0].data_sha256 = data.sha256;
    const AttemptRef attempt{JobId{1}, 1};
    batch.output.push_back({attempt, OutputStream::standard_output, 0, every_byte()});
    batch.output.push_back({attempt, OutputStream::standard_output, 5LL << 32, std::string("\0", 1)});
    batch.output.push_back({attempt, OutputStream::standard_error, 0, "\\x41 \xff"});
    commit(batch);
    EXPECT_EQ(database->blob(code.sha256), code.bytes);
    EXPECT_EQ(database->blob(data.sha256), data.bytes);
    EXPECT_EQ(database->output(attempt, OutputStream::standard_output, 0), every_byte());
    EXPECT_EQ(database->output(attempt, OutputStream::standard_output, 5LL << 32), std::string("\0", 1));
    EXPECT_EQ(database->output(attempt, OutputStream::standard_error, 0), "\\x41 \xff");
    const auto payloads = store->payloads({JobId{1}});
    ASSERT_TRUE(payloads) << payloads.error().message;
    EXPECT_EQ(payloads->at(0).payload.code, code.bytes);
    EXPECT_EQ(payloads->at(0).payload.data, data.bytes);
}

TEST_P(EveryStore, keeps_bytes_once_however_many_jobs_use_them) {
    const Blob code = blob_of("print(1)");
    commit(submit(1, 10, &code));
    commit(submit(11, 10, &code));
    Batch both = submit(21, 1, &code);
    both.blobs.push_back(code);  // even twice in one batch
    commit(both);
    EXPECT_EQ(database->counts().blobs, 1);
    EXPECT_EQ(store->payloads({JobId{21}, JobId{1}}).value().at(1).payload.code, "print(1)");
}

TEST_P(EveryStore, gives_payloads_in_the_order_asked_for) {
    const Blob code = blob_of("code");
    commit(submit(1, 50, &code));
    commit(submit(100, 1));
    const std::vector<JobId> asked{JobId{50}, JobId{3}, JobId{100}, JobId{3}, JobId{49}, JobId{1}};
    const auto payloads = store->payloads(asked);
    ASSERT_TRUE(payloads) << payloads.error().message;
    ASSERT_EQ(payloads->size(), asked.size());
    for (std::size_t i = 0; i < asked.size(); ++i) {
        EXPECT_EQ(payloads->at(i).payload.spec, queued_job(asked[i].value).spec);
        EXPECT_EQ(payloads->at(i).payload.code, asked[i] == JobId{100} ? "" : "code");
        EXPECT_EQ(payloads->at(i).payload.data, "");
    }
    EXPECT_TRUE(store->payloads({}).value().empty());
    for (const auto& unknown : {std::vector{JobId{1}, JobId{777}}, std::vector{JobId{777}, JobId{1}}}) {
        const auto refused = store->payloads(unknown);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().kind, ErrorKind::internal);
        EXPECT_NE(refused.error().message.find("777"), std::string::npos);
    }
}

TEST_P(EveryStore, takes_batches_of_thousands) {
    constexpr std::int64_t many = 5000;
    const Blob code = blob_of("code");
    commit(submit(1, many, &code));
    commit(lease(1, many, worker));
    commit(finish(1, many, worker));
    EXPECT_EQ(database->counts(), (StoreDatabase::Counts{0, 1, many, many, 3 * many, many, 0}));
    const auto stored = store->load();
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->queue.jobs.empty());
    EXPECT_EQ(stored->queue.highest_job, JobId{many});
}

TEST_P(EveryStore, is_not_stopped_by_text_that_is_none) {
    Batch batch = submit(1, 1);
    batch.events[0].detail = std::string("a\0b\xff ü", 7);
    batch.results.push_back(result_of(1, worker));
    batch.results[0].result.outcome.detail = std::string("\0", 1);
    batch.results[0].result.files[0].path = "\xc3(";
    commit(batch);
    EXPECT_EQ(database->counts().results, 1);
}

}  // namespace windlass::scheduler::test
