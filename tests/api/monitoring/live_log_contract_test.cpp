// GET /api/admin/livelog: what the process logs, for the admins.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../api_fixture.h"
#include "../live_socket.h"
#include "api/monitoring/log_tail.h"
#include "shared/log.h"

namespace windlass::api::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class LiveLogTest : public ApiTest {
  protected:
    // What the log itself would hand on, without a line on the terminal of the tests.
    static void say(const std::string& line) { LogTail::of_this_process().add(line); }

    Account boss_ = make_account("boss", Role::admin);
};

TEST_F(LiveLogTest, by_websocket_the_last_lines_come_first_and_then_each_new_one_as_a_message) {
    say("an early line");
    Live client(open("/api/admin/livelog", boss_.token));
    EXPECT_THAT(client.got(), HasSubstr("an early line\n"));
    EXPECT_EQ(client.got(), "");
    say("a later line");
    EXPECT_GT(client.notified(), 0);
    EXPECT_EQ(client.got(), "a later line\n");
    say("one");
    say("two");
    EXPECT_EQ(client.got(), "one\ntwo\n");
    client.handler().on_close(1000, "");
    say("nobody hears this");
}

TEST_F(LiveLogTest, what_the_log_says_is_heard) {
    Live client(open("/api/admin/livelog/", boss_.token));
    client.got();
    log::write(log::Level::error, {log::field::request("r-17")}, "something went wrong in a test, on purpose");
    EXPECT_THAT(client.got(), HasSubstr("something went wrong in a test, on purpose (request_id=r-17)\n"));
}

TEST_F(LiveLogTest, by_events_it_is_the_same) {
    say("an early line");
    for (const auto& [path, headers] : {std::pair<std::string, Headers>{"/api/admin/livelog/events/", {}},
                                        {"/api/admin/livelog", {{"Accept", "text/event-stream"}}}}) {
        auto answer = open(path, boss_.token, headers);
        ASSERT_EQ(answer.status, 200) << answer.body;
        EXPECT_EQ(answer.response.content_type, "text/event-stream");
        auto& source = *answer.response.stream;
        int woken = 0;
        source.attach([&] { ++woken; });
        std::string text;
        ASSERT_TRUE(source.next(text));
        EXPECT_THAT(text, StartsWith("retry: 1000\n\n"));
        EXPECT_THAT(text, HasSubstr("event: line\ndata: an early line\n\n"));
        say("a later line");
        EXPECT_GT(woken, 0);
        text.clear();
        ASSERT_TRUE(source.next(text));
        EXPECT_EQ(text, "event: line\ndata: a later line\n\n");
        text.clear();
        ASSERT_TRUE(source.heartbeat(text));
        EXPECT_EQ(text, ":\n\n");
    }
}

TEST_F(LiveLogTest, who_reads_too_slowly_is_given_up) {
    Live client(open("/api/admin/livelog", boss_.token));
    client.got();
    for (std::size_t bytes = 0; bytes <= LogTail::most_unread_bytes; bytes += 1000) say(std::string(1000, 'x'));
    EXPECT_THAT(client.got(), HasSubstr("close 1000 the log comes faster than it was read"));
}

TEST_F(LiveLogTest, what_is_kept_is_bounded) {
    LogTail tail;
    for (int i = 0; i < 5'000; ++i) tail.add("line " + std::to_string(i));
    const auto follower = tail.follow([] {});
    const std::string lines = follower->take();
    EXPECT_THAT(lines, StartsWith("line 4000\n"));
    EXPECT_THAT(lines, HasSubstr("line 4999\n"));
    tail.add(std::string(LogTail::most_bytes, 'x'));
    EXPECT_EQ(tail.follow([] {})->take().size(), LogTail::most_bytes + 1);
}

TEST_F(LiveLogTest, it_ends_when_the_right_to_it_does) {
    Live client(open("/api/admin/livelog", boss_.token));
    client.got();
    execute("update account set disabled_us = 1 where username_key = 'boss'");
    credentials_->forget(boss_.id);
    clock_.advance(Seconds{20});
    client.handler().on_heartbeat();
    EXPECT_THAT(client.got(), HasSubstr("close 1008 "));
}

TEST_F(LiveLogTest, it_is_for_admins_and_the_word_of_secrets_is_not_in_it) {
    const auto user = make_account("ada");
    EXPECT_EQ(send("GET", "/api/admin/livelog", {}, user.token).status, 403);
    EXPECT_EQ(send("GET", "/api/admin/livelog").status, 401);
    Live client(open("/api/admin/livelog", boss_.token));
    EXPECT_THAT(client.got(), Not(HasSubstr(boss_.token)));
}

}  // namespace
}  // namespace windlass::api::test
