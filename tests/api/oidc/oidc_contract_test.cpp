// /auth/oauth/login and /auth/oauth/callback, with a provider that is played here; with a real one:
// tests/end_to_end/oidc_test.py.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"
#include "tests/api/oidc/played_provider.h"

namespace windlass::api::test {
namespace {

std::string parameter(const std::string& url, const std::string& name) {
    const auto begin = url.find(name + "=");
    if (begin == std::string::npos) return {};
    const auto value = url.substr(begin + name.size() + 1);
    return value.substr(0, value.find('&'));
}

std::string cookie_of(const Answer& answer, const std::string& name) {
    for (const auto& [header, value] : answer.response.headers)
        if (header == "Set-Cookie" && value.starts_with(name + "="))
            return value.substr(name.size() + 1, value.find(';') - name.size() - 1);
    return {};
}

class OpenIdConnect : public ApiTest {
  protected:
    OpenIdConnect() {
        provider.now_s = to_unix_us(clock_.now().wall) / 1'000'000;
        set_up({}, {"user"});
    }
    void set_up(const std::vector<std::string>& mapping, const std::vector<std::string>& defaults) {
        OidcSettings settings{
            .issuer = provider.issuer, .client_id = provider.client_id, .client_secret = "canary-secret"};
        settings.roles_claim = "roles";
        config_.api.oidc_issuer = provider.issuer;
        oidc_ = std::make_unique<Oidc>(std::move(settings), clock_, provider.fetch(), *pool_,
                                       *RoleMap::parse(mapping, defaults));
        build_app();
    }
    struct Begun {
        std::string state;
        std::string cookie;
        std::string location;
    };
    Begun begin_login(const std::string& query = {}) {
        const auto answer = get("/auth/oauth/login" + query, "");
        EXPECT_EQ(answer.status, 307) << answer.body;
        Begun begun{{}, cookie_of(answer, "oauth_session"), answer.header("Location")};
        begun.state = parameter(begun.location, "state");
        provider.nonce = parameter(begun.location, "nonce");
        return begun;
    }
    Answer come_back(const Begun& begun, const std::string& rest = "&code=the-code") {
        return send("GET", "/auth/oauth/callback?state=" + begun.state + rest, {}, {},
                    {{"Cookie", "oauth_session=" + begun.cookie}});
    }
    Answer log_in() { return come_back(begin_login()); }
    rapidjson::Document who_am_i(const Answer& login) {
        return send("GET", "/api/user/", {}, {}, {{"Cookie", "access_token=" + cookie_of(login, "access_token")}})
            .json();
    }
    PlayedProvider provider;
};

TEST_F(OpenIdConnect, a_login_goes_to_the_provider_with_state_nonce_and_pkce) {
    const auto answer = get("/auth/oauth/login", "");
    ASSERT_EQ(answer.status, 307) << answer.body;
    const auto location = answer.header("Location");
    EXPECT_TRUE(location.starts_with("https://login.example.org/auth?response_type=code&client_id=windlass&"))
        << location;
    EXPECT_EQ(parameter(location, "code_challenge_method"), "S256");
    EXPECT_EQ(parameter(location, "code_challenge").size(), 43U);
    EXPECT_EQ(parameter(location, "state").size(), 43U);
    EXPECT_EQ(parameter(location, "nonce").size(), 43U);
    std::string cookie;
    for (const auto& [name, value] : answer.response.headers)
        if (name == "Set-Cookie") cookie = value;
    EXPECT_EQ(cookie, "oauth_session=" + parameter(location, "state") +
                          "; Path=/auth/oauth/; Max-Age=600; HttpOnly; SameSite=Lax");
}

TEST_F(OpenIdConnect, who_was_never_here_gets_an_account_with_the_default_roles) {
    const auto answer = log_in();
    ASSERT_EQ(answer.status, 307) << answer.body;
    EXPECT_EQ(answer.header("Location"), "/");
    EXPECT_FALSE(cookie_of(answer, "refresh_token").empty());
    const auto me = who_am_i(answer);
    EXPECT_STREQ(me["email"].GetString(), "ada@example.org");
    EXPECT_STREQ(me["first_name"].GetString(), "Ada");
    const auto again = who_am_i(log_in());
    EXPECT_EQ(again["id"], me["id"]) << "the second time it is the same account";
}

TEST_F(OpenIdConnect, the_code_is_traded_with_the_verifier_and_the_secret_stays_with_us) {
    const auto answer = log_in();
    ASSERT_EQ(answer.status, 307);
    const auto& trade = provider.asked[1];
    EXPECT_EQ(trade.url, "https://login.example.org/token");
    EXPECT_NE(trade.form.find("code=the-code"), std::string::npos);
    EXPECT_NE(trade.form.find("code_verifier="), std::string::npos);
    EXPECT_EQ(trade.password, "canary-secret");
    EXPECT_EQ(trade.form.find("canary"), std::string::npos);
}

TEST_F(OpenIdConnect, a_state_is_good_once_for_ten_minutes_and_in_its_own_browser) {
    const auto begun = begin_login();
    auto elsewhere = begun;
    elsewhere.cookie = "another";
    EXPECT_EQ(come_back(elsewhere).status, 400);
    EXPECT_EQ(send("GET", "/auth/oauth/callback?state=" + begun.state + "&code=c").status, 400) << "no cookie";
    EXPECT_EQ(come_back(begun).status, 307);
    EXPECT_EQ(come_back(begun).status, 400) << "used before";
    const auto late = begin_login();
    clock_.advance(std::chrono::minutes{10});
    EXPECT_EQ(come_back(late).status, 400);
    EXPECT_EQ(get("/auth/oauth/callback", "").status, 400);
}

TEST_F(OpenIdConnect, what_the_provider_refuses_or_forges_is_400_and_nobody_comes_in) {
    EXPECT_EQ(come_back(begin_login(), "&error=access_denied&error_description=no").status, 400);
    EXPECT_EQ(come_back(begin_login(), "").status, 400) << "no code";
    EXPECT_EQ(come_back(begin_login(), "&code=c&iss=https%3A%2F%2Fevil.example.org").status, 400) << "RFC 9207";
    const auto forged = [&](const std::string& token) {
        const auto begun = begin_login();
        provider.token_answer = R"({"id_token":")" + token + R"("})";
        const auto answer = come_back(begun);
        provider.token_answer.clear();
        EXPECT_TRUE(cookie_of(answer, "access_token").empty());
        return answer.status;
    };
    EXPECT_EQ(forged(provider.unsigned_token(provider.claims())), 400);
    EXPECT_EQ(forged(provider.confused_token(provider.claims())), 400);
    EXPECT_EQ(forged(provider.sign(provider.claims(), "stranger")), 400);
    EXPECT_EQ(forged(provider.sign(provider.claims({{"iss", "\"https://evil.example.org\""}}))), 400);
    EXPECT_EQ(forged(provider.sign(provider.claims({{"aud", "\"other\""}}))), 400);
    EXPECT_EQ(forged(provider.sign(provider.claims({{"exp", "1"}}))), 400);
    EXPECT_EQ(forged(provider.sign(provider.claims({{"nonce", "\"of another login\""}}))), 400);
    provider.token_status = 400;
    EXPECT_EQ(come_back(begin_login()).status, 400) << "a code that was used before";
}

TEST_F(OpenIdConnect, a_provider_that_is_away_or_speaks_for_another_is_503) {
    provider.spoken_issuer = "https://other.example.org";
    EXPECT_EQ(get("/auth/oauth/login", "").status, 503);
    provider.spoken_issuer = provider.issuer;
    provider.away = true;
    const auto answer = get("/auth/oauth/login", "");
    EXPECT_EQ(answer.status, 503);
    EXPECT_FALSE(answer.header("Retry-After").empty());
    EXPECT_EQ(answer.body.find("refused"), std::string::npos) << "what went wrong is for the log";
}

TEST_F(OpenIdConnect, when_the_keys_could_not_be_had_the_next_login_asks_for_them_again) {
    provider.broken = "/keys";
    EXPECT_EQ(log_in().status, 503);
    provider.broken.clear();
    EXPECT_EQ(log_in().status, 307) << "at the same moment of the clock";
}

TEST_F(OpenIdConnect, keys_that_are_rotated_are_fetched_when_a_token_names_one_and_seldom) {
    ASSERT_EQ(log_in().status, 307);
    ASSERT_EQ(log_in().status, 307);
    EXPECT_EQ(provider.asked_for("/keys"), 1U) << "they are kept";
    provider.rotate("-2");
    EXPECT_EQ(log_in().status, 307) << "at the same moment of the clock";
    EXPECT_EQ(provider.asked_for("/keys"), 2U);
    const auto begun = begin_login();
    provider.token_answer = R"({"id_token":")" + provider.sign(provider.claims(), "rsa") + R"("})";
    EXPECT_EQ(come_back(begun).status, 400) << "the key of before is not one of the provider's any more";
    for (int i = 0; i < 20; ++i) {
        const auto next = begin_login();
        provider.token_answer = R"({"id_token":")" +
                                provider.sign(provider.claims(), "stranger", "RS256", "k" + std::to_string(i)) +
                                R"("})";
        EXPECT_EQ(come_back(next).status, 400);
    }
    EXPECT_EQ(provider.asked_for("/keys"), 5U);
    provider.token_answer.clear();
    EXPECT_EQ(log_in().status, 307);
    provider.rotate("-3");
    EXPECT_EQ(log_in().status, 400);
    clock_.advance(std::chrono::minutes{5});
    EXPECT_EQ(log_in().status, 307);
}

TEST_F(OpenIdConnect, a_token_that_names_no_key_may_be_signed_by_a_new_one) {
    ASSERT_EQ(log_in().status, 307);
    provider.rotate("-2");
    const auto begun = begin_login();
    provider.token_answer =
        R"({"id_token":")" + provider.sign(provider.claims(), "rsa-2", "RS256", PlayedProvider::no_kid) + R"("})";
    EXPECT_EQ(come_back(begun).status, 307);
}

TEST_F(OpenIdConnect, what_the_token_does_not_say_is_asked_of_userinfo) {
    set_up({"staff=user", "cluster-admins=admin"}, {});
    const auto with = [&](const PlayedProvider::Members& changes) {
        const auto begun = begin_login();
        provider.token_answer =
            R"({"access_token":"canary-access","id_token":")" + provider.sign(provider.claims(changes)) + R"("})";
        return come_back(begun);
    };
    provider.userinfo = R"({"sub":"1234","preferred_username":"countess","email":"c@example.org",)"
                        R"("email_verified":false,"name":"Augusta Ada","roles":["cluster-admins"]})";
    const auto me = who_am_i(with({{"preferred_username", ""}, {"email", ""}, {"name", ""}}));
    EXPECT_STREQ(me["username"].GetString(), "countess");
    EXPECT_STREQ(me["first_name"].GetString(), "Augusta");
    EXPECT_STRNE(me["email"].GetString(), "c@example.org") << "not verified";
    EXPECT_STREQ(me["roles"][0].GetString(), "admin");
    EXPECT_EQ(provider.asked.back().url, provider.issuer + "/me");
    EXPECT_EQ(provider.asked.back().bearer, "canary-access");
    EXPECT_EQ(provider.asked_for("/me"), 1U);
    // What the token says counts, and who is complete costs no question.
    EXPECT_EQ(with({{"roles", R"(["staff"])"}}).status, 307);
    EXPECT_EQ(provider.asked_for("/me"), 1U);
    const auto again = who_am_i(with({{"roles", R"(["staff"])"}, {"preferred_username", ""}}));
    EXPECT_EQ(again["roles"].Size(), 1U);
    EXPECT_STREQ(again["roles"][0].GetString(), "user");
    EXPECT_EQ(provider.asked_for("/me"), 2U);
}

TEST_F(OpenIdConnect, userinfo_of_somebody_else_or_none_lets_nobody_in) {
    set_up({"staff=user"}, {});
    const auto with = [&](const std::string& userinfo) {
        provider.userinfo = userinfo;
        const auto begun = begin_login();
        provider.token_answer =
            R"({"access_token":"canary-access","id_token":")" + provider.sign(provider.claims()) + R"("})";
        const auto answer = come_back(begun);
        EXPECT_TRUE(answer.status == 307 || cookie_of(answer, "access_token").empty());
        EXPECT_EQ(answer.body.find("canary"), std::string::npos);
        return answer.status;
    };
    EXPECT_EQ(with(R"({"sub":"1235","roles":["staff"]})"), 400);
    EXPECT_EQ(with(R"({"roles":["staff"]})"), 400);
    EXPECT_EQ(with("[]"), 503);
    EXPECT_EQ(with("no JSON"), 503);
    provider.broken = "/me";
    EXPECT_EQ(with(R"({"sub":"1234","roles":["staff"]})"), 503);
    provider.broken.clear();
    EXPECT_EQ(with(R"({"sub":"1234","roles":["staff"]})"), 307);
}

TEST_F(OpenIdConnect, a_provider_that_refuses_us_is_told_apart_from_a_code_that_is_not_good) {
    const auto answered = [&](int status, const std::string& body) {
        const auto begun = begin_login();
        provider.token_status = status;
        provider.token_answer = body;
        const auto answer = come_back(begun);
        EXPECT_EQ(answer.status, 400);
        return answer.body;
    };
    const auto of_code = answered(400, R"({"error":"invalid_grant"})");
    EXPECT_NE(of_code.find("this code"), std::string::npos) << of_code;
    EXPECT_EQ(answered(400, "no JSON"), of_code);
    const auto of_us = answered(401, R"({"error":"invalid_client"})");
    EXPECT_NE(of_us.find("does not know this server"), std::string::npos) << of_us;
    EXPECT_EQ(answered(400, R"({"error":"unauthorized_client"})"), of_us);
    EXPECT_EQ(answered(401, "no JSON"), of_us);
}

TEST_F(OpenIdConnect, roles_follow_the_claims_at_every_login_where_the_site_maps_them) {
    set_up({"staff=user", "cluster-admins=admin"}, {});
    const auto roles_with = [&](const std::string& claim) {
        const auto begun = begin_login();
        provider.token_answer = R"({"id_token":")" + provider.sign(provider.claims({{"roles", claim}})) + R"("})";
        const auto answer = come_back(begun);
        EXPECT_EQ(answer.status, 307) << answer.body;
        const auto me = who_am_i(answer);
        std::string names;
        for (const auto& role : me["roles"].GetArray()) names += std::string(role.GetString()) + " ";
        return names;
    };
    EXPECT_EQ(roles_with(R"(["staff","cluster-admins"])"), "user admin ");
    EXPECT_EQ(roles_with(R"("staff")"), "user ") << "taken away at the provider, taken away here";
    EXPECT_EQ(roles_with("[]"), "");
}

TEST_F(OpenIdConnect, an_address_or_name_that_is_somebodys_here_stays_theirs) {
    const auto ada = make_account("ada");
    execute("update account set email = 'ada@example.org', email_key = 'ada@example.org' where id = " + ada.id.text());
    const auto me = who_am_i(log_in());
    EXPECT_NE(std::string(me["id"].IsString() ? me["id"].GetString() : std::to_string(me["id"].GetInt64())),
              ada.id.text());
    EXPECT_STRNE(me["email"].GetString(), "ada@example.org");
}

TEST_F(OpenIdConnect, a_disabled_account_stays_out) {
    ASSERT_EQ(log_in().status, 307);
    execute("update account set disabled_us = 1 where username_key = 'ada'");
    EXPECT_EQ(log_in().status, 400);
}

TEST_F(OpenIdConnect, afterwards_it_goes_on_to_a_page_of_ours_and_nowhere_else) {
    const auto to = [&](const std::string& wanted) {
        return come_back(begin_login("?return_to=" + wanted)).header("Location");
    };
    EXPECT_EQ(to("/jobs/7"), "/jobs/7");
    for (const char* elsewhere : {"https://evil.example.org/", "//evil.example.org", "/\\evil.example.org",
                                  "%2f%2fevil", "jobs", "/a%0d%0aSet-Cookie:x=y", "javascript:alert(1)"})
        EXPECT_EQ(to(elsewhere), "/") << elsewhere;
}

TEST_F(OpenIdConnect, without_a_provider_it_is_not_available) {
    oidc_.reset();
    build_app();
    const auto answer = get("/auth/oauth/login", "");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, "OAuth login not available");
    EXPECT_EQ(answer.response.content_type, "text/plain; charset=utf-8");
}

TEST(RoleMap, faults_of_the_configuration_are_named) {
    EXPECT_EQ(RoleMap::parse({"staff"}, {}).error().message,
              "api.oidc_roles: \"staff\" is not VALUE=ROLE, e.g. staff=user");
    EXPECT_EQ(RoleMap::parse({"staff=root"}, {}).error().message,
              "api.oidc_roles: \"root\" is no role; the roles are user, job-control and admin");
    EXPECT_FALSE(RoleMap::parse({}, {"boss"}));
}

}  // namespace
}  // namespace windlass::api::test
