// A handler that throws, whatever it throws and whenever: a 500 in the shape of the family that keeps the text to
// itself, is counted and recorded as any answer, and leaves nothing behind that the next request could trip over.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <thread>
#include <vector>

#include "api/family.h"
#include "api/problem.h"
#include "api/routes.h"
#include "api_fixture.h"
#include "tests/api/front/test_front.h"
#include "tests/support/patience.h"

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
    // Over sockets, as the fixture's own requests are judged by the document, which promises that there is no 500.
    ClientAnswer ask(const std::string& method, const std::string& target, const std::string& body = {},
                     const std::string& headers = {}) {
        const TestFront front([this](const Request& request) { return server_->handle(request); });
        Client client(front.address());
        client.send(method + " " + target + " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + ada_.token + "\r\n" +
                    headers + (body.empty() ? "" : "Content-Type: application/json\r\n") +
                    "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
        return client.read_answer();
    }
    static void expect_silence(const ClientAnswer& answer) {
        EXPECT_EQ(answer.status, 500);
        EXPECT_EQ(answer.body.find("hunter2"), std::string::npos) << answer.body;
        for (const auto& [name, value] : answer.headers) EXPECT_EQ(value.find("hunter2"), std::string::npos) << name;
    }

    std::vector<Route> routes_;
    Account ada_;
};

TEST_F(HandlerFaults, are_a_500_in_the_shape_of_the_family_without_their_text) {
    for (const auto handler : throwing) {
        break_route("GET", "/api/jobs/", handler);
        const auto answer = ask("GET", "/api/jobs/");
        expect_silence(answer);
        EXPECT_EQ(answer.header("Content-Type"), "application/problem+json");
        const auto json = parse_json(answer.body);
        ASSERT_TRUE(json.ok()) << answer.body;
        EXPECT_STREQ((*json)["title"].GetString(), "Internal Server Error");
        EXPECT_EQ((*json)["request_id"].GetString(), answer.header("X-Request-Id"));
        EXPECT_EQ(answer.header("Cache-Control"), "no-store");
    }
}

TEST_F(HandlerFaults, of_another_family_have_its_shape) {
    break_route("POST", "/api/login", throws_anything);
    const auto answer = ask("POST", "/api/login", R"({"username":"ada","password":"wrong horse"})");
    expect_silence(answer);
    Problem problem = make_problem(500, "");
    EXPECT_EQ(answer.header("Content-Type"), render_problem(Family::monitoring, problem, "").content_type);
}

TEST_F(HandlerFaults, are_counted_and_recorded) {
    break_route("POST", "/api/jobs/submit/", throws_exception);
    expect_silence(ask("POST", "/api/jobs/submit/", "{}"));
    const auto metrics = send("GET", "/metrics").body;
    EXPECT_NE(metrics.find("{method=\"POST\",route=\"/api/jobs/submit/\",status=\"500\"} 1"), std::string::npos);
    const auto give_up = std::chrono::steady_clock::now() + windlass::test::patience();
    while (audit_->written() == 0 && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
    const auto entries = audit_entries_->upwards(1, std::nullopt, 10);
    ASSERT_TRUE(entries.ok());
    ASSERT_EQ(entries->size(), 1U);
    EXPECT_EQ(entries->front().status, 500);
    EXPECT_EQ(entries->front().account, ada_.id);
    EXPECT_EQ(entries->front().detail.find("hunter2"), std::string::npos);
}

TEST_F(HandlerFaults, let_go_of_the_idempotency_key) {
    const std::string key = "Idempotency-Key: \"one\"\r\n";
    const std::string body = R"({"code":"","data":"","running_commands":"true"})";
    break_route("POST", "/api/jobs/submit/", throws_exception);
    expect_silence(ask("POST", "/api/jobs/submit/", body, key));
    auto whole = Server::make(*app_, routes());
    ASSERT_TRUE(whole.ok());
    server_ = std::move(whole).value();
    EXPECT_EQ(ask("POST", "/api/jobs/submit/", body, key).status, 200);
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
