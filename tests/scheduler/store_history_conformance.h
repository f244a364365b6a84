// What every store must do with jobs that ended: move them, forget them, and nothing that is still needed. Part of the
// suite of store_conformance.h.
#pragma once

#include "tests/scheduler/store_queue_conformance.h"

namespace windlass::scheduler::test {

// Jobs that succeeded `seconds` after the beginning of time.
inline Batch submit_finished(std::int64_t first, std::int64_t count, std::int64_t seconds, const Blob* code = nullptr) {
    Batch batch = submit(first, count, code);
    for (JobRecord& job : batch.jobs) {
        job.row = finished_row();
        job.row.finished = at(seconds);
    }
    return batch;
}

TEST_P(EveryStore, moves_finished_jobs_out_of_the_way) {
    EXPECT_EQ(store->move_finished(10).value(), 0);
    commit(submit_finished(1, 5, 9));
    commit(submit(6, 2));
    commit(lease(6, 1, worker));
    EXPECT_EQ(store->move_finished(3).value(), 3);
    EXPECT_EQ(store->move_finished(10).value(), 2);
    EXPECT_EQ(store->move_finished(10).value(), 0);
    EXPECT_EQ(database->rows("job_state"), 2);
    EXPECT_EQ(database->rows("job_past"), 5);
    commit(finish(6, 1, worker));
    EXPECT_EQ(store->move_finished(10).value(), 1);
    for (const std::int64_t id : {1, 6}) EXPECT_EQ(state(id).state, JobState::succeeded);
    EXPECT_EQ(store->final_states({JobId{1}, JobId{6}, JobId{7}}).value(),
              (std::vector<std::optional<JobState>>{JobState::succeeded, JobState::succeeded, {}}));
    EXPECT_EQ(store->load()->queue.jobs.size(), 1U);
    EXPECT_EQ(store->payloads({JobId{1}}).value().at(0).payload.spec, queued_job(1).spec);

    store.reset();  // what an earlier leader left
    store = database->open();
    ASSERT_TRUE(store->lead());
    commit(lease(7, 1, worker));
    commit(finish(7, 1, worker));
    EXPECT_EQ(store->move_finished(10).value(), 1);
    EXPECT_EQ(database->rows("job_state"), 0);
}

TEST_P(EveryStore, moves_members_before_their_array_has_ended) {
    commit(submit_array(100, 3));
    Batch batch;
    batch.members.push_back(member(100, 0, finished_row()));
    batch.members.push_back(member(100, 1, leased_row(worker)));
    commit(batch);
    EXPECT_EQ(store->move_finished(10).value(), 1);
    EXPECT_EQ(state(101), member_row(100, finished_row()));
    EXPECT_EQ(store->load()->queue.jobs.size(), 2U);
    EXPECT_EQ(store->payloads({JobId{101}}).value().at(0).params, R"({"I":"0"})");
}

TEST_P(EveryStore, refuses_every_write_of_a_leader_that_was_replaced) {
    commit(submit_finished(1, 1, 0));
    database->break_lock();
    const auto second = database->open();
    ASSERT_TRUE(second->lead());
    EXPECT_EQ(store->move_finished(10).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->forget_finished(at(100), 10).error().kind, ErrorKind::stale);
    EXPECT_EQ(store->forget_expired(at(100), 10).error().kind, ErrorKind::stale);
    Batch numbered = submit(2, 1);
    numbered.number = 1;
    expect_refused(numbered, ErrorKind::stale);
    const auto third = database->open();
    EXPECT_EQ(third->move_finished(10).error().kind, ErrorKind::stale) << "it has not even led";
    EXPECT_EQ(database->rows("job_state"), 1);
}

TEST_P(EveryStore, forgets_what_finished_before_the_cutoff) {
    Batch old = submit_finished(1, 5, 10);
    old.jobs[0].spec.tags = {"x", "y"};
    old.jobs[1].after = {{.job = JobId{1}}};
    for (std::int64_t id = 1; id <= 5; ++id) {
        old.results.push_back(result_of(id, worker));
        old.output.push_back({{JobId{id}, 1}, OutputStream::standard_output, 0, "text"});
    }
    commit(old);
    commit(submit_finished(6, 2, 50));
    commit(submit(8, 1));
    EXPECT_EQ(store->forget_finished(at(20), 10).value(), 0) << "they are not even moved";
    ASSERT_EQ(store->move_finished(100).value(), 7);
    EXPECT_EQ(store->forget_finished(at(20), 3).value(), 3);
    EXPECT_EQ(store->forget_finished(at(20), 3).value(), 2);
    EXPECT_EQ(store->forget_finished(at(20), 3).value(), 0);
    EXPECT_EQ(database->counts(), (StoreDatabase::Counts{0, 0, 3, 1, 3, 0, 0}));
    for (const char* table : {"job_tag", "job_dependency", "blob_owner", "result_blob"})
        EXPECT_EQ(database->rows(table), 0) << table;
    EXPECT_EQ(database->rows("job_past"), 2);
    EXPECT_EQ(database->state(JobId{5}), std::nullopt);
}

TEST_P(EveryStore, never_uses_the_number_of_a_forgotten_job_again) {
    Batch batch = submit_array(100, 50, false);
    batch.jobs[0].row = finished_row(JobState::cancelled);
    commit(batch);
    ASSERT_EQ(store->move_finished(10).value(), 1);
    ASSERT_EQ(store->forget_finished(at(20), 10).value(), 1);
    EXPECT_EQ(database->counts().jobs, 0);
    EXPECT_EQ(store->load()->queue.highest_job, JobId{150});
}

TEST_P(EveryStore, forgets_an_array_with_its_members_a_part_at_a_time) {
    Batch batch = submit_array(100, 7);
    batch.jobs[0].row = finished_row();
    for (std::int64_t number = 0; number < 7; ++number) {
        batch.members.push_back(member(100, number, finished_row()));
        batch.results.push_back(result_of(101 + number, worker));
    }
    commit(batch);
    commit(submit_finished(200, 1, 15));
    ASSERT_EQ(store->move_finished(100).value(), 9);
    EXPECT_EQ(store->forget_finished(at(20), 4).value(), 4);
    EXPECT_EQ(database->counts().jobs, 2) << "the array goes after its members";
    EXPECT_EQ(store->forget_finished(at(20), 4).value(), 4);
    EXPECT_EQ(database->rows("job_array"), 0);
    EXPECT_EQ(store->forget_finished(at(20), 4).value(), 1);
    EXPECT_EQ(database->counts(), (StoreDatabase::Counts{0, 0, 0, 0, 0, 0, 0}));
}

TEST_P(EveryStore, keeps_the_members_of_an_array_that_goes_on) {
    Batch batch = submit_array(100, 3);
    batch.members.push_back(member(100, 0, finished_row()));
    commit(batch);
    ASSERT_EQ(store->move_finished(10).value(), 1);
    EXPECT_EQ(store->forget_finished(at(1000), 10).value(), 0);
}

TEST_P(EveryStore, keeps_what_a_blocked_job_waits_for) {
    Batch batch = submit_finished(1, 2, 10);
    batch.jobs.push_back(queued_job(3));
    batch.jobs[2].row.state = JobState::blocked;
    batch.jobs[2].after = {{.job = JobId{1}}};
    Batch array = submit_array(100, 3);
    array.jobs[0].row = finished_row();
    array.jobs[0].row.finished = at(9);
    array.jobs.push_back(queued_job(200));
    array.jobs[1].row.state = JobState::blocked;
    array.jobs[1].after = {{.job = JobId{102}}};
    commit(batch);
    commit(array);
    ASSERT_EQ(store->move_finished(10).value(), 3);
    EXPECT_EQ(store->forget_finished(at(20), 10).value(), 1);
    EXPECT_EQ(store->final_states({JobId{1}, JobId{2}, JobId{100}}).value(),
              (std::vector<std::optional<JobState>>{JobState::succeeded, {}, JobState::succeeded}));
    Batch released;
    StateRow row = queued_job(3).row;
    row.event_seq = 2;
    released.changes.push_back({JobId{3}, JobState::blocked, 0, row});
    commit(released);
    EXPECT_EQ(store->forget_finished(at(20), 10).value(), 1);
}

// One content as code of two users, as data, as an input file, as a result: it goes with the last of them.
TEST_P(EveryStore, keeps_a_content_as_long_as_anything_refers_to_it) {
    const Blob blob = blob_of("shared");
    Batch batch = submit_finished(1, 1, 10, &blob);
    Batch data = submit_finished(2, 2, 20);  // two owners
    data.jobs[0].data_sha256 = blob.sha256;
    data.jobs[1].code_sha256 = data.jobs[1].data_sha256 = blob.sha256;
    Batch file = submit_finished(4, 1, 30);
    file.jobs[0].owner = data.jobs[0].owner;
    file.jobs[0].spec.files = {{"a", blob.sha256}, {"b", blob.sha256}};
    Batch result = submit_finished(5, 2, 40);
    for (const std::int64_t id : {5, 6}) {
        result.results.push_back(result_of(id, worker));
        result.results.back().result.files = {
            {"x", 6, blob.sha256, true}, {"y", 6, blob.sha256, true}, {"z", 6, std::string(64, 'c'), false}};
    }
    result.jobs[1].row.finished = at(50);
    for (Batch* each : {&batch, &data, &file, &result}) {
        commit(*each);
        commit(*each);  // repeated without a number: counted once
    }
    ASSERT_EQ(store->move_finished(100).value(), 6);
    for (const std::int64_t cutoff : {11, 21, 31, 41}) {
        EXPECT_GT(store->forget_finished(at(cutoff), 10).value(), 0);
        EXPECT_EQ(database->counts().blobs, 1) << cutoff;
        EXPECT_EQ(store->blob(blob.sha256).value(), "shared");
    }
    EXPECT_EQ(database->rows("blob_owner"), 0);
    EXPECT_EQ(store->forget_finished(at(51), 10).value(), 1);
    EXPECT_EQ(database->counts().blobs, 0);
    EXPECT_EQ(store->blob(blob.sha256).error().kind, ErrorKind::not_found);
    EXPECT_EQ(database->rows("result_blob"), 0);
}

TEST_P(EveryStore, forgets_uploads_that_nobody_used_by_and_by) {
    const Blob old = blob_of("old"), young = blob_of("young"), used = blob_of("used");
    database->upload(UserId{1}, old, at(5));
    database->upload(UserId{2}, young, at(50));
    database->upload(UserId{3}, used, at(5));
    Batch batch = submit_finished(1, 1, 60);
    batch.jobs[0].owner = UserId{3};
    batch.jobs[0].spec.files = {{"in", used.sha256}};
    commit(batch);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(store->forget_finished(at(20), 1).value(), 0);
    EXPECT_EQ(store->blob(old.sha256).error().kind, ErrorKind::not_found);
    EXPECT_EQ(store->blob(young.sha256).value(), "young");
    EXPECT_EQ(store->blob(used.sha256).value(), "used");
    ASSERT_EQ(store->move_finished(10).value(), 1);
    EXPECT_EQ(store->forget_finished(at(70), 1).value(), 1);
    EXPECT_EQ(store->blob(used.sha256).error().kind, ErrorKind::not_found);
}

TEST_P(EveryStore, forgets_keys_and_abandoned_uploads_after_a_day) {
    constexpr std::int64_t day = 86'400;
    Batch batch = submit(1, 1);
    for (std::int64_t i = 0; i < 4; ++i)
        batch.keys.push_back(
            {UserId{1}, "route", "key" + std::to_string(i), "hash", at(i < 3 ? 10 : 5000), {JobId{1}}});
    commit(batch);
    database->upload_piece(UserId{1}, "abandoned", 0, at(10));
    database->upload_piece(UserId{1}, "abandoned", 5, at(11));
    database->upload_piece(UserId{2}, "slow", 0, at(10));
    database->upload_piece(UserId{2}, "slow", 5, at(5000));
    EXPECT_EQ(store->forget_expired(at(day), 10).value(), 0);
    EXPECT_EQ(store->forget_expired(at(day + 100), 2).value(), 3);
    EXPECT_EQ(store->forget_expired(at(day + 100), 2).value(), 1);
    EXPECT_EQ(database->rows("idempotency_key"), 1);
    EXPECT_EQ(database->rows("upload_piece"), 2);
    EXPECT_EQ(store->submitted_with(UserId{1}, "route", "key3").value()->jobs, (std::vector{JobId{1}}));
}

}  // namespace windlass::scheduler::test
