#include "api/cors.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace windlass::api {
namespace {

const std::vector<std::string> listed{"https://lab.example"};

Request request_from(std::string_view method, std::string_view origin, std::string_view wanted = {}) {
    Request request;
    request.method = method;
    request.headers = {{"Host", "jobs.example"}};
    request.host = "jobs.example";
    if (!origin.empty()) request.headers.emplace_back("Origin", origin);
    if (!wanted.empty()) request.headers.emplace_back("Access-Control-Request-Method", wanted);
    return request;
}

std::string header(const Response& response, std::string_view name) {
    std::string out;
    for (const auto& [key, value] : response.headers) {
        if (key == name) out += out.empty() ? value : " and " + value;
    }
    return out;
}

bool says_anything(const Response& response) {
    return std::any_of(response.headers.begin(), response.headers.end(),
                       [](const auto& one) { return one.first.starts_with("Access-Control-"); });
}

TEST(Cors, a_preflight_of_a_listed_origin_learns_what_the_path_knows) {
    const auto request = request_from("OPTIONS", "https://lab.example", "DELETE");
    auto answer = answer_preflight(request, "GET, HEAD, DELETE", listed);
    ASSERT_TRUE(answer);
    add_cors_headers(*answer, request, listed);
    EXPECT_EQ(answer->status, 204);
    EXPECT_EQ(header(*answer, "Access-Control-Allow-Origin"), "https://lab.example");
    EXPECT_EQ(header(*answer, "Access-Control-Allow-Credentials"), "true");
    EXPECT_EQ(header(*answer, "Access-Control-Allow-Methods"), "GET, HEAD, DELETE");
    EXPECT_NE(header(*answer, "Access-Control-Allow-Headers").find("Authorization"), std::string::npos);
    EXPECT_EQ(header(*answer, "Access-Control-Max-Age"), "600");
    EXPECT_EQ(header(*answer, "Vary"), "Origin");
}

TEST(Cors, no_other_request_is_a_preflight) {
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "https://evil.example", "GET"), "GET", listed));
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "null", "GET"), "GET", listed));
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "", "GET"), "GET", listed));
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "https://lab.example"), "GET", listed));
    EXPECT_FALSE(answer_preflight(request_from("GET", "https://lab.example", "GET"), "GET", listed));
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "https://lab.example", "GET"), "", listed));
    EXPECT_FALSE(answer_preflight(request_from("OPTIONS", "https://lab.example", "GET"), "GET", {}));
}

TEST(Cors, an_answer_is_for_a_listed_origin_alone) {
    Response response;
    response.headers.emplace_back("Vary", "Accept");
    add_cors_headers(response, request_from("GET", "https://lab.example"), listed);
    EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "https://lab.example");
    EXPECT_EQ(header(response, "Access-Control-Allow-Credentials"), "true");
    EXPECT_NE(header(response, "Access-Control-Expose-Headers").find("Location"), std::string::npos);
    EXPECT_EQ(header(response, "Vary"), "Accept and Origin");
}

TEST(Cors, others_hear_nothing_of_it_but_caches_keep_them_apart) {
    for (const auto* origin :
         {"", "https://evil.example", "null", "https://lab.example.evil.example", "http://jobs.example"}) {
        Response response;
        add_cors_headers(response, request_from("GET", origin), listed);
        EXPECT_FALSE(says_anything(response)) << origin;
        EXPECT_EQ(header(response, "Vary"), "Origin") << origin;
    }
    Response response;
    add_cors_headers(response, request_from("GET", "https://lab.example"), {});
    EXPECT_TRUE(response.headers.empty());
}

}  // namespace
}  // namespace windlass::api
