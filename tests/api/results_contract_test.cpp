// /api/results/ and what belongs to it, row by row.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

class Results : public ApiTest {
  protected:
    JobId ended(const Account& owner, const AttemptResult& result, std::string_view out = {}, std::string_view err = {},
                JobState state = JobState::succeeded) {
        const auto id = submit(owner);
        scheduler_->start(id);
        scheduler_->finish(id, state, result, out, err);
        return id;
    }
    AttemptResult exited(int code = 0) {
        AttemptResult result;
        result.outcome.exit_code = code;
        result.usage = {Milliseconds{1204}, Milliseconds{900}, Milliseconds{100}, 5000, false, 1, 2};
        return result;
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
};

TEST_F(Results, one_is_empty_until_the_job_has_ended) {
    const auto id = submit(ada);
    EXPECT_EQ(get("/api/results/" + id.text() + "/", ada.token).body,
              R"({"id":")" + id.text() + R"(","duration":"","results":{}})");
    scheduler_->start(id);
    clock_.advance(Seconds{1});
    EXPECT_EQ(get("/api/results/" + id.text(), ada.token).body,
              R"({"id":")" + id.text() + R"(","duration":"1.000","results":{}})");
}

TEST_F(Results, one_has_what_the_job_printed_and_used) {
    auto result = exited(0);
    result.value_json = R"({"answer":[1,2]})";
    const auto id = ended(ada, result, "hello\nwörld ✓\n", "warn");
    const auto answer = get("/api/results/" + id.text() + "/", ada.token);
    ASSERT_EQ(answer.status, 200);
    const auto json = answer.json();
    EXPECT_EQ(json.MemberCount(), 3u);
    EXPECT_STREQ(json["duration"].GetString(), "1.204");
    const auto& results = json["results"];
    EXPECT_EQ(results["exit_code"].GetInt(), 0);
    EXPECT_STREQ(results["outcome"].GetString(), "exited");
    EXPECT_STREQ(results["stdout"].GetString(), "hello\nwörld ✓\n")
        << "put together from pieces that split a character";
    EXPECT_STREQ(results["stderr"].GetString(), "warn");
    EXPECT_EQ(results["usage"]["wall_s"].GetDouble(), 1.204);
    EXPECT_EQ(results["usage"]["cpu_s"].GetDouble(), 1.0);
    EXPECT_EQ(results["usage"]["peak_memory_bytes"].GetInt64(), 5000);
    EXPECT_EQ(results["usage"]["read_bytes"].GetInt64(), 1);
    EXPECT_EQ(results["usage"]["written_bytes"].GetInt64(), 2);
    EXPECT_EQ(results["files"].Size(), 0u);
    EXPECT_EQ(results["value"]["answer"][1].GetInt(), 2);
    EXPECT_FALSE(results.HasMember("stdout_truncated"));
}

TEST_F(Results, bytes_that_are_no_text_become_valid_json) {
    const std::string bytes("a\0b\xff\xfe\x1b[31m", 10);
    const auto id = ended(ada, exited(), bytes);
    const auto answer = get("/api/results/" + id.text() + "/", ada.token);
    ASSERT_EQ(answer.status, 200);
    JsonRules rules;
    rules.allow_nul = true;
    const auto json = parse_json(answer.body, rules);
    ASSERT_TRUE(json) << json.error().message;
    EXPECT_EQ(text_of((*json)["results"]["stdout"]), std::string("a\0b\xEF\xBF\xBD\xEF\xBF\xBD\x1b[31m", 14));
}

TEST_F(Results, each_way_to_end_is_named) {
    auto signalled = exited();
    signalled.outcome = {OutcomeKind::signalled, 0, 11, ""};
    auto json = get("/api/results/" + ended(ada, signalled, "", "", JobState::failed).text() + "/", ada.token).json();
    EXPECT_EQ(json["results"]["signal"].GetInt(), 11);
    EXPECT_FALSE(json["results"].HasMember("exit_code"));

    auto late = exited();
    late.outcome = {OutcomeKind::out_of_time, 0, 0, "reached its timeout of 5 s"};
    late.stdout_truncated = true;
    json = get("/api/results/" + ended(ada, late, "x", "", JobState::timed_out).text() + "/", ada.token).json();
    EXPECT_STREQ(json["results"]["outcome"].GetString(), "out_of_time");
    EXPECT_STREQ(json["results"]["detail"].GetString(), "reached its timeout of 5 s");
    EXPECT_TRUE(json["results"]["stdout_truncated"].GetBool());

    auto lost = AttemptResult{};
    lost.outcome = {OutcomeKind::worker_lost, 0, 0, "worker node-1 was lost 5 times"};
    json = get("/api/results/" + ended(ada, lost, "", "", JobState::lost).text() + "/", ada.token).json();
    EXPECT_STREQ(json["results"]["outcome"].GetString(), "worker_lost");
    EXPECT_STREQ(json["results"]["detail"].GetString(), "worker node-1 was lost 5 times");
}

TEST_F(Results, waiting_for_one_answers_when_it_is_there) {
    const auto id = submit(ada);
    const auto pending = begin("GET", "/api/results/" + id.text() + "/?wait=30", {}, ada.token);
    EXPECT_TRUE(waits(pending));
    scheduler_->start(id);
    scheduler_->finish(id, JobState::succeeded, exited(), "done");
    EXPECT_STREQ(finish(pending).json()["results"]["stdout"].GetString(), "done");
}

TEST_F(Results, the_list_has_the_finished_ones_newest_first) {
    const auto first = ended(ada, exited(), "one");
    submit(ada);
    const auto last = ended(ada, exited(3), "two", "", JobState::failed);
    ended(bob, exited(), "not ours");
    const auto list = get("/api/results/", ada.token).json();
    ASSERT_EQ(list.Size(), 2u);
    EXPECT_STREQ(list[0]["id"].GetString(), last.text().c_str());
    EXPECT_STREQ(list[0]["results"]["stdout"].GetString(), "two");
    EXPECT_STREQ(list[1]["id"].GetString(), first.text().c_str());
    const auto failed = get("/api/results/?status=failed", ada.token).json();
    ASSERT_EQ(failed.Size(), 1u);
    EXPECT_EQ(get("/api/results/?status=queued", ada.token).body, "[]");
    const auto page = get("/api/results/?limit=1", ada.token);
    EXPECT_EQ(page.json().Size(), 1u);
    EXPECT_EQ(page.header("Link"), "</api/results/?after=" + last.text() + "&limit=1>; rel=\"next\"");
}

TEST_F(Results, files_are_given_to_save_and_not_to_look_at) {
    const std::string bytes("\x89PNG\0<script>", 13);
    scheduler_->store_blob(bytes);
    auto result = exited();
    result.files = {{"pic ✓/a.png", 13, sha256_hex(bytes), true},
                    {"empty", 0, sha256_hex(""), true},
                    {"big", 1 << 30, std::string(64, 'a'), false}};
    const auto id = ended(ada, result);
    const auto listed = get("/api/results/" + id.text() + "/", ada.token).json();
    EXPECT_STREQ(listed["results"]["files"][0]["path"].GetString(), "pic ✓/a.png");
    const std::string base = "/api/results/" + id.text() + "/files/";
    const auto file = get(base + "pic%20%E2%9C%93/a.png", ada.token);
    EXPECT_EQ(file.status, 200);
    EXPECT_EQ(file.body, bytes);
    EXPECT_EQ(file.response.content_type, "application/octet-stream");
    EXPECT_EQ(file.header("Content-Disposition"), "attachment; filename=\"a.png\"; filename*=UTF-8''a.png");
    EXPECT_NE(file.header("Content-Security-Policy").find("sandbox"), std::string::npos);
    EXPECT_EQ(get(base + "empty", ada.token).body, "");
    for (const char* none : {"nothing", "big", "pic%20%E2%9C%93", "a.png"})
        EXPECT_EQ(get(base + none, ada.token).status, 404) << none;
    EXPECT_EQ(get(base + "empty", bob.token).status, 404);
}

TEST_F(Results, the_log_is_plain_text_and_both_streams_can_be_read) {
    const std::string long_text(5000, 'x');
    const auto id = ended(ada, exited(), long_text + "\nend", "oops");
    const auto out = get("/api/jobs/" + id.text() + "/log/", ada.token);
    EXPECT_EQ(out.status, 200);
    EXPECT_EQ(out.response.content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(out.body, long_text + "\nend");
    EXPECT_EQ(get("/api/jobs/" + id.text() + "/log/?stream=stderr", ada.token).body, "oops");
    EXPECT_EQ(get("/api/jobs/" + id.text() + "/log/?stream=both", ada.token).status, 400);
    const auto waiting = submit(ada);
    const auto nothing = get("/api/jobs/" + waiting.text() + "/log", ada.token);
    EXPECT_EQ(nothing.status, 200);
    EXPECT_EQ(nothing.body, "");
}

TEST_F(Results, the_log_of_many_pieces_is_streamed_in_order) {
    const auto id = submit(ada);
    scheduler_->start(id);
    std::string expected;
    {
        auto session = pool_->lease();
        ASSERT_TRUE(session);
        for (int i = 0; i < 30; ++i) {
            const std::string piece = "piece " + std::to_string(i) + "\n";
            ASSERT_TRUE(
                (*session)->execute("insert into job_output (job, attempt, stream, start_offset, bytes) values (:job, "
                                    "1, 1, :offset, :bytes)",
                                    id.value, expected.size(), Bytes{piece}));
            expected += piece;
        }
    }
    EXPECT_EQ(get("/api/jobs/" + id.text() + "/log/", ada.token).body, expected) << "while it runs";
}

TEST_F(Results, attempts_show_how_each_ended) {
    const auto id = ended(ada, exited(3), "", "", JobState::failed);
    const auto attempts = get("/api/jobs/" + id.text() + "/attempts/", ada.token).json();
    ASSERT_EQ(attempts.Size(), 1u);
    EXPECT_EQ(attempts[0]["attempt"].GetInt(), 1);
    EXPECT_EQ(attempts[0]["exit_code"].GetInt(), 3);
    EXPECT_STREQ(attempts[0]["worker"].GetString(), "node-1");
    EXPECT_EQ(attempts[0]["usage"]["wall_s"].GetDouble(), 1.204);
}

}  // namespace
}  // namespace windlass::api::test
