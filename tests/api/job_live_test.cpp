// GET /api/jobs/{id}/live/: the same as the event streams tell, as messages of a WebSocket.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "live_socket.h"

namespace windlass::api::test {
namespace {

constexpr auto out_stream = OutputStream::standard_output;
constexpr auto err_stream = OutputStream::standard_error;

AttemptResult success() {
    AttemptResult result;
    result.outcome = {OutcomeKind::exited, 0, 0, {}};
    return result;
}

class JobLiveTest : public ApiTest {
  protected:
    std::string path(const std::string& query = "") { return "/api/jobs/" + job_.text() + "/live/" + query; }
    // The played scheduler writes no event of its own for it.
    void finish(JobState state, int event) {
        scheduler_->finish(job_, state, success());
        execute("insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) values (" + job_.text() +
                ", " + std::to_string(event) + ", 0, " + std::to_string(static_cast<int>(JobMove::finish)) + ", " +
                std::to_string(static_cast<int>(state)) + ", 1, 1, '')");
    }
    Live live(const std::string& query = "") { return Live(open(path(query), user_.token)); }

    Account user_ = make_account("ada");
    JobId job_ = submit(user_);
};

TEST_F(JobLiveTest, tells_events_and_output_from_the_beginning_to_the_end) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "one\n");
    auto client = live();
    auto got = client.got();
    EXPECT_TRUE(got.starts_with(R"({"type":"event","position":"1","seq":1,)")) << got;
    EXPECT_NE(got.find(R"({"type":"event","position":"2","seq":2,)"), std::string::npos) << got;
    EXPECT_NE(
        got.find(
            R"({"type":"log","position":"1:out:4:err:0","attempt":1,"stream":"stdout","offset":0,"text":"one\n"})"),
        std::string::npos)
        << got;
    scheduler_->print(job_, err_stream, 0, "oh\n");
    scheduler_->print(job_, out_stream, 4, "two\n");
    got = client.got();
    EXPECT_EQ(got,
              R"({"type":"log","position":"1:out:4:err:3","attempt":1,"stream":"stderr","offset":0,"text":"oh\n"})"
              "\n"
              R"({"type":"log","position":"1:out:8:err:3","attempt":1,"stream":"stdout","offset":4,"text":"two\n"})"
              "\n");
    scheduler_->print(job_, out_stream, 8, "three\n");
    finish(JobState::succeeded, 3);
    scheduler_->tell_last_event(job_);
    got = client.got();
    const auto log = got.find(R"("text":"three\n")");
    const auto event = got.find(R"({"type":"event")");
    const auto end = got.find(R"({"type":"end","position":")");
    EXPECT_LT(log, event) << got;
    EXPECT_LT(event, end) << got;
    EXPECT_NE(got.find(R"("status":"succeeded"})"), std::string::npos) << got;
    EXPECT_TRUE(got.ends_with("close 1000 the job has ended")) << got;
}

TEST_F(JobLiveTest, of_a_job_that_has_ended_tells_everything_and_closes) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "all\n");
    finish(JobState::failed, 3);
    const auto got = live().got();
    EXPECT_NE(got.find(R"("text":"all\n")"), std::string::npos) << got;
    EXPECT_NE(got.find(R"({"type":"end",)"), std::string::npos) << got;
    EXPECT_TRUE(got.ends_with("close 1000 the job has ended")) << got;
}

TEST_F(JobLiveTest, goes_on_where_the_client_was) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "one two\n");
    const auto got = live("?events_after=1&log_after=1:out:4:err:0").got();
    EXPECT_EQ(got.find(R"("position":"1")"), std::string::npos) << got;
    EXPECT_NE(got.find(R"("position":"2")"), std::string::npos) << got;
    EXPECT_NE(got.find(R"("offset":4,"text":"two\n")"), std::string::npos) << got;
    for (const auto* wrong :
         {"?events_after=77", "?events_after=x", "?log_after=7:out:0:err:0", "?log_after=1", "?x=1"}) {
        EXPECT_EQ(get(path(wrong), user_.token).status, 400) << wrong;
    }
}

TEST_F(JobLiveTest, a_read_of_the_tables_that_is_asked_for_tells_nothing_twice) {
    scheduler_->start(job_);
    auto client = live();
    client.got();
    scheduler_->print(job_, out_stream, 0, "once\n");
    scheduler_->tell_to_read_again(job_);
    auto got = client.got();
    EXPECT_NE(got.find("once"), std::string::npos) << got;
    scheduler_->tell_to_read_again(job_);
    client.handler().on_heartbeat();
    EXPECT_EQ(client.got(), "");
}

TEST_F(JobLiveTest, asks_for_more_only_when_the_client_has_taken_what_there_was) {
    scheduler_->start(job_);
    auto client = live();
    client.got();
    const int before = client.notified();
    scheduler_->print(job_, out_stream, 0, "a");
    scheduler_->print(job_, out_stream, 1, "b");
    EXPECT_EQ(client.notified(), before + 1) << "told once, and nothing read before the front says so";
    const auto got = client.got();
    EXPECT_NE(got.find(R"("text":"a")"), std::string::npos) << got;
    EXPECT_NE(got.find(R"("text":"b")"), std::string::npos) << got;
}

TEST_F(JobLiveTest, what_may_not_be_seen_is_404_before_any_upgrade) {
    const auto other = make_account("eve");
    EXPECT_EQ(get(path(), other.token).status, 404);
    EXPECT_EQ(get("/api/jobs/999/live/", user_.token).status, 404);
    EXPECT_EQ(get(path(), other.token).body.find(job_.text()) == std::string::npos,
              get("/api/jobs/999/live/", other.token).body.find("999") == std::string::npos);
    EXPECT_EQ(send("GET", path()).status, 401);
    EXPECT_EQ(get(path(), make_account("robot", Role::job_control).token).status, 403);
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(open(path(), boss.token).status, 101);
}

TEST_F(JobLiveTest, ends_when_the_right_to_see_the_job_ends) {
    auto client = live();
    client.got();
    execute("delete from api_token where account = " + user_.id.text());
    credentials_->forget(user_.id);
    client.handler().on_heartbeat();
    EXPECT_EQ(client.got(), "close 1008 the follower's credential is no longer good");
}

TEST_F(JobLiveTest, a_client_that_speaks_is_told_that_nobody_listens) {
    auto client = live();
    client.got();
    client.handler().on_message({WebSocketMessage::Kind::text, "hello?"});
    EXPECT_EQ(client.got(), "close 1003 this WebSocket only tells");
    client.handler().on_close(websocket_close::unsupported_data, "");
    EXPECT_EQ(scheduler_->followed(), 0U);
}

}  // namespace
}  // namespace windlass::api::test
