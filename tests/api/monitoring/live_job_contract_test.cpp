// GET /api/live/{id}: the frames of the contract, by WebSocket and as events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../api_fixture.h"
#include "../live_socket.h"
#include "shared/database/session_pool.h"
#include "shared/json.h"
#include "shared/metrics/metric_store.h"

namespace windlass::api::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class LiveJobTest : public ApiTest {
  protected:
    LiveJobTest() { scheduler_->start(job_); }

    // What the worker measures at this moment.
    void measure(double cpu) {
        auto session = pool_->lease().value();
        auto transaction = Transaction::begin(*session).value();
        ASSERT_TRUE(
            metrics::append(*session, {{{job_, "node-1", "cpu_used", "node", ""}, clock_.now().wall, cpu}}).ok());
        ASSERT_TRUE(transaction.commit().ok());
    }
    std::string path() const { return "/api/live/" + job_.text(); }
    std::int64_t now_s() const { return to_unix_us(clock_.now().wall) / 1'000'000; }
    // The values of one metric in a frame of this type; fails when it is none.
    static std::vector<double> values(const std::string& frame, int type) {
        std::vector<double> found;
        const auto document = parse_json(frame);
        EXPECT_TRUE(document.ok()) << frame;
        if (!document) return found;
        EXPECT_EQ((*document)["Type"].GetInt(), type);
        EXPECT_GE((*document)["MetricData"].Size(), 5u) << "one for each metric of the configuration";
        for (const auto& metric : (*document)["MetricData"].GetArray()) {
            EXPECT_TRUE(metric.HasMember("Config") && metric.HasMember("Data") && metric.HasMember("RawData"));
            if (text_of(metric["Config"]["Measurement"]) != "cpu_used") continue;
            for (const auto& line : metric["Data"].GetObject())
                for (const auto& row : line.value.GetArray())
                    if (!row["_value"].IsNull()) found.push_back(row["_value"].GetDouble());
        }
        return found;
    }

    Account boss_ = make_account("boss", Role::admin);
    Account user_ = make_account("ada");
    JobId job_ = submit(user_);
};

TEST_F(LiveJobTest, what_was_measured_is_pushed_at_every_interval) {
    Live client(open(path(), boss_.token));
    EXPECT_EQ(client.got(), "");
    measure(0.5);
    client.handler().on_wake();
    EXPECT_EQ(client.got(), "") << "the interval is not over";
    clock_.advance(Seconds{35});
    client.handler().on_wake();
    EXPECT_EQ(values(client.got(), 3), std::vector<double>{0.5});
    client.handler().on_wake();
    EXPECT_EQ(client.got(), "");
    measure(0.75);
    clock_.advance(Seconds{35});
    client.handler().on_wake();
    EXPECT_EQ(values(client.got(), 3), std::vector<double>{0.75}) << "and nothing twice";
}

TEST_F(LiveJobTest, a_client_asks_for_a_time_and_is_answered) {
    measure(0.25);
    const auto at = now_s();
    clock_.advance(Seconds{600});
    Live client(open(path() + "/", boss_.token));
    client.got();
    const auto ask = [&](const std::string& text) {
        client.handler().on_message({WebSocketMessage::Kind::text, text});
        return client.got();
    };
    const auto time = [](std::int64_t from, std::int64_t to) {
        return "{\"Type\":1,\"StartTime\":" + std::to_string(from) + ",\"StopTime\":" + std::to_string(to) + "}";
    };
    EXPECT_EQ(values(ask(time(at - 30, at + 30)), 2), std::vector<double>{0.25});
    EXPECT_EQ(values(ask(time(at + 60, at + 90)), 2), std::vector<double>{});
    EXPECT_THAT(ask(time(at + 90, at)), HasSubstr("close 1003 "));
}

TEST_F(LiveJobTest, what_is_no_question_ends_the_conversation) {
    for (const char* text :
         {"", "[]", "{}", R"({"Type":2,"StartTime":1,"StopTime":2})", R"({"Type":1,"StartTime":"1","StopTime":2})",
          R"({"Type":1,"StartTime":0,"StopTime":99999999999999})"}) {
        Live client(open(path(), boss_.token));
        client.handler().on_message({WebSocketMessage::Kind::text, text});
        EXPECT_THAT(client.got(), StartsWith("close 1003 ")) << text;
    }
}

TEST_F(LiveJobTest, with_the_job_it_ends) {
    Live client(open(path(), boss_.token));
    clock_.advance(Seconds{20});
    measure(1);
    clock_.advance(Seconds{5});
    scheduler_->finish(job_, JobState::succeeded, {});
    client.handler().on_wake();
    const auto got = client.got();
    EXPECT_EQ(values(got.substr(0, got.find('\n')), 3), std::vector<double>{1});
    EXPECT_THAT(got, HasSubstr("\nclose 1000 the job has ended"));
}

TEST_F(LiveJobTest, by_events_it_is_the_same) {
    for (const auto& [target, headers] :
         {std::pair<std::string, Headers>{path() + "/events/", {}}, {path(), {{"Accept", "text/event-stream"}}}}) {
        auto answer = open(target, boss_.token, headers);
        ASSERT_EQ(answer.status, 200) << answer.body;
        auto& source = *answer.response.stream;
        source.attach([] {});
        measure(0.5);
        clock_.advance(Seconds{35});
        std::string text;
        ASSERT_TRUE(source.next(text));
        EXPECT_THAT(text, StartsWith("retry: 1000\n\nevent: metrics\ndata: {\"Type\":3,"));
        EXPECT_TRUE(text.ends_with("]}\n\n"));
    }
}

TEST_F(LiveJobTest, it_is_for_admins_and_of_jobs_that_are_there) {
    EXPECT_EQ(send("GET", path(), {}, user_.token).status, 403);
    EXPECT_EQ(send("GET", path()).status, 401);
    EXPECT_EQ(send("GET", "/api/live/123456789", {}, boss_.token).status, 404);
    EXPECT_EQ(send("GET", "/api/live/123456789/events/", {}, boss_.token).status, 404);
    EXPECT_EQ(send("GET", "/api/live/x", {}, boss_.token).status, 404);
}

}  // namespace
}  // namespace windlass::api::test
