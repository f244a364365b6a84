#include "api/front/origin.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::string> listed{"https://lab.example", "http://127.0.0.1:8081"};

// As the front fills it in.
Request request_with(Headers headers, bool secure = false) {
    Request request;
    request.headers = std::move(headers);
    request.secure = secure;
    request.scheme = secure ? "https" : "http";
    request.host = request.header("Host");
    return request;
}

std::string kind_of(Headers headers, bool secure = false) {
    const Request request = request_with(std::move(headers), secure);
    switch (origin_of(request, listed)) {
        case OriginKind::absent:
            return "absent";
        case OriginKind::same:
            return "same";
        case OriginKind::listed:
            return "listed";
        case OriginKind::foreign:
            return "foreign";
    }
    return "?";
}

bool allowed(Headers headers) {
    return origin_allowed(request_with(std::move(headers)), listed);
}

TEST(Origin, is_our_own_when_it_names_the_host_that_was_asked) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "http://jobs.example"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "Jobs.Example:8080"}, {"Origin", "http://jobs.example:8080"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example:80"}, {"Origin", "http://jobs.example"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "[::1]:8080"}, {"Origin", "http://[::1]:8080"}}), "same");
}

TEST(Origin, of_an_unencrypted_page_is_not_our_own_when_we_speak_tls) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://jobs.example"}}, true), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example:443"}, {"Origin", "https://jobs.example"}}, true), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "http://jobs.example"}}, true), "foreign");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://jobs.example"}}), "foreign");
}

TEST(Origin, is_foreign_in_every_other_form) {
    const std::pair<std::string, std::string> host{"Host", "jobs.example"};
    for (const std::string origin :
         {"http://jobs.example:81", "http://evil.example", "http://jobs.example.evil.example", "http://xjobs.example",
          "null", "", "*", "jobs.example", "http://", "ftp://jobs.example", "http://jobs.example/",
          "http://jobs.example@evil.example", "https://lab.example:444", "https://LAB.example", "http://lab.example"}) {
        EXPECT_EQ(kind_of({host, {"Origin", origin}}), "foreign") << origin;
    }
    EXPECT_EQ(kind_of({host, {"Origin", "http://jobs.example"}, {"Origin", "http://evil.example"}}), "foreign");
    EXPECT_EQ(kind_of({{"Origin", "http://jobs.example"}}), "foreign");
}

TEST(Origin, is_listed_exactly_as_written) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://lab.example"}}), "listed");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"origin", "http://127.0.0.1:8081"}}), "listed");
}

TEST(Origin, may_be_absent_unless_only_a_cookie_speaks_for_the_client) {
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}, {"Cookie", "a=b"}}));
    EXPECT_FALSE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}, {"Origin", "http://jobs.example"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}, {"Origin", "https://lab.example"}}));
    EXPECT_FALSE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}, {"Origin", "http://evil.example"}}));
}

TEST(Origin, the_list_is_checked_at_the_start) {
    EXPECT_TRUE(check_origins({}).ok());
    EXPECT_TRUE(check_origins({"https://lab.example", "http://[::1]:8080", "http://127.0.0.1:8081"}).ok());
    for (const std::string wrong :
         {"*", "null", "", "lab.example", "https://lab.example/", "https://*.example", "https://Lab.example",
          "https://lab.example:443", "https://a@b", "ftp://x", "https://lab.example, https://other.example"}) {
        const auto checked = check_origins({"https://good.example", wrong});
        ASSERT_FALSE(checked.ok()) << wrong;
        EXPECT_NE(checked.error().message.find("'" + wrong + "'"), std::string::npos) << checked.error().message;
    }
}

}  // namespace
}  // namespace windlass::api
