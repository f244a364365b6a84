// What holds for every path: errors, roles, parameters, headers.
#include "api/server.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api_fixture.h"
#include "tests/support/exposition.h"

namespace windlass::api::test {
namespace {

class ServerTest : public ApiTest {};

TEST_F(ServerTest, an_unknown_path_is_404_in_the_shape_of_the_family) {
    const auto answer = send("GET", "/api/nothing/");
    EXPECT_EQ(answer.status, 404);
    EXPECT_EQ(answer.response.content_type, "application/problem+json");
    const auto json = answer.json();
    EXPECT_STREQ(json["title"].GetString(), "Not Found");
    EXPECT_EQ(json["status"].GetInt(), 404);
    EXPECT_STREQ(json["request_id"].GetString(), "test-1");
}

TEST_F(ServerTest, a_wrong_method_is_405_with_allow_before_any_credential_is_asked_for) {
    const auto answer = send("PUT", "/api/jobs/1/");
    EXPECT_EQ(answer.status, 405);
    EXPECT_EQ(answer.header("Allow"), "GET, HEAD, DELETE");
}

TEST_F(ServerTest, the_list_of_jobs_without_its_slash_belongs_to_another_family) {
    const auto ada = make_account("ada");
    EXPECT_TRUE(get("/api/jobs/", ada.token).json().IsArray());
    EXPECT_TRUE(get("/api/jobs", ada.token).json().HasMember("Jobs"));
}

TEST_F(ServerTest, without_a_credential_every_closed_route_is_401) {
    const std::pair<const char*, const char*> closed[] = {{"DELETE", "/api/users/delete/1/"},
                                                          {"GET", "/api/users/"},
                                                          {"POST", "/api/jobs/submit/"},
                                                          {"POST", "/api/jobs/submit/batch/"},
                                                          {"GET", "/api/jobs/getqueue/"},
                                                          {"GET", "/api/jobs/"},
                                                          {"GET", "/api/jobs/1/"},
                                                          {"DELETE", "/api/jobs/1/"},
                                                          {"GET", "/api/jobs/1/events/"},
                                                          {"GET", "/api/jobs/1/log/"},
                                                          {"GET", "/api/jobs/1/attempts/"},
                                                          {"GET", "/api/jobs/1/why/"},
                                                          {"GET", "/api/results/"},
                                                          {"GET", "/api/results/1/"},
                                                          {"GET", "/api/results/1/files/x"}};
    for (const auto& [method, path] : closed) {
        const auto answer = send(method, path);
        EXPECT_EQ(answer.status, 401) << method << " " << path;
        EXPECT_EQ(answer.header("WWW-Authenticate"), "Bearer");
    }
}

TEST_F(ServerTest, job_control_does_not_imply_user_but_admin_is_enough) {
    const auto robot = make_account("robot", Role::job_control);
    EXPECT_EQ(get("/api/jobs/", robot.token).status, 403);
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(get("/api/jobs/", boss.token).status, 200);
    const auto ada = make_account("ada");
    EXPECT_EQ(get("/api/users/", ada.token).status, 403);
    EXPECT_EQ(get("/api/users/", boss.token).status, 200);
}

TEST_F(ServerTest, unknown_and_repeated_parameters_are_refused_by_name) {
    const auto ada = make_account("ada");
    const auto unknown = get("/api/jobs/?limt=3", ada.token);
    EXPECT_EQ(unknown.status, 400);
    EXPECT_STREQ(unknown.json()["errors"][0]["pointer"].GetString(), "?limt");
    EXPECT_EQ(get("/api/jobs/?limit=3&limit=4", ada.token).status, 400);
    EXPECT_EQ(get("/api/users/?x=1", make_account("boss", Role::admin).token).status, 400);
}

TEST_F(ServerTest, every_answer_forbids_sniffing_and_storing) {
    const auto ada = make_account("ada");
    for (const auto& answer :
         {get("/api/jobs/", ada.token), send("GET", "/nothing"), send("GET", "/healthz"), send("GET", "/metrics")}) {
        EXPECT_EQ(answer.header("X-Content-Type-Options"), "nosniff");
        EXPECT_EQ(answer.header("Cache-Control"), "no-store");
    }
}

TEST_F(ServerTest, health_asks_for_nothing) {
    scheduler_->away = true;
    EXPECT_EQ(send("GET", "/healthz").status, 200);
    EXPECT_EQ(send("GET", "/healthz").body, "ok\n");
    EXPECT_EQ(send("HEAD", "/healthz").status, 200);
}

TEST_F(ServerTest, ready_says_what_is_missing) {
    EXPECT_EQ(send("GET", "/readyz").status, 200);
    scheduler_->away = true;
    const auto answer = send("GET", "/readyz");
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.header("Retry-After"), "1");
    EXPECT_STREQ(answer.json()["detail"].GetString(), "The scheduler is away.");
}

TEST_F(ServerTest, metrics_count_requests_and_show_the_schedulers_figures) {
    send("GET", "/healthz");
    send("GET", "/healthz");
    scheduler_->statistics_queued = 17;
    const auto text = send("GET", "/metrics").body;
    EXPECT_NE(text.find("windlass_http_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 2"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("windlass_jobs{state=\"queued\"} 17"), std::string::npos);
    EXPECT_NE(text.find("windlass_scheduler_up 1"), std::string::npos);
    EXPECT_NE(text.find("windlass_http_request_seconds_bucket{method=\"GET\",route=\"/healthz\""), std::string::npos);
}

TEST_F(ServerTest, metrics_are_what_prometheus_reads) {
    make_account("ada");  // which borrows a session
    send("GET", "/healthz");
    metrics_->set_front([] { return FrontStatistics{}; });
    metrics_->set_password_queue([] { return 0u; });
    metrics_->set_sessions(*pool_);
    const auto text = send("GET", "/metrics").body;
    const auto read = windlass::test::read_exposition(text);
    EXPECT_TRUE(read.faults.empty()) << read.faults.front();
    EXPECT_EQ(windlass::test::complaints_of_promtool(text), "");
    EXPECT_EQ(read.samples.at("windlass_database_sessions_limit"), 4);
    EXPECT_GE(read.samples.at("windlass_database_session_leases_total"), 1);
    EXPECT_TRUE(read.samples.contains("process_cpu_seconds_total"));
}

TEST_F(ServerTest, metrics_do_not_wait_for_a_scheduler_that_is_away_or_hangs) {
    scheduler_->away = true;
    EXPECT_NE(send("GET", "/metrics").body.find("windlass_scheduler_up 0"), std::string::npos);
    scheduler_->away = false;
    scheduler_->silent = true;
    const auto pending = begin("GET", "/metrics");
    const auto answer = reach_deadline(pending);
    EXPECT_EQ(answer.status, 200);
    EXPECT_NE(answer.body.find("windlass_scheduler_up 0"), std::string::npos);
}

TEST_F(ServerTest, pages_of_listed_sites_may_read_answers_and_others_may_not) {
    config_.api.allowed_origins = {"https://lab.example"};
    const auto ada = make_account("ada");
    const Headers listed = {{"Host", "jobs.example"}, {"Origin", "https://lab.example"}};
    const auto answer = send("GET", "/api/jobs/", {}, ada.token, listed);
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://lab.example");
    EXPECT_EQ(answer.header("Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(send("GET", "/api/jobs/", {}, {}, listed).header("Access-Control-Allow-Origin"), "https://lab.example")
        << "an error too: the page has to be able to read why";
    const Headers foreign = {{"Host", "jobs.example"}, {"Origin", "https://evil.example"}};
    const auto other = send("GET", "/api/jobs/", {}, ada.token, foreign);
    EXPECT_EQ(other.status, 200);
    EXPECT_EQ(other.header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(other.header("Vary"), "Origin");
}

TEST_F(ServerTest, a_preflight_is_answered_without_a_credential) {
    config_.api.allowed_origins = {"https://lab.example"};
    const Headers preflight = {{"Host", "jobs.example"},
                               {"Origin", "https://lab.example"},
                               {"Access-Control-Request-Method", "DELETE"},
                               {"Access-Control-Request-Headers", "authorization"}};
    const auto answer = send("OPTIONS", "/api/jobs/1/", {}, {}, preflight);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer.header("Access-Control-Allow-Methods"), "GET, HEAD, DELETE");
    EXPECT_EQ(answer.header("Access-Control-Allow-Origin"), "https://lab.example");
    const auto has = [&](const Answer& one, std::string_view name) {
        return std::count_if(one.response.headers.begin(), one.response.headers.end(),
                             [&](const auto& header) { return header.first == name; });
    };
    EXPECT_EQ(has(answer, "Access-Control-Allow-Origin"), 1);
    EXPECT_EQ(send("OPTIONS", "/api/nothing/", {}, {}, preflight).status, 404);
    EXPECT_EQ(send("OPTIONS", "/api/jobs/1/").status, 405);
    config_.api.allowed_origins.clear();
    EXPECT_EQ(send("OPTIONS", "/api/jobs/1/", {}, {}, preflight).status, 405);
}

TEST_F(ServerTest, what_the_front_refuses_looks_the_same) {
    const auto response = Server::render_error(413, "The body is too large.", "/api/jobs/submit/", "r-9");
    EXPECT_EQ(response.status, 413);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_NE(response.body.find("\"request_id\":\"r-9\""), std::string::npos);
    const auto overload = Server::render_error(503, "Too many connections.", "", "r-9");
    bool retry = false;
    for (const auto& [name, value] : overload.headers) retry = retry || (name == "Retry-After" && value == "1");
    EXPECT_TRUE(retry);
}

}  // namespace
}  // namespace windlass::api::test
