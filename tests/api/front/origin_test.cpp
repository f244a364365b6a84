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

TEST(Origin, IsOurOwnWhenItNamesTheHostThatWasAsked) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "http://jobs.example"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "Jobs.Example:8080"}, {"Origin", "http://jobs.example:8080"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example:80"}, {"Origin", "http://jobs.example"}}), "same");
    EXPECT_EQ(kind_of({{"Host", "[::1]:8080"}, {"Origin", "http://[::1]:8080"}}), "same");
}

TEST(Origin, OfAnUnencryptedPageIsNotOurOwnWhenWeSpeakTls) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://jobs.example"}}, true), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example:443"}, {"Origin", "https://jobs.example"}}, true), "same");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "http://jobs.example"}}, true), "foreign");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://jobs.example"}}), "foreign");
}

TEST(Origin, IsForeignInEveryOtherForm) {
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

TEST(Origin, IsListedExactlyAsWritten) {
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"Origin", "https://lab.example"}}), "listed");
    EXPECT_EQ(kind_of({{"Host", "jobs.example"}, {"origin", "http://127.0.0.1:8081"}}), "listed");
}

TEST(Origin, MayBeAbsentUnlessOnlyACookieSpeaksForTheClient) {
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}, {"Cookie", "a=b"}}));
    EXPECT_FALSE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}, {"Origin", "http://jobs.example"}}));
    EXPECT_TRUE(allowed({{"Host", "jobs.example"}, {"Cookie", "access_token=x"}, {"Origin", "https://lab.example"}}));
    EXPECT_FALSE(allowed({{"Host", "jobs.example"}, {"Authorization", "Bearer x"}, {"Origin", "http://evil.example"}}));
}

TEST(Origin, TheListIsCheckedAtTheStart) {
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
