#include "api/courses/service_headers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace windlass::api {
namespace {

const JobId job{42};

std::string header(const HeaderList& list, std::string_view name) {
    for (const auto& [key, value] : list)
        if (key == name) return value;
    return {};
}
std::vector<std::string> all(const HeaderList& list, std::string_view name) {
    std::vector<std::string> out;
    for (const auto& [key, value] : list)
        if (key == name) out.push_back(value);
    return out;
}

Request request_with(HeaderList headers) {
    Request request;
    request.method = "GET";
    request.host = "site.example:8080";
    request.remote_address = "192.0.2.9";
    request.headers = std::move(headers);
    return request;
}

TEST(ServiceHeaders, no_credential_of_ours_reaches_a_service) {
    const auto head = request_head(request_with({{"Authorization", "Bearer secret-1"},
                                                 {"authorization", "Token secret-2"},
                                                 {"Proxy-Authorization", "Basic secret-3"},
                                                 {"Cookie",
                                                  "access_token=secret-4; service-42-sid=mine; "
                                                  "Authorization=\"Bearer secret-5\"; service-43-sid=other"},
                                                 {"Cookie", "refresh_token=secret-6"},
                                                 {"X-Forwarded-For", "6.6.6.6"},
                                                 {"x-forwarded-user", "root"},
                                                 {"Forwarded", "for=6.6.6.6"},
                                                 {"Connection", "keep-alive, X-Hop"},
                                                 {"X-Hop", "1"},
                                                 {"Accept", "text/html"}}),
                                   job, "/lab?x=1", "ada");
    EXPECT_EQ(head.find("secret"), std::string::npos) << head;
    EXPECT_EQ(head.find("6.6.6.6"), std::string::npos) << head;
    EXPECT_EQ(head.find("root"), std::string::npos) << head;
    EXPECT_EQ(head.find("X-Hop"), std::string::npos) << head;
    EXPECT_EQ(head.find("other"), std::string::npos) << head;
    EXPECT_TRUE(head.starts_with("GET /lab?x=1 HTTP/1.1\r\nHost: site.example:8080\r\n")) << head;
    EXPECT_NE(head.find("Cookie: sid=mine\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("Accept: text/html\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Forwarded-For: 192.0.2.9\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Forwarded-Prefix: /v1/service/42\r\n"), std::string::npos) << head;
    EXPECT_NE(head.find("X-Forwarded-User: ada\r\n"), std::string::npos) << head;
    EXPECT_TRUE(head.ends_with("Connection: close\r\n\r\n")) << head;
}

TEST(ServiceHeaders, cookies_of_a_service_are_confined_to_its_own_name_and_path) {
    const auto cookies = all(answer_headers({{"Set-Cookie", "sid=1; Path=/; Domain=example; HttpOnly; Max-Age=5"},
                                             {"Set-Cookie", "access_token=evil; Path=/"},
                                             {"Set-Cookie", "=access_token=evil"},
                                             {"Set-Cookie", "no equals"},
                                             {"Set-Cookie2", "old=1"}},
                                            job),
                             "Set-Cookie");
    ASSERT_EQ(cookies.size(), 2U);
    EXPECT_EQ(cookies[0], "service-42-sid=1; HttpOnly; Max-Age=5; Path=/v1/service/42/");
    EXPECT_EQ(cookies[1], "service-42-access_token=evil; Path=/v1/service/42/");
}

TEST(ServiceHeaders, what_speaks_for_the_whole_address_is_left_out) {
    const auto headers = answer_headers({{"Content-Security-Policy", "default-src *"},
                                         {"Service-Worker-Allowed", "/"},
                                         {"Clear-Site-Data", "\"*\""},
                                         {"Alt-Svc", "h2=\"evil:443\""},
                                         {"Access-Control-Allow-Origin", "https://evil.example"},
                                         {"Access-Control-Allow-Credentials", "true"},
                                         {"WWW-Authenticate", "Basic realm=windlass"},
                                         {"Transfer-Encoding", "chunked"},
                                         {"Content-Type", "text/html"},
                                         {"ETag", "\"1\""}},
                                        job);
    for (const char* gone : {"Service-Worker-Allowed", "Clear-Site-Data", "Alt-Svc", "Access-Control-Allow-Origin",
                             "Access-Control-Allow-Credentials", "WWW-Authenticate", "Transfer-Encoding"})
        EXPECT_EQ(header(headers, gone), "") << gone;
    EXPECT_EQ(all(headers, "Content-Security-Policy"), std::vector{std::string(content_policy)});
    EXPECT_EQ(content_policy.find("allow-same-origin"), std::string_view::npos);
    EXPECT_EQ(header(headers, "ETag"), "\"1\"");
    EXPECT_EQ(header(headers, "Content-Type"), "text/html");
}

TEST(ServiceHeaders, a_place_of_the_service_stays_below_its_prefix) {
    EXPECT_EQ(header(answer_headers({{"Location", "/lab"}}, job), "Location"), "/v1/service/42/lab");
    EXPECT_EQ(header(answer_headers({{"Location", "//other.example/"}}, job), "Location"), "//other.example/");
    EXPECT_EQ(header(answer_headers({{"Location", "next"}}, job), "Location"), "next");
    EXPECT_EQ(inner_target("/v1/service/42/a%2Fb?c=%20", job), "/a%2Fb?c=%20");
    EXPECT_EQ(inner_target("/v1/service/42", job), "/");
    EXPECT_EQ(inner_target("/v1/service/42?x", job), "/?x");
    EXPECT_EQ(inner_target("/v1/service/421/", job), "");
    EXPECT_EQ(inner_target("/v1/%73ervice/42/", job), "");
}

}  // namespace
}  // namespace windlass::api
