// A handler that throws, whatever it throws and whenever: a 500 in the shape of the family that keeps the text to
// itself, is counted and recorded as any answer, and leaves nothing behind that the next request could trip over.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <vector>

#include "api/routes.h"
#include "api_fixture.h"
#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

constexpr const char* secret = "password=hunter2";

struct NoException {
    const char* text = secret;
};

OrProblem<Reply> throws_exception(const Call&) {
    throw std::runtime_error(secret);
}
OrProblem<Reply> throws_anything(const Call&) {
    throw NoException{};
}
OrProblem<Reply> throws_when_it_goes_on(const Call&) {
    Later later;
    later.start = [](const Resumer& resume) { resume([]() -> Reply { throw std::runtime_error(secret); }); };
    return Reply(std::move(later));
}
OrProblem<Reply> throws_when_it_begins_to_wait(const Call&) {
    Later later;
    later.start = [](const Resumer&) { throw NoException{}; };
    return Reply(std::move(later));
}
OrProblem<Reply> throws_at_its_deadline(const Call&) {
    Later later;
    later.deadline = Milliseconds{1};
    later.start = [](const Resumer&) {};
    later.on_deadline = []() -> Reply { throw std::runtime_error(secret); };
    return Reply(std::move(later));
}

constexpr RouteHandler throwing[] = {throws_exception, throws_anything, throws_when_it_goes_on,
                                     throws_when_it_begins_to_wait, throws_at_its_deadline};

class HandlerFaults : public ApiTest {
  protected:
    HandlerFaults() : ada_(make_account("ada")) {}

    // The real table, but for one route.
    void break_route(std::string_view method, std::string_view path, RouteHandler handler) {
        routes_.assign(routes().begin(), routes().end());
        const auto broken = std::find_if(routes_.begin(), routes_.end(), [&](const Route& route) {
            return route.method == method && route.path == path;
        });
        ASSERT_NE(broken, routes_.end());
        broken->handler = handler;
        auto made = Server::make(*app_, routes_);
        ASSERT_TRUE(made.ok());
        server_ = std::move(made).value();
    }
    static void expect_silence(const Answer& answer) {
        EXPECT_EQ(answer.status, 500);
        EXPECT_EQ(answer.body.find("hunter2"), std::string::npos) << answer.body;
        for (const auto& [name, value] : answer.response.headers)
            EXPECT_EQ(value.find("hunter2"), std::string::npos) << name;
    }

    std::vector<Route> routes_;
    Account ada_;
};

TEST_F(HandlerFaults, are_a_500_in_the_shape_of_the_family_without_their_text) {
    for (const auto handler : throwing) {
        break_route("GET", "/api/jobs/", handler);
        const auto pending = begin("GET", "/api/jobs/", {}, ada_.token);
        const auto answer = handler == throws_at_its_deadline ? reach_deadline(pending) : finish(pending);
        expect_silence(answer);
        EXPECT_EQ(answer.response.content_type, "application/problem+json");
        const auto json = answer.json();
        EXPECT_STREQ(json["title"].GetString(), "Internal Server Error");
        EXPECT_STREQ(json["request_id"].GetString(), "test-1");
        EXPECT_EQ(answer.header("Cache-Control"), "no-store");
    }
}

TEST_F(HandlerFaults, of_another_family_have_its_shape) {
    break_route("POST", "/api/login", throws_anything);
    const auto answer = send("POST", "/api/login", R"({"username":"ada","password":"wrong horse"})");
    expect_silence(answer);
    EXPECT_EQ(answer.response.content_type, send("POST", "/api/login/x").response.content_type);
}

TEST_F(HandlerFaults, are_counted_and_recorded) {
    break_route("POST", "/api/jobs/submit/", throws_exception);
    expect_silence(send("POST", "/api/jobs/submit/", "{}", ada_.token));
    const auto metrics = send("GET", "/metrics").body;
    EXPECT_NE(metrics.find("{method=\"POST\",route=\"/api/jobs/submit/\",status=\"500\"} 1"), std::string::npos);
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (audit_->written() == 0 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    const auto entries = audit_entries_->upwards(1, std::nullopt, 10);
    ASSERT_TRUE(entries.ok());
    ASSERT_EQ(entries->size(), 1U);
    EXPECT_EQ(entries->front().status, 500);
    EXPECT_EQ(entries->front().account, ada_.id);
    EXPECT_EQ(entries->front().detail.find("hunter2"), std::string::npos);
}

TEST_F(HandlerFaults, let_go_of_the_idempotency_key) {
    const Headers key = {{"Idempotency-Key", "\"one\""}};
    const std::string body = R"({"code":"","data":"","running_commands":"true"})";
    break_route("POST", "/api/jobs/submit/", throws_exception);
    expect_silence(send("POST", "/api/jobs/submit/", body, ada_.token, key));
    auto whole = Server::make(*app_, routes());
    ASSERT_TRUE(whole.ok());
    server_ = std::move(whole).value();
    EXPECT_EQ(send("POST", "/api/jobs/submit/", body, ada_.token, key).status, 200);
}

TEST_F(HandlerFaults, leave_the_connection_and_everybody_else_as_they_were) {
    for (const auto handler : throwing) {
        break_route("GET", "/api/jobs/", handler);
        const TestFront front([this](const Request& request) { return server_->handle(request); });
        Client client(front.address());
        Client honest(front.address());
        for (int i = 0; i < 20; ++i) {
            client.send("GET /api/jobs/ HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + ada_.token + "\r\n\r\n");
            const auto answer = client.read_answer();
            EXPECT_EQ(answer.status, 500);
            EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
            EXPECT_EQ(answer.body.find("hunter2"), std::string::npos) << answer.body;
            EXPECT_FALSE(answer.has("Connection"));
            EXPECT_EQ(client.get("/healthz").body, "ok\n");
            EXPECT_EQ(honest.get("/healthz").body, "ok\n");
        }
    }
}

}  // namespace
}  // namespace windlass::api::test
