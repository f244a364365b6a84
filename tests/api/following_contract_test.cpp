// GET /api/jobs/{id}/events/ and /log/ by those who follow, and the parts of a finished log.
#include <gtest/gtest.h>

#include "api_fixture.h"
#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

constexpr auto out_stream = OutputStream::standard_output;
constexpr auto err_stream = OutputStream::standard_error;
const std::vector<std::pair<std::string, std::string>> as_events = {{"Accept", "text/event-stream"}};

AttemptResult success() {
    AttemptResult result;
    result.outcome = {OutcomeKind::exited, 0, 0, {}};
    return result;
}

// One who follows, pulled by the test as the front does.
class Follower {
  public:
    explicit Follower(Answer answer) : answer_(std::move(answer)), source_(std::move(answer_.response.stream)) {
        EXPECT_EQ(answer_.status, 200) << answer_.body;
        if (!source_) {
            ADD_FAILURE() << "no stream: " << answer_.body;
            return;
        }
        source_->attach([woken = woken_] { ++*woken; });
    }
    // All there is now.
    std::string pull() {
        std::string all;
        while (source_ && !ended_) {
            std::string piece;
            ended_ = !source_->next(piece);
            if (piece.empty()) break;
            all += piece;
        }
        return all;
    }
    std::string heartbeat() {
        std::string piece;
        ended_ = !source_->heartbeat(piece);
        return piece;
    }
    bool ended() const { return ended_; }
    int woken() const { return *woken_; }
    void leave() { source_.reset(); }
    const Answer& answer() const { return answer_; }

  private:
    Answer answer_;
    std::shared_ptr<ChunkSource> source_;
    std::shared_ptr<int> woken_ = std::make_shared<int>(0);
    bool ended_ = false;
};

std::string last_id(const std::string& events) {
    const auto at = events.rfind("\nid: ");
    if (at == std::string::npos) return "";
    return events.substr(at + 5, events.find('\n', at + 5) - at - 5);
}

class FollowingTest : public ApiTest {
  protected:
    Account user_ = make_account("ada");
    JobId job_ = submit(user_);

    std::string log(const std::string& query = "") { return "/api/jobs/" + job_.text() + "/log/" + query; }
    std::string events() { return "/api/jobs/" + job_.text() + "/events/"; }
    Follower follow(const std::string& target, Headers headers = as_events) {
        return Follower(open(target, user_.token, std::move(headers)));
    }
    Headers from(const std::string& id) {
        auto headers = as_events;
        headers.emplace_back("Last-Event-ID", id);
        return headers;
    }
};

TEST_F(FollowingTest, events_begin_with_what_was_and_go_on_until_the_end) {
    auto follower = follow(events());
    EXPECT_EQ(follower.answer().response.content_type, "text/event-stream");
    EXPECT_EQ(follower.answer().header("Cache-Control"), "no-store");
    auto seen = follower.pull();
    EXPECT_NE(seen.find("event: state\nid: 1\ndata: {\"seq\":1,"), std::string::npos) << seen;
    EXPECT_NE(seen.find("\"event\":\"submit\""), std::string::npos);
    EXPECT_FALSE(follower.ended());
    scheduler_->start(job_);
    scheduler_->tell_last_event(job_);
    EXPECT_EQ(follower.woken(), 1);
    seen = follower.pull();
    EXPECT_TRUE(seen.starts_with("event: state\nid: 2\n")) << seen;
    scheduler_->finish(job_, JobState::succeeded, success());
    scheduler_->tell_to_read_again(job_);
    seen = follower.pull();
    EXPECT_NE(seen.find("event: end\nid: 2:end\ndata: {\"id\":\"" + job_.text() + "\",\"status\":\"succeeded\"}\n\n"),
              std::string::npos)
        << seen;
    EXPECT_TRUE(follower.ended());
}

TEST_F(FollowingTest, events_resume_behind_the_last_one_and_who_comes_after_the_end_is_sent_away) {
    scheduler_->start(job_);
    auto follower = follow(events(), from("1"));
    const auto seen = follower.pull();
    EXPECT_EQ(seen.find("id: 1\n"), std::string::npos);
    EXPECT_NE(seen.find("id: 2\n"), std::string::npos);
    scheduler_->finish(job_, JobState::succeeded, success());
    EXPECT_EQ(open(events(), user_.token, from("2:end")).status, 204);
    auto again = follow(events(), from("2"));
    EXPECT_NE(again.pull().find("event: end"), std::string::npos) << "it was not told of the end yet";
    EXPECT_EQ(open(events(), user_.token, from("x")).status, 400);
    EXPECT_EQ(open(events(), user_.token, from("77")).status, 400) << "yet to come";
}

TEST_F(FollowingTest, one_account_has_so_many_places_for_all_ways_of_following) {
    rates_ = std::make_unique<RateLimits>(RateSettings{.followers = 3});
    build_app();
    scheduler_->start(job_);
    std::vector<Follower> followers;
    followers.push_back(follow(events()));
    followers.push_back(follow(log()));
    followers.push_back(follow(log("?follow=true"), {}));
    for (const auto& [target, headers] :
         {std::pair{events(), as_events}, {log(), as_events}, {log("?follow=true"), {}}}) {
        const auto refused = send("GET", target, {}, user_.token, headers);
        EXPECT_EQ(refused.status, 429) << target;
        EXPECT_FALSE(refused.header("Retry-After").empty());
    }
    const Headers upgrade = {{"Host", "h"},
                             {"Connection", "Upgrade"},
                             {"Upgrade", "websocket"},
                             {"Sec-WebSocket-Version", "13"},
                             {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}};
    const std::string live = "/api/jobs/" + job_.text() + "/live/";
    EXPECT_EQ(send("GET", live, {}, user_.token, upgrade).status, 429);
    EXPECT_EQ(get(log(), user_.token).status, 200) << "who does not follow needs no place";
    followers.pop_back();
    {
        const auto conversation = open(live, user_.token, upgrade);
        EXPECT_TRUE(conversation.websocket);
        EXPECT_EQ(send("GET", events(), {}, user_.token, as_events).status, 429);
    }
    opened_.pop_back();  // the conversation is over
    EXPECT_EQ(follow(events()).answer().status, 200);
}

TEST_F(FollowingTest, without_the_accept_header_everything_is_as_before) {
    EXPECT_TRUE(get(events(), user_.token).json().IsArray());
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "so far");
    EXPECT_EQ(get(log(), user_.token).body, "so far");
    EXPECT_EQ(scheduler_->followed(), 0u);
}

TEST_F(FollowingTest, log_tells_what_was_printed_and_then_what_is_being_printed) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "one\n");
    auto follower = follow(log());
    auto seen = follower.pull();
    EXPECT_NE(seen.find("event: output\nid: 1:out:4:err:0\ndata: "
                        R"({"attempt":1,"stream":"stdout","offset":0,"text":"one\n"})"),
              std::string::npos)
        << seen;
    scheduler_->print(job_, err_stream, 0, "oh\n");
    scheduler_->print(job_, out_stream, 4, "two\n");
    EXPECT_EQ(follower.woken(), 1) << "woken once for both";
    seen = follower.pull();
    EXPECT_NE(seen.find("id: 1:out:4:err:3\n"), std::string::npos) << seen;
    EXPECT_NE(seen.find("id: 1:out:8:err:3\n"), std::string::npos) << seen;
    scheduler_->finish(job_, JobState::failed, success());
    scheduler_->tell_last_event(job_);
    seen = follower.pull();
    EXPECT_TRUE(seen.starts_with("event: end\nid: 1:out:8:err:3:end\n")) << seen;
    EXPECT_TRUE(follower.ended());
    EXPECT_EQ(open(log(), user_.token, from("1:out:8:err:3:end")).status, 204);
}

TEST_F(FollowingTest, log_resumes_at_the_byte_in_the_middle_of_a_piece) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "0123456789");
    scheduler_->print(job_, out_stream, 10, "abc");
    auto follower = follow(log(), from("1:out:7:err:0"));
    auto seen = follower.pull();
    EXPECT_NE(seen.find(R"("offset":7,"text":"789")"), std::string::npos) << seen;
    EXPECT_EQ(last_id(seen), "1:out:13:err:0");
    EXPECT_EQ(open(log(), user_.token, from("1:out:seven:err:0")).status, 400);
    EXPECT_EQ(open(log(), user_.token, from("2:out:0:err:0")).status, 400) << "there was no second attempt";
}

TEST_F(FollowingTest, new_attempt_begins_its_streams_anew_and_says_so) {
    scheduler_->start(job_);
    auto follower = follow(log());
    follower.pull();
    scheduler_->print(job_, out_stream, 0, "first try");
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "second try");
    const auto seen = follower.pull();
    EXPECT_NE(seen.find(R"({"attempt":1,"stream":"stdout","offset":0,"text":"first try"})"), std::string::npos) << seen;
    EXPECT_NE(seen.find(R"({"attempt":2,"stream":"stdout","offset":0,"text":"second try"})"), std::string::npos);
    EXPECT_EQ(last_id(seen), "2:out:10:err:0");
    auto back = follow(log(), from("1:out:5:err:0"));
    const auto rest = back.pull();
    EXPECT_NE(rest.find(R"({"attempt":1,"stream":"stdout","offset":5,"text":" try"})"), std::string::npos) << rest;
    EXPECT_NE(rest.find("second try"), std::string::npos);
}

TEST_F(FollowingTest, one_stream_alone_and_bytes_in_base64) {
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "not this");
    scheduler_->print(job_, err_stream, 0, std::string("\xff\x00", 2));
    auto follower = follow(log("?stream=stderr&encoding=base64"));
    const auto seen = follower.pull();
    EXPECT_EQ(seen.find("stdout"), std::string::npos) << seen;
    EXPECT_NE(seen.find(R"("offset":0,"base64":"/wA=")"), std::string::npos) << seen;
    EXPECT_EQ(get(log("?encoding=base64"), user_.token).status, 400);
    EXPECT_EQ(get(log("?follow=perhaps"), user_.token).status, 400);
}

TEST_F(FollowingTest, what_was_never_told_is_found_by_the_heartbeat) {
    scheduler_->start(job_);
    auto follower = follow(log());
    follower.pull();
    EXPECT_EQ(follower.heartbeat(), ":\n\n");
    scheduler_->print(job_, out_stream, 0, "whispered", true);
    EXPECT_EQ(follower.pull(), "");
    EXPECT_NE(follower.heartbeat().find("whispered"), std::string::npos);
}

TEST_F(FollowingTest, follower_that_reads_slowly_costs_a_bounded_buffer_and_gets_every_byte) {
    scheduler_->start(job_);
    auto follower = follow(log("?follow=true"), {});
    follower.pull();
    std::string all;
    for (int i = 0; i < 100; ++i) {
        const std::string piece(32 * 1024, static_cast<char>('a' + i % 26));
        scheduler_->print(job_, out_stream, static_cast<std::int64_t>(all.size()), piece);
        all += piece;
    }
    EXPECT_EQ(follower.woken(), 1);
    EXPECT_EQ(follower.pull(), all);
}

TEST_F(FollowingTest, plain_following_gives_the_bytes_and_nothing_else) {
    auto follower = follow(log("?follow=true"), {});
    EXPECT_EQ(follower.answer().response.content_type, "text/plain; charset=utf-8");
    EXPECT_EQ(follower.pull(), "");
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, std::string("a\x00\xff", 3));
    EXPECT_EQ(follower.pull(), std::string("a\x00\xff", 3));
    EXPECT_EQ(follower.heartbeat(), "");
    scheduler_->print(job_, out_stream, 3, "z");
    scheduler_->finish(job_, JobState::succeeded, success());
    scheduler_->tell_last_event(job_);
    EXPECT_EQ(follower.pull(), "z");
    EXPECT_TRUE(follower.ended());
}

TEST_F(FollowingTest, follower_that_leaves_is_forgotten) {
    auto follower = follow(log());
    follower.pull();
    EXPECT_EQ(scheduler_->followed(), 1u);
    follower.leave();
    EXPECT_EQ(scheduler_->followed(), 0u);
    scheduler_->start(job_);
    scheduler_->print(job_, out_stream, 0, "to nobody");
}

TEST_F(FollowingTest, others_see_no_such_job_and_an_admin_sees_it) {
    const auto other = make_account("bob");
    EXPECT_EQ(open(log(), other.token, as_events).status, 404);
    EXPECT_EQ(open(events(), other.token, as_events).status, 404);
    EXPECT_EQ(open("/api/jobs/7/log/", user_.token, as_events).status, 404);
    EXPECT_EQ(open(log(), "", as_events).status, 401);
    const auto admin = make_account("root", Role::admin);
    EXPECT_EQ(open(log(), admin.token, as_events).status, 200);
}

TEST_F(FollowingTest, cookie_is_a_credential_for_following) {
    EXPECT_EQ(open(events(), "", {{"Accept", "text/event-stream"}, {"Cookie", "access_token=" + user_.token}}).status,
              200);
}

TEST_F(FollowingTest, follower_whose_account_goes_is_cut_at_the_next_heartbeat) {
    scheduler_->start(job_);
    auto quiet = follow(log());
    auto busy = follow(log());
    quiet.pull();
    busy.pull();
    auto session = pool_->lease();
    ASSERT_TRUE(session);
    ASSERT_TRUE((*session)->execute("delete from api_token where account = :id", user_.id.value));
    clock_.advance(Seconds{16});
    EXPECT_THROW(quiet.heartbeat(), std::runtime_error);
    scheduler_->print(job_, out_stream, 0, "and one who is never quiet");
    EXPECT_THROW(busy.pull(), std::runtime_error);
}

TEST_F(FollowingTest, finished_log_has_a_tag_and_parts) {
    scheduler_->start(job_);
    EXPECT_EQ(get(log(), user_.token).header("ETag"), "") << "it still grows";
    scheduler_->finish(job_, JobState::succeeded, success(), "0123456789", "err");
    const auto whole = get(log(), user_.token);
    EXPECT_EQ(whole.status, 200);
    EXPECT_EQ(whole.body, "0123456789");
    EXPECT_EQ(whole.header("Accept-Ranges"), "bytes");
    const auto tag = whole.header("ETag");
    EXPECT_EQ(tag, "\"" + job_.text() + "-1-1-10\"");
    const auto part = [&](const std::string& range, Headers more = {}) {
        more.emplace_back("Range", range);
        return send("GET", log(), {}, user_.token, std::move(more));
    };
    EXPECT_EQ(part("bytes=3-6").body, "3456");
    EXPECT_EQ(part("bytes=3-6").status, 206);
    EXPECT_EQ(part("bytes=3-6").header("Content-Range"), "bytes 3-6/10");
    EXPECT_EQ(part("bytes=7-").body, "789");
    EXPECT_EQ(part("bytes=-4").body, "6789");
    EXPECT_EQ(part("bytes=-4").header("Content-Range"), "bytes 6-9/10");
    EXPECT_EQ(part("bytes=10-").status, 416);
    EXPECT_EQ(part("bytes=10-").header("Content-Range"), "bytes */10");
    EXPECT_EQ(part("bytes=1-2", {{"If-Range", "\"other\""}}).status, 200);
    EXPECT_EQ(part("bytes=1-2", {{"If-Range", tag}}).body, "12");
    EXPECT_EQ(send("GET", log(), {}, user_.token, {{"If-None-Match", tag}}).status, 304);
    EXPECT_EQ(get(log("?stream=stderr"), user_.token).body, "err");
}

TEST_F(FollowingTest, part_of_a_long_log_across_many_pieces_is_exact) {
    scheduler_->start(job_);
    std::string all;
    for (int i = 0; i < 40; ++i) {
        const std::string piece = std::to_string(i) + std::string(1'000, static_cast<char>('A' + i % 26));
        scheduler_->print(job_, out_stream, static_cast<std::int64_t>(all.size()), piece);
        all += piece;
    }
    scheduler_->finish(job_, JobState::succeeded, success());
    EXPECT_EQ(get(log(), user_.token).body, all);
    for (const std::size_t first :
         {std::size_t{0}, std::size_t{1}, std::size_t{1001}, std::size_t{1002}, std::size_t{20'500}})
        for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, std::size_t{15'000}}) {
            const auto range = "bytes=" + std::to_string(first) + "-" + std::to_string(first + size - 1);
            EXPECT_EQ(send("GET", log(), {}, user_.token, {{"Range", range}}).body, all.substr(first, size)) << range;
        }
}

// ---- over real sockets

class FollowingOverSocketsTest : public FollowingTest {
  protected:
    std::unique_ptr<TestFront> front_;

    void open_front(Milliseconds write_deadline) {
        auto settings = loopback();
        settings.threads = 1;
        settings.limits.write_deadline = write_deadline;
        front_ =
            std::make_unique<TestFront>([this](const Request& request) { return server_->handle(request); }, settings);
    }
    void ask(Client& client, const std::string& target, const std::string& accept) {
        client.send("GET " + target + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + user_.token +
                    "\r\nAccept: " + accept + "\r\n\r\n");
    }
};

TEST_F(FollowingOverSocketsTest, many_followers_on_one_thread_all_get_every_byte) {
    open_front(Milliseconds{30'000});
    scheduler_->start(job_);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 30; ++i) {
        clients.push_back(std::make_unique<Client>(front_->address()));
        ask(*clients.back(), log("?follow=true"), "*/*");
    }
    ASSERT_TRUE(eventually([&] { return scheduler_->followed() == 30 && front_->statistics().waiting == 30; }));
    std::string all;
    for (int i = 0; i < 200; ++i) {
        const auto piece = "line " + std::to_string(i) + "\n";
        scheduler_->print(job_, out_stream, static_cast<std::int64_t>(all.size()), piece, i % 50 == 7);
        if (i % 50 == 7) scheduler_->tell_to_read_again(job_);
        all += piece;
    }
    scheduler_->finish(job_, JobState::succeeded, success());
    scheduler_->tell_last_event(job_);
    for (auto& client : clients) EXPECT_EQ(client->read_answer().body, all);
    EXPECT_TRUE(eventually([&] { return scheduler_->followed() == 0; }));
}

TEST_F(FollowingOverSocketsTest, follower_that_never_reads_costs_a_bounded_number_of_bytes_and_is_dropped) {
    open_front(Milliseconds{500});
    scheduler_->start(job_);
    {
        auto session = pool_->lease();
        ASSERT_TRUE(session);
        auto transaction = Transaction::begin(**session);
        ASSERT_TRUE(transaction);
        const std::string piece(64 * 1024, 'x');
        for (std::int64_t i = 0; i < 512; ++i)
            ASSERT_TRUE(
                (*session)->execute("insert into job_output (job, attempt, stream, start_offset, bytes) values "
                                    "(:job, 1, 1, :offset, :bytes)",
                                    job_.value, i * 64 * 1024, Bytes{piece}));
        ASSERT_TRUE(transaction->commit());
    }
    Client client(front_->address(), 4096);
    ask(client, log(), "text/event-stream");
    std::uint64_t most = 0;
    ASSERT_TRUE(eventually([&] { return front_->statistics().unsent_bytes > 0; }));
    const std::string live(64 * 1024, 'y');
    std::int64_t offset = 512 * 64 * 1024;
    ASSERT_TRUE(eventually([&] {
        scheduler_->print(job_, out_stream, offset, live);
        offset += static_cast<std::int64_t>(live.size());
        most = std::max(most, front_->statistics().unsent_bytes);
        return front_->statistics().connections_open == 0;
    }));
    EXPECT_LT(most, 600u * 1024) << "one look at the tables: four pieces of 64 KiB, or a full buffer of 256 KiB";
    EXPECT_TRUE(eventually([&] { return scheduler_->followed() == 0; }));
    EXPECT_EQ(front_->statistics().unsent_bytes, 0u);
}

}  // namespace
}  // namespace windlass::api::test
