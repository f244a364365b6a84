#include "api/render_job.h"

#include <gtest/gtest.h>

#include "api/rfc3339.h"

namespace windlass::api {
namespace {

WallTime at(double seconds) {
    return WallTime{Microseconds{static_cast<std::int64_t>(seconds * 1e6)}};
}

JobLine line(JobState state) {
    JobLine job;
    job.id = JobId{7};
    job.state = state;
    return job;
}

template <class Write>
std::string json(Write write) {
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    write(writer);
    return std::string(text_of(buffer));
}

TEST(Duration, has_three_decimals) {
    EXPECT_EQ(seconds_text(Microseconds{0}), "0.000");
    EXPECT_EQ(seconds_text(Microseconds{999}), "0.000");
    EXPECT_EQ(seconds_text(Microseconds{1'204'999}), "1.204");
    EXPECT_EQ(seconds_text(Microseconds{3'600'050'000}), "3600.050");
    EXPECT_EQ(seconds_text(Microseconds{-5'000'000}), "0.000") << "a clock that stepped back";
}

TEST(Duration, is_empty_until_the_job_runs) {
    for (const auto state : {JobState::blocked, JobState::queued, JobState::starting}) {
        JobLine job = line(state);
        job.started = at(1);  // of an earlier attempt
        EXPECT_EQ(duration_text(job, at(9)), "") << name(state);
    }
}

TEST(Duration, runs_while_the_job_runs) {
    JobLine job = line(JobState::running);
    job.started = at(1);
    EXPECT_EQ(duration_text(job, at(3.5)), "2.500");
}

TEST(Duration, is_the_wall_time_of_the_attempt_at_the_end) {
    JobLine job = line(JobState::succeeded);
    job.started = at(1);
    job.finished = at(9);
    job.ending = Ending{OutcomeKind::exited, 0, 0, Microseconds{1'204'000}};
    EXPECT_EQ(duration_text(job, at(99)), "1.204");
}

TEST(Duration, of_a_job_cancelled_while_it_waited_is_empty) {
    JobLine job = line(JobState::cancelled);
    job.finished = at(9);
    EXPECT_EQ(duration_text(job, at(99)), "");
    job.ending =
        Ending{OutcomeKind::exited, 1, 0, Microseconds{5}};  // of the attempt before, which was to be tried again
    EXPECT_EQ(duration_text(job, at(99)), "");
    EXPECT_FALSE(ending_that_counts(job));
}

TEST(Duration, of_a_lost_job_is_what_is_known) {
    JobLine job = line(JobState::lost);
    job.started = at(1);
    job.finished = at(9);
    job.ending = Ending{OutcomeKind::worker_lost, 0, 0, Microseconds{0}};
    EXPECT_EQ(duration_text(job, at(99)), "8.000");
}

TEST(Time, is_rfc_3339_in_utc) {
    EXPECT_EQ(time_text(WallTime{Microseconds{1'800'000'000'125'999}}), "2027-01-15T08:00:00.125Z");
    EXPECT_EQ(time_text(WallTime{}), "1970-01-01T00:00:00.000Z");
}

TEST(Result, of_an_unfinished_job_is_empty) {
    JobOutcome job;
    job.line = line(JobState::running);
    job.line.started = at(1);
    EXPECT_EQ(json([&](JsonWriter& w) { write_result(w, job, {}, at(2)); }),
              R"({"id":"7","duration":"1.000","results":{}})");
}

TEST(Result, of_a_job_cancelled_while_it_waited_says_only_that) {
    JobOutcome job;
    job.line = line(JobState::cancelled);
    EXPECT_EQ(json([&](JsonWriter& w) { write_result(w, job, {}, at(2)); }),
              R"({"id":"7","duration":"","results":{"outcome":"cancelled"}})");
}

TEST(Result, of_a_job_whose_deadline_passed_while_it_waited_is_out_of_time) {
    JobOutcome job;
    job.line = line(JobState::timed_out);
    EXPECT_EQ(json([&](JsonWriter& w) { write_result(w, job, {}, at(2)); }),
              R"({"id":"7","duration":"","results":{"outcome":"out_of_time"}})");
}

TEST(Result, of_an_array_is_how_many_of_its_members_ended_how) {
    JobOutcome job;
    job.line = line(JobState::failed);
    job.line.array = ArrayProgress{.count = 5, .succeeded = 3, .failed = 1, .lost = 1};
    EXPECT_EQ(json([&](JsonWriter& w) { write_result(w, job, {}, at(2)); }),
              R"({"id":"7","duration":"","results":{"array":{"count":5,"succeeded":3,"failed":1,"timed_out":0,)"
              R"("cancelled":0,"lost":1}}})");
}

TEST(Result, shows_everything_the_attempt_left) {
    JobOutcome job;
    job.line = line(JobState::failed);
    job.attempt = 2;
    StoredResult stored;
    stored.attempt = 2;
    AttemptResult& result = stored.result;
    result.outcome = {OutcomeKind::exited, 3, 0, ""};
    result.usage = {Microseconds{1'204'318}, Microseconds{1'000'000}, Microseconds{100'000}, 4096, false, 10, 20, 7};
    result.stdout_truncated = true;
    result.files = {{"a/b.txt", 5, "ab12", true}, {"big", 99, "cd34", false}};
    result.value_json = R"({"answer":42})";
    job.line.ending = Ending{OutcomeKind::exited, 3, 0, result.usage.wall};
    job.stored = stored;
    EXPECT_EQ(
        json([&](JsonWriter& w) {
            write_result(w, job, {"out\n", "bad \xff"}, at(2));
        }),
        "{\"id\":\"7\",\"duration\":\"1.204\",\"results\":{\"exit_code\":3,\"outcome\":\"exited\",\"stdout\":"
        "\"out\\n\","
        "\"stderr\":\"bad \xEF\xBF\xBD\",\"stdout_truncated\":true,"
        "\"usage\":{\"wall_s\":1.204318,\"cpu_s\":1.100000,\"cpu_user_s\":1.000000,\"cpu_system_s\":0.100000,"
        "\"peak_memory_bytes\":4096,\"read_bytes\":10,\"written_bytes\":20,\"peak_processes\":7},"
        "\"files\":[{\"path\":\"a/"
        "b.txt\",\"size\":5,\"sha256\":\"ab12\"},{\"path\":\"big\",\"size\":99,\"sha256\":\"cd34\",\"stored\":false}],"
        "\"value\":{\"answer\":42}}}");
}

}  // namespace
}  // namespace windlass::api
