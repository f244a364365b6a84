#include "api/problem.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "shared/json.h"

namespace windlass::api {
namespace {

std::string header(const Response& response, std::string_view name) {
    const auto found =
        std::find_if(response.headers.begin(), response.headers.end(), [&](const auto& h) { return h.first == name; });
    return found == response.headers.end() ? "" : found->second;
}

TEST(Problem, looks_as_rfc_9457_wants_it) {
    const auto response = problem_response(bad_field("/limits/cpus", "must be a number"), "r-7");
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.content_type, "application/problem+json");
    EXPECT_EQ(response.body,
              R"({"type":"about:blank","title":"Bad Request","status":400,"detail":"must be a number",)"
              R"("errors":[{"pointer":"/limits/cpus","detail":"must be a number"}],"request_id":"r-7"})");
}

TEST(Problem, each_kind_of_error_has_its_status) {
    const std::pair<ErrorKind, int> table[] = {{ErrorKind::invalid, 400},     {ErrorKind::not_found, 404},
                                               {ErrorKind::conflict, 409},    {ErrorKind::denied, 403},
                                               {ErrorKind::unavailable, 503}, {ErrorKind::stale, 500},
                                               {ErrorKind::internal, 500}};
    for (const auto& [kind, status] : table)
        EXPECT_EQ(problem_of(make_error(kind, "x")).status, status) << static_cast<int>(kind);
}

TEST(Problem, our_own_faults_go_to_the_log_and_not_to_the_client) {
    const auto problem = problem_of(make_error(ErrorKind::internal, "table credential has no column x"));
    EXPECT_EQ(problem_response(problem, "r").body.find("credential"), std::string::npos);
    EXPECT_EQ(problem.log_only, "table credential has no column x");
}

TEST(Problem, later_says_when_and_unauthorized_says_how) {
    EXPECT_EQ(header(problem_response(try_again_later("x", 5), "r"), "Retry-After"), "5");
    EXPECT_EQ(header(problem_response(problem_of(make_error(ErrorKind::unavailable, "x")), "r"), "Retry-After"), "1");
    EXPECT_EQ(header(problem_response(make_problem(401, "x"), "r"), "WWW-Authenticate"), "Bearer");
}

TEST(Problem, is_json_whatever_the_client_sent) {
    const auto response = problem_response(bad_field("/\xff\"\\", "bad \xc3 \"quoted\""), "r");
    EXPECT_TRUE(parse_json(response.body)) << response.body;
}

}  // namespace
}  // namespace windlass::api
