// What every store must do for arrays, dependencies, named queues, quotas and keys. Part of the suite of
// store_conformance.h.
#pragma once

#include "tests/scheduler/store_conformance.h"

namespace windlass::scheduler::test {

TEST_P(EveryStore, knows_a_repeated_batch_by_its_number) {
    commit(submit(1, 2));
    Batch batch = lease(1, 1, worker);
    batch.number = 7;
    batch.usage.push_back({UserId{5}, 20'000, Microseconds{1'000}});
    commit(batch);
    commit(batch);
    commit(batch);
    const auto used = [&] { return store->load()->queue.users; };
    ASSERT_EQ(used().size(), 3U);  // two have jobs
    EXPECT_EQ(used()[2].user, UserId{5});
    EXPECT_EQ(used()[2].day, 20'000);
    EXPECT_EQ(used()[2].cpu_of_day, Microseconds{1'000});

    Batch next;
    next.number = 8;
    next.usage.push_back({UserId{5}, 20'000, Microseconds{50}});
    commit(next);
    EXPECT_EQ(used()[2].cpu_of_day, Microseconds{1'050});
    expect_refused(batch, ErrorKind::stale);  // it can only come from somebody who has lost count
    EXPECT_EQ(used()[2].cpu_of_day, Microseconds{1'050});

    next.number = 9;
    next.usage[0].day = 20'001;
    commit(next);
    EXPECT_EQ(used()[2].day, 20'001);
    EXPECT_EQ(used()[2].cpu_of_day, Microseconds{50});

    ASSERT_TRUE(store->lead());  // a new epoch counts anew
    next.number = 1;
    commit(next);
    EXPECT_EQ(used()[2].cpu_of_day, Microseconds{100});
    next.number = 0;
    expect_refused(next, ErrorKind::internal);
}

TEST_P(EveryStore, takes_the_number_back_with_a_refused_batch) {
    commit(submit(1, 1));
    Batch batch = lease(1, 1, worker);
    batch.number = 1;
    batch.changes.push_back({JobId{9}, JobState::queued, 0, leased_row(worker)});
    expect_refused(batch, ErrorKind::stale, "job 9 ");
    batch.changes.pop_back();
    commit(batch);
    EXPECT_EQ(state(1), leased_row(worker));
}

TEST_P(EveryStore, gives_back_arrays_and_the_members_that_are_under_way) {
    commit(submit_array(100, 2500));
    Batch started;
    started.members.push_back(member(100, 0, leased_row(worker)));
    started.members.push_back(member(100, 1, leased_row(worker)));
    started.members.push_back(member(100, 2499, finished_row(JobState::cancelled)));  // cancelled alone
    started.arrays.push_back({JobId{100}, {.count = 2500, .next_member = 2, .max_fails = 3, .cancelled = 1}});
    commit(started);
    commit(started);  // a repetition without a number
    Batch ended;
    ended.changes.push_back({JobId{102}, JobState::starting, 1, member_row(100, finished_row(JobState::failed))});
    ended.arrays.push_back(
        {JobId{100}, {.count = 2500, .next_member = 2, .max_fails = 3, .failed = 1, .cancelled = 1}});
    commit(ended);
    EXPECT_EQ(state(101), member_row(100, leased_row(worker)));
    EXPECT_EQ(state(102), member_row(100, finished_row(JobState::failed)));

    const auto stored = store->load();
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->queue.highest_job, JobId{2600});
    ASSERT_EQ(stored->queue.jobs.size(), 2U);
    const StoredJob& array = stored->queue.jobs[0];
    EXPECT_EQ(array.job, JobId{100});
    EXPECT_EQ(array.seed.array, (ArrayShape{2500, 3}));
    EXPECT_EQ(array.array, ended.arrays[0].row);
    const StoredJob& first = stored->queue.jobs[1];
    EXPECT_EQ(first.job, JobId{101});
    EXPECT_EQ(first.row, member_row(100, leased_row(worker)));
    EXPECT_EQ(first.array, std::nullopt);
    EXPECT_EQ(first.seed.owner, array.seed.owner);
    EXPECT_EQ(first.seed.need, array.seed.need);
    EXPECT_EQ(first.seed.array, ArrayShape());

    EXPECT_EQ(store->final_states({JobId{100}, JobId{101}, JobId{102}, JobId{103}, JobId{2600}, JobId{2601}}).value(),
              (std::vector<std::optional<JobState>>{{}, {}, JobState::failed, {}, JobState::cancelled, {}}));
}

TEST_P(EveryStore, does_not_take_another_member_under_a_number_in_use) {
    commit(submit_array(100, 5));
    Batch batch;
    batch.members.push_back(member(100, 0, leased_row(worker)));
    commit(batch);
    batch.members[0].row.event_seq = 17;
    expect_refused(batch, ErrorKind::stale, "job 101 ");
    Batch orphan;
    orphan.members.push_back(member(100, 1, leased_row(WorkerId{})));
    expect_refused(orphan, ErrorKind::internal);
}

TEST_P(EveryStore, gives_members_the_payload_of_their_array_and_their_own_parameters) {
    const Blob code = blob_of("code");
    Batch batch = submit_array(100, 2001);
    batch.blobs.push_back(code);
    batch.jobs[0].code_sha256 = code.sha256;
    batch.jobs.push_back(queued_job(5000));
    batch.jobs.push_back(queued_job(6000));
    batch.jobs[2].array = ArrayRow{.count = 3};
    for (const std::int64_t number : {0, 999, 1000, 2000})
        batch.members.push_back(member(100, number, leased_row(worker)));
    batch.members.push_back(member(6000, 2, leased_row(worker)));
    commit(batch);
    const auto payloads =
        store->payloads({JobId{2101}, JobId{5000}, JobId{1100}, JobId{101}, JobId{1101}, JobId{6003}});
    ASSERT_TRUE(payloads) << payloads.error().message;
    const std::vector<std::int64_t> numbers{2000, 0, 999, 0, 1000};
    for (const std::size_t i : {0U, 2U, 3U, 4U}) {
        const StoredPayload& payload = payloads->at(i);
        EXPECT_EQ(payload.array, JobId{100});
        EXPECT_EQ(payload.count, 2001);
        EXPECT_EQ(payload.member, numbers[i]);
        EXPECT_EQ(payload.params, R"({"I":")" + std::to_string(numbers[i]) + R"("})");
        EXPECT_EQ(payload.payload.code, "code");
        EXPECT_EQ(payload.payload.spec, queued_job(100).spec);
    }
    EXPECT_EQ(payloads->at(1).array, JobId{});
    EXPECT_EQ(payloads->at(1).payload.spec, queued_job(5000).spec);
    EXPECT_EQ(payloads->at(5).member, 2);
    EXPECT_EQ(payloads->at(5).params, "");
    EXPECT_FALSE(store->payloads({JobId{102}})) << "a member that has not been started has no payload yet";
}

TEST_P(EveryStore, ends_members_that_never_started_with_their_array) {
    Batch batch = submit_array(100, 10, false);
    batch.jobs[0].row = finished_row(JobState::cancelled);
    batch.jobs.push_back(queued_job(200));
    batch.jobs[1].array = ArrayRow{.count = 2};
    batch.jobs[1].row = finished_row(JobState::timed_out);
    commit(batch);
    EXPECT_EQ(
        store->final_states({JobId{105}, JobId{110}, JobId{111}, JobId{202}, JobId{99}}).value(),
        (std::vector<std::optional<JobState>>{JobState::cancelled, JobState::cancelled, {}, JobState::timed_out, {}}));
}

TEST_P(EveryStore, gives_back_what_blocked_jobs_wait_for_and_how_it_ended) {
    Batch batch = submit(1, 4);
    batch.jobs[1].row = finished_row(JobState::failed);
    batch.jobs[3].row.state = JobState::blocked;
    batch.jobs[3].after = {{.job = JobId{1}, .condition = DependencyCondition::any},
                           {.job = JobId{2}, .condition = DependencyCondition::ok},
                           {.job = JobId{2}, .condition = DependencyCondition::failed},
                           {.job = JobId{77}}};
    commit(batch);
    commit(batch);
    for (const bool moved : {false, true}) {
        SCOPED_TRACE(moved);
        if (moved) {
            ASSERT_EQ(store->move_finished(10).value(), 1);
        }
        const auto stored = store->load();
        ASSERT_TRUE(stored) << stored.error().message;
        ASSERT_EQ(stored->queue.jobs.size(), 3U);
        EXPECT_EQ(stored->queue.jobs[2].row.state, JobState::blocked);
        const std::vector<Dependency> expected{
            {JobId{1}, 0, DependencyCondition::any, std::nullopt},
            {JobId{2}, 0, DependencyCondition::ok, JobState::failed},
            {JobId{2}, 0, DependencyCondition::failed, JobState::failed},
            {JobId{77}, 0, DependencyCondition::ok, std::nullopt},
        };
        EXPECT_EQ(stored->queue.jobs[2].seed.after, expected);
    }
}

TEST_P(EveryStore, keeps_everything_a_spec_says) {
    Batch batch = submit(1, 3);
    JobSpec& spec = batch.jobs[0].spec;
    spec.queue = "gpu \"fast\"\\\t";
    spec.tags = {"a", "b\\n"};
    spec.network = Network::full;
    spec.retry_on = RetryOn{{1, 2}, {9}, true};
    spec.retry_delay = Milliseconds{1500};
    spec.files = {{"in/x", std::string(64, 'b')}};
    spec.outputs = {"*.log"};
    spec.not_before = at(100);
    spec.deadline = at(200);
    spec.required_labels = {{"zone", "a\tb\\"}};
    spec.resources = {{"gpu", 2}};
    spec.image = "debian";
    batch.jobs[0].rerun_of = JobId{55};
    batch.jobs[1].spec.queue = "other";
    commit(batch);
    const auto payloads = store->payloads({JobId{1}, JobId{2}, JobId{3}});
    ASSERT_TRUE(payloads) << payloads.error().message;
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(payloads->at(i).payload.spec, batch.jobs[i].spec);
    const auto stored = store->load();
    ASSERT_TRUE(stored) << stored.error().message;
    const NewJob& seed = stored->queue.jobs.at(0).seed;
    EXPECT_EQ(seed.queue, spec.queue);
    EXPECT_EQ(seed.rules, (JobRules{spec.retry_on, spec.retry_delay, spec.not_before, spec.deadline}));
    EXPECT_EQ(seed.need.labels, (std::map<std::string, std::string>{
                                    {"zone", "a\tb\\"}, {"network", "full"}, {"image:debian", "present"}}));
    EXPECT_EQ(seed.need.resources, spec.resources);
    EXPECT_EQ(stored->queue.jobs.at(1).seed.queue, "other");
    EXPECT_EQ(stored->queue.jobs.at(2).seed.queue, default_queue);
    EXPECT_EQ(stored->queue.jobs.at(2).seed.rules, JobRules());
    EXPECT_EQ(database->rows("job_tag"), 2);
}

TEST_P(EveryStore, keeps_queues_and_drained_workers) {
    Batch batch;
    batch.workers.push_back({worker, "one", at(0)});
    batch.workers.push_back({WorkerId{78}, "two", at(0)});
    batch.queues.push_back({{"gpu", 2.5, 10, true, "for cards"}});
    batch.queues.push_back({{"night", 0.001, {}, false, ""}});
    batch.draining.push_back({worker, true});
    batch.draining.push_back({WorkerId{78}, true});
    commit(batch);
    commit(batch);
    Batch second;
    second.queues.push_back({{"gpu", 1, {}, false, "for cards"}});
    second.dropped_queues.push_back({"night"});
    second.draining.push_back({WorkerId{78}, false});
    commit(second);
    commit(second);
    const auto stored = store->load();
    ASSERT_TRUE(stored) << stored.error().message;
    EXPECT_EQ(stored->queue.queues,
              (std::vector<QueueConfig>{{"default", 1, {}, false, ""}, {"gpu", 1, {}, false, "for cards"}}));
    EXPECT_EQ(stored->queue.draining, (std::vector<WorkerId>{worker}));
}

TEST_P(EveryStore, gives_back_the_quotas_of_users_kind_by_kind) {
    commit(submit(1, 1));  // of user 2
    database->set_tier(UserId{2}, "free");
    database->set_tier(UserId{9}, "free");
    database->set_tier(UserId{10}, "free");
    database->set_quota("tier:free", {.queued = 100, .running = 5, .cpu_per_day = Seconds{3600}});
    database->set_quota("user:9", {.running = 50, .stored_bytes = 7});
    const auto users = store->load()->queue.users;
    ASSERT_EQ(users.size(), 2U);
    EXPECT_EQ(users[0].user, UserId{2});
    EXPECT_EQ(users[0].quota, (Quota{100, 5, Seconds{3600}, {}}));
    EXPECT_EQ(users[1].user, UserId{9});
    EXPECT_EQ(users[1].quota, (Quota{100, 50, Seconds{3600}, 7}));
}

TEST_P(EveryStore, remembers_what_a_key_was_used_for) {
    const std::string route = "POST /api/jobs/submit/";
    EXPECT_EQ(store->submitted_with(UserId{1}, route, "k").value(), std::nullopt);
    Batch batch = submit(1, 2);
    batch.keys.push_back({UserId{1}, route, "k", "hash", at(1), {JobId{1}, JobId{2}}});
    batch.keys.push_back({UserId{1}, route, "arrays", "hash", at(1), {JobId{1}, JobId{12}, JobId{13}}});
    commit(batch);
    commit(batch);
    const auto found = store->submitted_with(UserId{1}, route, "k").value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->jobs, (std::vector{JobId{1}, JobId{2}}));
    EXPECT_EQ(found->body_sha256, "hash");
    EXPECT_EQ(found->created, at(1));
    EXPECT_EQ(store->submitted_with(UserId{1}, route, "arrays").value()->jobs,
              (std::vector{JobId{1}, JobId{12}, JobId{13}}));
    EXPECT_EQ(store->submitted_with(UserId{2}, route, "k").value(), std::nullopt);
    EXPECT_EQ(store->submitted_with(UserId{1}, "POST /api/jobs/batch/", "k").value(), std::nullopt);

    Batch again = submit(3, 1);  // a day later the key is free again
    again.keys.push_back({UserId{1}, route, "k", "other", at(90'000), {JobId{3}}});
    commit(again);
    EXPECT_EQ(store->submitted_with(UserId{1}, route, "k").value()->jobs, (std::vector{JobId{3}}));
    EXPECT_EQ(database->rows("idempotency_key"), 2);
}

TEST_P(EveryStore, runs_a_planned_moment_once) {
    Batch batch = submit(1, 1);
    batch.jobs[0].schedule = 4;
    batch.jobs[0].planned = at(60);
    commit(batch);
    commit(batch);
    Batch other = submit(2, 1);
    other.jobs[0].schedule = 4;
    other.jobs[0].planned = at(60);
    expect_refused(other, ErrorKind::stale);
    other.jobs[0].planned = at(120);
    commit(other);
    EXPECT_EQ(database->counts().jobs, 2);
}

}  // namespace windlass::scheduler::test
