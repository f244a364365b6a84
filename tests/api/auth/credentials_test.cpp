#include "api/auth/credentials.h"

#include <gtest/gtest.h>

#include "api/auth/jwt.h"
#include "shared/digest.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

using Place = PresentedCredential::Place;

Request request_with(std::vector<std::pair<std::string, std::string>> headers, std::string method = "GET") {
    Request request;
    request.method = std::move(method);
    request.headers = std::move(headers);
    return request;
}

TEST(PresentedCredential, is_found_in_every_place_that_is_documented) {
    const std::pair<std::pair<std::string, std::string>, Place> good[] = {
        {{"Authorization", "Bearer abc"}, Place::header},
        {{"authorization", "bearer abc"}, Place::header},
        {{"AUTHORIZATION", "TOKEN abc"}, Place::header},
        {{"Authorization", "Token   abc"}, Place::header},
        {{"Cookie", "Authorization=Bearer abc"}, Place::cookie},
        {{"Cookie", "Authorization=\"Bearer abc\""}, Place::cookie},
        {{"Cookie", "Authorization=Bearer%20abc"}, Place::cookie},
        {{"Cookie", "x=1; access_token=abc; y=2"}, Place::cookie},
        {{"Cookie", "access_token=\"abc\""}, Place::cookie},
    };
    for (const auto& [header, place] : good) {
        const Request request = request_with({header});
        const auto presented = presented_credential(request);
        EXPECT_EQ(presented.place, place) << header.second;
        EXPECT_EQ(presented.token, "abc") << header.second;
    }
}

TEST(PresentedCredential, what_cannot_be_a_token_is_presented_all_the_same) {
    for (const char* value :
         {"Basic YTpi", "Bearer", "Bearer ", "abc", "Bearerabc", "Bearer a b", "Bearer a\"b", "Bearer \xff"}) {
        const Request request = request_with({{"Authorization", value}, {"Cookie", "access_token=good"}});
        const auto presented = presented_credential(request);
        EXPECT_EQ(presented.place, Place::header) << value << ": no fall-through to the cookie";
        EXPECT_EQ(presented.token, "") << value;
    }
}

TEST(PresentedCredential, the_readable_claims_are_stepped_over) {
    const std::string claims = "Authorization=\"Bearer " + make_readable_claims("ada", Role::user, WallTime{}) + "\"";
    EXPECT_EQ(presented_credential(request_with({{"Cookie", claims}})).place, Place::none);
    EXPECT_EQ(presented_credential(request_with({{"Cookie", claims + "; access_token=third"}})).token, "third");
    EXPECT_EQ(presented_credential(request_with({{"Cookie", claims + "; refresh_token=fourth"}})).refresh, "fourth");
    const Request header =
        request_with({{"Authorization", "Bearer " + make_readable_claims("ada", Role::user, WallTime{})},
                      {"Cookie", "access_token=x"}});
    EXPECT_EQ(presented_credential(header).place, Place::header) << "only in the cookie of that name";
}

TEST(PresentedCredential, a_refresh_token_counts_only_beside_an_access_token_that_could_be_one) {
    EXPECT_EQ(presented_credential(request_with({{"Cookie", "refresh_token=r"}})).refresh, "r");
    EXPECT_EQ(presented_credential(request_with({{"Cookie", "access_token=a; refresh_token=r"}})).refresh, "r");
    EXPECT_EQ(presented_credential(request_with({{"Cookie", "access_token=a b; refresh_token=r"}})).refresh, "");
    EXPECT_EQ(presented_credential(request_with({{"Cookie", "Authorization=Bearer a; refresh_token=r"}})).refresh, "");
    const Request header = request_with({{"Authorization", "Bearer a"}, {"Cookie", "refresh_token=r"}});
    EXPECT_EQ(presented_credential(header).refresh, "");
}

TEST(PresentedCredential, the_first_place_decides) {
    const Request both = request_with(
        {{"Cookie", "access_token=third; Authorization=Bearer second"}, {"Authorization", "Bearer first"}});
    EXPECT_EQ(presented_credential(both).token, "first");
    const Request cookies = request_with({{"Cookie", "access_token=third; Authorization=Bearer second"}});
    EXPECT_EQ(presented_credential(cookies).token, "second");
    EXPECT_EQ(presented_credential(request_with({})).place, Place::none);
    EXPECT_EQ(presented_credential(request_with({{"Cookie", "Authorization=; access_token="}})).place, Place::none)
        << "cookies cleared by a log-out";
}

TEST(SameOrigin, follows_what_the_browser_says) {
    const auto same = [](std::vector<std::pair<std::string, std::string>> headers) {
        headers.emplace_back("Host", "windlass.example:8080");
        return is_same_origin(request_with(std::move(headers), "POST"));
    };
    EXPECT_TRUE(same({{"Sec-Fetch-Site", "same-origin"}}));
    EXPECT_TRUE(same({{"Sec-Fetch-Site", "none"}}));
    EXPECT_FALSE(same({{"Sec-Fetch-Site", "same-site"}}));
    EXPECT_FALSE(same({{"Sec-Fetch-Site", "cross-site"}}));
    EXPECT_FALSE(same({{"Sec-Fetch-Site", "cross-site"}, {"Origin", "http://windlass.example:8080"}}));
    EXPECT_TRUE(same({{"Origin", "http://windlass.example:8080"}}));
    EXPECT_FALSE(same({{"Origin", "http://windlass.example"}}));
    EXPECT_FALSE(same({{"Origin", "http://evil.example"}}));
    EXPECT_FALSE(same({{"Origin", "null"}}));
    EXPECT_FALSE(same({}));
}

class CredentialsTest : public ApiTest {};

TEST_F(CredentialsTest, a_good_token_is_its_account) {
    const auto ada = make_account("ada");
    const auto principal = credentials_->require(request_with({{"Authorization", "Bearer " + ada.token}}));
    ASSERT_TRUE(principal);
    EXPECT_EQ(principal.value().id, ada.id);
    EXPECT_TRUE(principal.value().roles.has(Role::user));
    EXPECT_FALSE(principal.value().is_admin());
}

TEST_F(CredentialsTest, an_invalid_one_is_401_even_if_a_good_one_follows) {
    const auto ada = make_account("ada");
    const Request request =
        request_with({{"Authorization", "Bearer " + random_token()}, {"Cookie", "access_token=" + ada.token}});
    const auto principal = credentials_->require(request);
    ASSERT_FALSE(principal);
    EXPECT_EQ(principal.error().status, 401);
}

TEST_F(CredentialsTest, an_expired_one_is_401_also_while_it_is_remembered) {
    const auto ada = make_account("ada");
    const std::string token = random_token();
    const WallTime now = clock_.now().wall;
    ASSERT_TRUE(tokens_->add({token, ada.id, "s", now + Milliseconds{300}}, now));
    const Request request = request_with({{"Authorization", "Bearer " + token}});
    EXPECT_TRUE(credentials_->require(request));
    clock_.advance(Milliseconds{301});
    EXPECT_FALSE(credentials_->require(request));
}

TEST_F(CredentialsTest, what_was_revoked_here_is_gone_at_once) {
    const auto ada = make_account("ada");
    const Request request = request_with({{"Authorization", "Bearer " + ada.token}});
    ASSERT_TRUE(credentials_->require(request));
    ASSERT_TRUE(accounts_->remove(ada.id, clock_.now().wall));
    EXPECT_TRUE(credentials_->require(request)) << "remembered, for a second";
    credentials_->forget(ada.id);
    EXPECT_FALSE(credentials_->require(request));
}

TEST_F(CredentialsTest, what_was_revoked_elsewhere_is_gone_after_a_second) {
    const auto ada = make_account("ada");
    const Request request = request_with({{"Authorization", "Bearer " + ada.token}});
    ASSERT_TRUE(credentials_->require(request));
    ASSERT_TRUE(accounts_->remove(ada.id, clock_.now().wall));
    clock_.advance(Milliseconds{1001});
    EXPECT_FALSE(credentials_->require(request));
}

TEST_F(CredentialsTest, a_cookie_alone_changes_nothing_for_a_foreign_page) {
    const auto ada = make_account("ada");
    const std::pair<std::string, std::string> cookie = {"Cookie", "access_token=" + ada.token};
    EXPECT_TRUE(credentials_->require(request_with({cookie}, "GET")));
    EXPECT_EQ(credentials_->require(request_with({cookie}, "POST")).error().status, 403);
    EXPECT_EQ(credentials_->require(request_with({cookie, {"Sec-Fetch-Site", "cross-site"}}, "DELETE")).error().status,
              403);
    EXPECT_TRUE(credentials_->require(request_with({cookie, {"Sec-Fetch-Site", "same-origin"}}, "POST")));
    EXPECT_TRUE(credentials_->require(
        request_with({{"Authorization", "Bearer " + ada.token}, {"Sec-Fetch-Site", "cross-site"}}, "POST")));
}

TEST_F(CredentialsTest, tables_hold_no_usable_token) {
    const auto ada = make_account("ada");
    auto session = pool_->lease();
    const auto rows = (*session)->query("select token_hash from api_token");
    ASSERT_TRUE(rows);
    for (const Row& row : *rows) {
        EXPECT_NE(row.text(0), ada.token);
        EXPECT_FALSE(credentials_->require(request_with({{"Authorization", "Bearer " + row.text(0)}})));
    }
}

}  // namespace
}  // namespace windlass::api::test
