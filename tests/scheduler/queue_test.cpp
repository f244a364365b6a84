// What is easier said in code than as a scenario (scenarios/ has the rest): sizes, bounds, orders over many jobs.
#include "scheduler/queue.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <algorithm>
#include <set>

#include "scheduler/generation.h"

namespace windlass::scheduler {
namespace {

template <class Wanted>
std::vector<Wanted> all(const Effects& effects) {
    std::vector<Wanted> found;
    for (const Effect& effect : effects)
        if (const auto* wanted = std::get_if<Wanted>(&effect)) found.push_back(*wanted);
    return found;
}

Need of(std::int32_t cpu_millis, std::int64_t memory_bytes) {
    Need need;
    need.cpu_millis = cpu_millis;
    need.memory_bytes = memory_bytes;
    return need;
}
Capacity room(std::int32_t cpu_millis, std::int64_t memory_bytes, std::int32_t prefetch = 0) {
    Capacity capacity;
    capacity.cpu_millis = cpu_millis;
    capacity.memory_bytes = memory_bytes;
    capacity.prefetch = prefetch;
    return capacity;
}
NewJob job_of(UserId owner, const Need& need = {}, std::int16_t priority = 0, std::int32_t max_attempts = 1) {
    NewJob job;
    job.owner = owner;
    job.need = need;
    job.priority = priority;
    job.max_attempts = max_attempts;
    return job;
}
Submit submit_of(UserId owner, std::size_t count, const Need& need, std::int16_t priority = 0) {
    return {RequestId{1}, std::vector<NewJob>(count, job_of(owner, need, priority)), {}};
}

class QueueTest : public testing::Test {
  protected:
    // One turn, with everything that must hold after it.
    Effects on(const Event& event) {
        Effects effects = queue.on(event, now);
        std::string why;
        EXPECT_TRUE(queue.check_invariants(&why)) << why;
        return effects;
    }
    Effects submit(UserId owner, std::size_t count = 1, Need need = of(1000, gibibyte), std::int16_t priority = 0) {
        return on(submit_of(owner, count, need, priority));
    }
    Effects join(std::int64_t worker, Capacity capacity) { return on(WorkerJoined{WorkerId{worker}, capacity, {}}); }
    Effects finish(const SendLease& lease, Microseconds wall = Seconds{1}) {
        return on(AttemptFinished{lease.worker, lease.attempt, OutcomeKind::exited, 0, 0, wall});
    }
    void pass(Microseconds time) {
        now.steady += time;
        now.wall += time;
    }

    const QueueSettings settings;
    Queue queue{settings};
    Now now{SteadyTime{Seconds{1000}}, from_unix_us(1'700'000'000'000'000)};
};

TEST_F(QueueTest, ids_are_consecutive_and_begin_above_those_of_other_schedulers) {
    const auto first = all<AnswerSubmit>(submit(UserId{1}, 3)).at(0);
    EXPECT_EQ(first.jobs, (std::vector{JobId{100'000'001}, JobId{100'000'002}, JobId{100'000'003}}));
    EXPECT_EQ(all<AnswerSubmit>(submit(UserId{2})).at(0).jobs.at(0), JobId{100'000'004});
}

TEST_F(QueueTest, a_service_that_answers_is_recorded_once_in_each_attempt_and_for_its_worker_alone) {
    join(1, room(4000, 4 * gibibyte));
    NewJob job = job_of(UserId{1}, of(1000, gibibyte), 0, 2);
    const auto lease = all<SendLease>(on(Submit{RequestId{1}, {job}, {}})).at(0);
    const AttemptReady ready{lease.worker, lease.attempt, "unix:/s"};
    EXPECT_TRUE(on(ready).empty()) << "it does not run yet";
    on(AttemptStarted{lease.worker, lease.attempt});
    const auto told = on(ready);
    ASSERT_EQ(all<RecordEvent>(told).size(), 1U);
    EXPECT_EQ(all<RecordEvent>(told)[0].move, JobMove::ready);
    EXPECT_EQ(all<RecordEvent>(told)[0].detail, "unix:/s");
    EXPECT_EQ(all<ChangeState>(told).at(0).row.state, JobState::running);
    EXPECT_TRUE(on(ready).empty()) << "said again after a reconnect";
    const auto moved = on(AttemptReady{lease.worker, lease.attempt, "127.0.0.1:4711"});
    ASSERT_EQ(all<RecordEvent>(moved).size(), 1U) << "the worker was started again, and took another port";
    EXPECT_EQ(all<RecordEvent>(moved)[0].detail, "127.0.0.1:4711");
    EXPECT_EQ(all<RecordEvent>(on(ready)).size(), 1U) << "and back";
    EXPECT_EQ(all<SendRevoke>(on(AttemptReady{WorkerId{2}, lease.attempt, "x"})).size(), 1U);

    on(AttemptFinished{lease.worker, lease.attempt, OutcomeKind::exited, 1, 0, Seconds{1}});
    pass(Seconds{10});
    const auto second = all<SendLease>(on(TimePassed{})).at(0);
    EXPECT_EQ(all<SendRevoke>(on(ready)).size(), 1U) << "the first attempt is over";
    on(AttemptStarted{second.worker, second.attempt});
    EXPECT_EQ(all<RecordEvent>(on(AttemptReady{second.worker, second.attempt, "unix:/s"})).size(), 1U);
}

TEST_F(QueueTest, the_members_of_an_array_take_the_ids_behind_its_own) {
    Submit submit = submit_of(UserId{1}, 3, of(1000, 1));
    submit.jobs[1].array.count = 1000;
    EXPECT_EQ(all<AnswerSubmit>(on(submit)).at(0).jobs,
              (std::vector{JobId{100'000'001}, JobId{100'000'002}, JobId{100'001'003}}));
    EXPECT_EQ(queue.counts().queued, 1002U);
    EXPECT_TRUE(queue.is_active(JobId{100'001'002}));
    EXPECT_FALSE(queue.row(JobId{100'001'002}));
    EXPECT_FALSE(queue.is_active(JobId{100'001'004}));
}

TEST_F(QueueTest, an_empty_submit_is_answered) {
    EXPECT_EQ(all<AnswerSubmit>(submit(UserId{1}, 0)).at(0).jobs.size(), 0U);
    EXPECT_EQ(queue.counts().queued, 0U);
}

TEST_F(QueueTest, an_id_is_not_used_again_after_a_restart_even_if_all_jobs_have_ended) {
    StoredQueue stored;
    stored.highest_job = JobId{100'000'500};
    queue.restore(stored, now);
    EXPECT_EQ(all<AnswerSubmit>(submit(UserId{1})).at(0).jobs.at(0), JobId{100'000'501});
}

TEST(QueueOfALaterGeneration, takes_nothing_of_an_earlier_one_for_its_own) {
    EXPECT_EQ(attempts_after(7), 0);
    EXPECT_EQ(attempts_after(2'000'007), 2'000'000);
    QueueSettings settings;
    settings.attempts_after = attempts_after(2'000'007);
    Queue queue(settings);
    const Now now{SteadyTime{Seconds{1000}}, from_unix_us(1'700'000'000'000'000)};
    Submit submit = submit_of(UserId{1}, 1, of(1000, gibibyte));
    submit.jobs[0].array.count = 2;
    const JobId array = all<AnswerSubmit>(queue.on(submit, now)).at(0).jobs.at(0);
    const AttemptRef of_the_past{JobId{array.value + 1}, 1};

    const Effects joined = queue.on(WorkerJoined{WorkerId{1}, room(1000, gibibyte), {of_the_past}}, now);
    ASSERT_EQ(all<SendRevoke>(joined).size(), 1U);
    EXPECT_EQ(all<SendRevoke>(joined)[0].attempt, of_the_past);
    const auto lease = all<SendLease>(joined).at(0);
    EXPECT_EQ(lease.attempt, (AttemptRef{JobId{array.value + 1}, 2'000'001}));

    const Effects refused =
        queue.on(AttemptFinished{WorkerId{1}, of_the_past, OutcomeKind::exited, 0, 0, Seconds{1}}, now);
    EXPECT_TRUE(all<ChangeState>(refused).empty());
    const Effects taken =
        queue.on(AttemptFinished{WorkerId{1}, lease.attempt, OutcomeKind::exited, 0, 0, Seconds{1}}, now);
    EXPECT_TRUE(std::ranges::any_of(all<ChangeState>(taken), [&](const ChangeState& change) {
        return change.job == lease.attempt.job && change.row.state == JobState::succeeded;
    }));
}

TEST_F(QueueTest, rows_are_known_until_the_job_has_ended) {
    join(1, room(1000, gibibyte));
    const SendLease lease = all<SendLease>(submit(UserId{1})).at(0);
    ASSERT_TRUE(queue.row(lease.attempt.job));
    EXPECT_EQ(queue.row(lease.attempt.job)->state, JobState::starting);
    EXPECT_EQ(queue.row(lease.attempt.job)->worker, WorkerId{1});
    finish(lease);
    EXPECT_FALSE(queue.row(lease.attempt.job));
}

TEST_F(QueueTest, the_timer_is_due_when_the_first_lease_ends_and_never_armed_later_than_that) {
    EXPECT_FALSE(queue.next_timer());
    join(1, room(2000, 4 * gibibyte));
    const Effects effects = submit(UserId{1});
    const SteadyTime end = now.steady + settings.lease_ttl + settings.lease_grace;
    EXPECT_EQ(queue.next_timer(), end);
    EXPECT_EQ(all<ArmTimer>(effects).at(0).at, end);
    pass(Seconds{5});
    EXPECT_TRUE(all<ArmTimer>(submit(UserId{1})).empty());
    // Renewed: the armed timer rings too early, and is armed anew.
    const JobId first{100'000'001};
    EXPECT_TRUE(all<ArmTimer>(on(LeasesRenewed{WorkerId{1}, {{first, 1}}})).empty());
    now.steady = end;
    const Effects rung = on(TimePassed{});
    EXPECT_EQ(all<ArmTimer>(rung).at(0).at, end + Seconds{5});
    EXPECT_TRUE(all<RecordLoss>(rung).empty());
}

TEST_F(QueueTest, jobs_of_a_user_start_by_priority_and_then_by_age) {
    for (const std::int16_t priority : {0, 100, -100, 5, 100, 0}) submit(UserId{1}, 1, of(1000, 0), priority);
    std::vector<std::int64_t> order;
    std::vector<SendLease> leases = all<SendLease>(join(1, room(1000, 0)));
    while (!leases.empty()) {
        order.push_back(leases.at(0).attempt.job.value - 100'000'000);
        leases = all<SendLease>(finish(leases.at(0)));
    }
    EXPECT_EQ(order, (std::vector<std::int64_t>{2, 5, 4, 1, 6, 3}));
}

TEST_F(QueueTest, users_with_equal_jobs_get_equal_shares_however_many_jobs_each_has) {
    submit(UserId{1}, 1000);
    submit(UserId{2}, 200);
    submit(UserId{3}, 150);
    std::map<std::int64_t, int> served;
    std::vector<SendLease> running = all<SendLease>(join(1, room(4000, 64 * gibibyte)));
    for (int i = 0; i < 300; ++i) {
        const SendLease done = running.front();
        running.erase(running.begin());
        const std::int64_t number = done.attempt.job.value - 100'000'000;
        ++served[number <= 1000 ? 1 : number <= 1200 ? 2 : 3];
        pass(Milliseconds{250});
        for (const SendLease& lease : all<SendLease>(finish(done, Seconds{1}))) running.push_back(lease);
    }
    EXPECT_NEAR(served[1], 100, 3);
    EXPECT_NEAR(served[2], 100, 3);
    EXPECT_NEAR(served[3], 100, 3);
}

TEST_F(QueueTest, a_job_goes_to_the_worker_with_the_most_free_cpu_that_fits) {
    join(1, room(2000, 64 * gibibyte));
    join(2, room(8000, 2 * gibibyte));
    join(3, room(4000, 64 * gibibyte));
    EXPECT_EQ(all<SendLease>(submit(UserId{1}, 1, of(1000, gibibyte))).at(0).worker, WorkerId{2});
    EXPECT_EQ(all<SendLease>(submit(UserId{1}, 1, of(1000, 4 * gibibyte))).at(0).worker, WorkerId{3});
    EXPECT_EQ(all<SendLease>(submit(UserId{1}, 1, of(2500, 4 * gibibyte))).at(0).worker, WorkerId{3});
    EXPECT_EQ(all<SendLease>(submit(UserId{1}, 1, of(2000, 4 * gibibyte))).at(0).worker, WorkerId{1});
    EXPECT_TRUE(all<SendLease>(submit(UserId{1}, 1, of(1000, 4 * gibibyte))).empty());
}

// However many jobs of others wait for more than there is, what fits is found: in this turn or, when too many were
// passed over in it, in one of the next, which come at once.
TEST_F(QueueTest, a_job_that_fits_is_found_behind_any_number_of_users_whose_jobs_do_not) {
    for (int user = 1; user <= 1000; ++user) submit(UserId{user}, 2, of(64'000, gibibyte));
    submit(UserId{2000}, 1, of(1000, gibibyte));
    std::vector<SendLease> leases = all<SendLease>(join(1, room(1000, 4 * gibibyte)));
    int turns = 1;
    while (leases.empty() && queue.next_timer() == now.steady && turns < 100) {
        leases = all<SendLease>(on(TimePassed{}));
        ++turns;
    }
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases.at(0).attempt.job, JobId{100'002'001});
    EXPECT_GT(turns, 1);
    // The rest of the line was looked at as well, and then the queue is at peace.
    while (queue.next_timer() == now.steady && turns < 200) {
        on(TimePassed{});
        ++turns;
    }
    EXPECT_EQ(queue.next_timer(), now.steady + settings.lease_ttl + settings.lease_grace);
}

TEST_F(QueueTest, a_job_that_fits_is_found_while_changes_keep_coming) {
    for (int user = 1; user <= 300; ++user) submit(UserId{user}, 1, of(64'000, gibibyte));
    submit(UserId{2000}, 1, of(1000, gibibyte));
    std::vector<SendLease> leases = all<SendLease>(join(1, room(1000, 4 * gibibyte)));
    // Every turn another worker that is too small for anything: room grows, and the search must not begin anew each
    // time.
    for (int i = 2; leases.empty() && i < 20; ++i) leases = all<SendLease>(join(i, room(100, gibibyte)));
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases.at(0).attempt.job, JobId{100'000'301});
}

TEST_F(QueueTest, a_job_that_comes_behind_the_back_of_a_search_is_found_in_the_next_round) {
    join(1, room(2000, 4 * gibibyte));
    submit(UserId{1}, 1, of(1000, gibibyte));  // its lease has armed the timer for much later
    for (int user = 1; user <= 200; ++user) submit(UserId{user + 10}, 1, of(64'000, gibibyte));
    // Room grows, and the search stops in the middle of the line: to go on at once.
    const Effects effects = join(2, room(500, 4 * gibibyte));
    ASSERT_EQ(all<ArmTimer>(effects).size(), 1U);
    EXPECT_EQ(all<ArmTimer>(effects).at(0).at, now.steady);
    // The first in line wants something small now.
    std::vector<SendLease> leases = all<SendLease>(submit(UserId{11}, 1, of(100, gibibyte)));
    for (int turns = 0; leases.empty() && queue.next_timer() == now.steady && turns < 20; ++turns)
        leases = all<SendLease>(on(TimePassed{}));
    ASSERT_EQ(leases.size(), 1U);
    EXPECT_EQ(leases.at(0).attempt.job, JobId{100'000'202});
}

TEST_F(QueueTest, a_long_lane_of_jobs_that_do_not_fit_does_not_hide_what_does) {
    submit(UserId{1}, 500, of(64'000, gibibyte));
    submit(UserId{1}, 1, of(1000, gibibyte));
    EXPECT_EQ(all<SendLease>(join(1, room(1000, 4 * gibibyte))).at(0).attempt.job, JobId{100'000'501});
}

TEST_F(QueueTest, nothing_is_sent_ahead_of_room_before_the_pace_is_known_or_when_jobs_are_long) {
    submit(UserId{1}, 100);
    std::vector<SendLease> leases = all<SendLease>(join(1, room(1000, 4 * gibibyte, 8)));
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(leases.size(), 1U);
        leases = all<SendLease>(finish(leases.at(0), Seconds{2}));
    }
}

TEST_F(QueueTest, a_worker_of_very_short_jobs_is_kept_fed_up_to_what_it_takes) {
    submit(UserId{1}, 100);
    std::vector<SendLease> leases = all<SendLease>(join(1, room(1000, 4 * gibibyte, 8)));
    for (int i = 0; i < 3; ++i) leases = all<SendLease>(finish(leases.at(0), Milliseconds{1}));
    leases = all<SendLease>(finish(leases.at(0), Milliseconds{1}));
    EXPECT_EQ(leases.size(), 9U);  // one that runs and eight ahead
    EXPECT_EQ(queue.counts().starting, 9U);
    EXPECT_EQ(all<SendLease>(finish(leases.at(0), Milliseconds{1})).size(), 1U);
}

TEST_F(QueueTest, a_row_from_the_store_comes_back_as_it_was) {
    const StateRow row{.state = JobState::running,
                       .attempt = 4,
                       .failures = 1,
                       .losses = 2,
                       .worker = WorkerId{9},
                       .cancel_requested = true,
                       .started = now.wall - Seconds{30},
                       .event_seq = 17};
    const StateRow blocked{.state = JobState::blocked, .event_seq = 1};
    const JobId first{100'000'009};
    const JobId second{100'000'010};
    StoredQueue stored;
    stored.jobs.push_back({first, job_of(UserId{1}, of(1000, 1), 3, 3), row, std::nullopt, {}});
    stored.jobs.push_back({second, job_of(UserId{1}), blocked, std::nullopt, {}});
    stored.jobs.back().seed.after.push_back({.job = first, .ended = std::nullopt});
    stored.highest_job = second;
    queue.restore(stored, now);
    std::string why;
    EXPECT_TRUE(queue.check_invariants(&why)) << why;
    EXPECT_EQ(queue.row(first), row);
    EXPECT_EQ(queue.row(second), blocked);
    EXPECT_EQ(queue.counts().blocked, 1U);
    // A blocked job can be cancelled, and is offered to nobody.
    EXPECT_TRUE(all<SendLease>(join(1, room(64'000, 64 * gibibyte))).empty());
    EXPECT_EQ(all<AnswerCancel>(on(CancelJobs{RequestId{5}, {second}, ""})).at(0).answers,
              std::vector{CancelAnswer::cancelled});
}

// What it waited for had ended as it must, and was deleted for its age while the submit was on its way into the store.
TEST_F(QueueTest, a_blocked_job_whose_condition_was_met_by_a_forgotten_job_goes_on_after_a_restart) {
    const StateRow blocked{.state = JobState::blocked, .event_seq = 1};
    const JobId forgotten{100'000'001}, lives{100'000'002}, waits{100'000'003}, free{100'000'004};
    StoredQueue stored;
    stored.jobs.push_back({lives, job_of(UserId{1}), StateRow{.event_seq = 1}, std::nullopt, {}});
    stored.jobs.push_back({waits, job_of(UserId{1}), blocked, std::nullopt, {}});
    stored.jobs.back().seed.after = {{.job = forgotten, .ended = std::nullopt}, {.job = lives}};
    stored.jobs.push_back({free, job_of(UserId{1}), blocked, std::nullopt, {}});
    stored.jobs.back().seed.after = {{.job = forgotten, .ended = std::nullopt}};
    stored.highest_job = free;
    queue.restore(stored, now);
    EXPECT_EQ(queue.row(waits)->state, JobState::blocked);
    EXPECT_EQ(queue.row(free)->state, JobState::queued);
}

TEST_F(QueueTest, the_same_events_give_the_same_effects) {
    Queue other(settings);
    const auto play = [&](Queue& one) {
        std::vector<std::size_t> kinds;
        std::vector<AttemptRef> leased;
        const auto note = [&](const Effects& effects) {
            for (const Effect& effect : effects) {
                kinds.push_back(effect.index());
                if (const auto* lease = std::get_if<SendLease>(&effect)) leased.push_back(lease->attempt);
            }
        };
        for (int user = 1; user <= 20; ++user)
            note(one.on(submit_of(UserId{user % 7 + 1}, 10, of(1000 * (user % 3 + 1), 1)), now));
        for (int worker = 1; worker <= 8; ++worker)
            note(one.on(WorkerJoined{WorkerId{worker}, room(4000, gibibyte, 4), {}}, now));
        for (int worker = 1; worker <= 4; ++worker) note(one.on(WorkerLeft{WorkerId{worker}}, now));
        note(one.on(TimePassed{}, Now{now.steady + Seconds{20}, now.wall}));
        return std::pair(kinds, leased);
    };
    EXPECT_EQ(play(queue), play(other));
}

TEST_F(QueueTest, a_queued_job_takes_at_most_200_bytes) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has an allocator of its own";
#endif
    constexpr std::size_t count = 200'000;
    std::vector<NewJob> some;
    for (std::size_t i = 0; i < 1000; ++i)
        some.push_back(job_of(UserId{static_cast<std::int64_t>(i % 50) + 1},
                              of(static_cast<std::int32_t>(i % 4 + 1) * 500, gibibyte),
                              static_cast<std::int16_t>(i % 3), 3));
    const Submit submit{RequestId{1}, some, {}};
    const auto used = [] {
        const struct mallinfo2 info = ::mallinfo2();
        return info.uordblks + info.hblkhd;
    };
    const std::size_t before = used();
    for (std::size_t i = 0; i < count; i += some.size()) queue.on(submit, now);
    const std::size_t each = (used() - before) / count;
    EXPECT_EQ(queue.counts().queued, count);
    RecordProperty("bytes_per_queued_job", static_cast<int>(each));
    std::printf("%zu bytes per queued job\n", each);
    EXPECT_LE(each, 200U);
    EXPECT_GE(each, sizeof(Job));
}

TEST_F(QueueTest, a_member_of_an_array_that_has_not_started_takes_nothing) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "a sanitizer has an allocator of its own";
#endif
    Submit submit = submit_of(UserId{1}, 1, of(1000, 1));
    submit.jobs[0].array.count = 10'000'000;
    const std::size_t before = ::mallinfo2().uordblks;
    queue.on(submit, now);
    EXPECT_LE(::mallinfo2().uordblks - before, 4096U);
    EXPECT_EQ(queue.counts().queued, 10'000'000U);
}

// Each job waits for the one before it, and the first one fails.
TEST_F(QueueTest, a_chain_of_any_length_is_cancelled_without_recursion) {
    Submit submit = submit_of(UserId{1}, 20'000, of(1000, 1));
    for (std::size_t index = 1; index < submit.jobs.size(); ++index)
        submit.jobs[index].after.push_back({.index = index - 1, .ended = std::nullopt});
    on(submit);
    const std::vector<JobEnded> ended = all<JobEnded>(on(CancelJobs{RequestId{2}, {JobId{100'000'001}}, "not wanted"}));
    EXPECT_EQ(ended.size(), 20'000U);
    EXPECT_EQ(queue.counts().blocked, 0U);
}

// Who submits looked when the one before still waited; the turn that takes the submit is also the one in which that
// one's deadline comes.
TEST_F(QueueTest, what_ended_in_the_very_turn_of_a_submit_that_waits_for_it_has_ended_and_is_not_unknown) {
    Submit first = submit_of(UserId{1}, 1, of(1000, 1));
    first.jobs[0].rules.deadline = now.wall + Seconds{10};
    const JobId late = all<InsertJob>(on(first)).at(0).job;
    pass(Seconds{10});
    Submit submit = submit_of(UserId{1}, 2, of(1000, 1));
    submit.jobs[0].after = {{.job = late, .condition = DependencyCondition::any, .ended = std::nullopt}};
    submit.jobs[1].after = {{.job = late, .condition = DependencyCondition::ok, .ended = std::nullopt}};
    const Effects effects = on(submit);
    const auto born = all<InsertJob>(effects);
    ASSERT_EQ(born.size(), 2U);
    EXPECT_EQ(queue.row(born[0].job)->state, JobState::queued);
    EXPECT_FALSE(queue.is_active(born[1].job));
    const auto told = all<RecordEvent>(effects);
    EXPECT_TRUE(std::ranges::any_of(told, [&](const RecordEvent& event) {
        return event.job == born[1].job && event.detail.find("ended timed_out") != std::string::npos;
    }));
}

TEST_F(QueueTest, nor_is_a_member_of_an_array_that_ended_so) {
    Submit first = submit_of(UserId{1}, 1, of(1000, 1));
    first.jobs[0].array.count = 3;
    first.jobs[0].rules.deadline = now.wall + Seconds{10};
    const JobId array = all<InsertJob>(on(first)).at(0).job;
    pass(Seconds{10});
    Submit submit = submit_of(UserId{1}, 2, of(1000, 1));
    submit.jobs[0].after = {
        {.job = JobId{array.value + 3}, .condition = DependencyCondition::any, .ended = std::nullopt}};
    submit.jobs[1].after = {
        {.job = JobId{array.value + 1000}, .condition = DependencyCondition::any, .ended = std::nullopt}};
    const auto born = all<InsertJob>(on(submit));
    ASSERT_EQ(born.size(), 2U);
    EXPECT_EQ(queue.row(born[0].job)->state, JobState::queued);
    EXPECT_FALSE(queue.is_active(born[1].job)) << "such a job never was";
}

// However many moments are due at once: a turn takes a bounded number of them, and the next one comes at once.
TEST_F(QueueTest, a_turn_wakes_a_bounded_number_of_jobs) {
    Submit submit = submit_of(UserId{1}, 5'000, of(1000, 1));
    for (NewJob& job : submit.jobs) job.rules.not_before = now.wall + Seconds{10};
    on(submit);
    EXPECT_EQ(queue.next_timer(), now.steady + Seconds{10});
    pass(Seconds{10});
    int turns = 0;
    for (; queue.next_timer() && *queue.next_timer() <= now.steady && turns < 100; ++turns) on(TimePassed{});
    EXPECT_GT(turns, 1);
    EXPECT_LT(turns, 10);
    EXPECT_FALSE(queue.next_timer());
}

TEST_F(QueueTest, a_clock_that_is_read_a_little_later_does_not_arm_the_timer_anew) {
    Submit submit = submit_of(UserId{1}, 1, of(1000, 1));
    submit.jobs[0].rules.not_before = now.wall + Seconds{10};
    EXPECT_EQ(all<ArmTimer>(on(submit)).size(), 1U);
    now.wall += Microseconds{300};
    EXPECT_TRUE(all<ArmTimer>(on(TimePassed{})).size() == 1U);  // it rang, and is armed again for the same moment
    const std::optional<SteadyTime> due = queue.next_timer();
    for (int i = 0; i < 10; ++i) {
        now.steady += Microseconds{50};
        now.wall += Microseconds{50 + i % 3};
        EXPECT_TRUE(all<ArmTimer>(on(SetQuota{UserId{2}, {}})).empty());
    }
    EXPECT_EQ(queue.next_timer(), due);
    // But when it is set, the timer follows.
    now.wall += Seconds{5};
    EXPECT_EQ(all<ArmTimer>(on(SetQuota{UserId{2}, {}})).size(), 1U);
}

TEST_F(QueueTest, a_job_is_not_started_before_its_time_even_if_the_clock_is_set_back) {
    join(1, room(4000, 4 * gibibyte));
    Submit submit = submit_of(UserId{1}, 1, of(1000, 1));
    submit.jobs[0].rules.not_before = now.wall + Seconds{10};
    EXPECT_TRUE(all<SendLease>(on(submit)).empty());
    now.steady += Seconds{10};
    now.wall += Seconds{4};
    EXPECT_TRUE(all<SendLease>(on(TimePassed{})).empty());
    pass(Seconds{6});
    EXPECT_EQ(all<SendLease>(on(TimePassed{})).size(), 1U);
}

TEST_F(QueueTest, explains_who_comes_first) {
    join(1, room(1000, gibibyte));
    submit(UserId{1}, 3);
    submit(UserId{2}, 1);
    const Explanation why = queue.explain(JobId{100'000'003});
    EXPECT_EQ(why.reason, WaitReason::workers_full);
    EXPECT_EQ(why.own_jobs_ahead, 1U);
    EXPECT_EQ(why.users_ahead, 1U);
    EXPECT_EQ(
        why.text,
        "Every worker that is large enough (1) is full: the job needs 1 cpu and 1024 MiB of memory at once; 1 job of "
        "the same owner comes first; 1 other user has used less recently and is served first.");
    EXPECT_FALSE(why.estimated_start);  // nothing has ended yet
    EXPECT_EQ(queue.explain(JobId{5}).text,
              "The job does not wait: it has ended, or there never was one of this number.");
}

TEST_F(QueueTest, names_of_reasons_are_distinct) {
    std::set<std::string_view> names;
    for (int reason = 0; reason <= static_cast<int>(WaitReason::turn); ++reason)
        names.insert(name(static_cast<WaitReason>(reason)));
    EXPECT_EQ(names.size(), static_cast<std::size_t>(WaitReason::turn) + 1);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace windlass::scheduler
