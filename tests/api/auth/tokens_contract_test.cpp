// /api/tokens/, /api/sessions/ and /api/generateAPIKey.
#include <gtest/gtest.h>

#include "api/auth/api_token.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Tokens : public ApiTest {
  protected:
    Answer create(const std::string& token, const std::string& members = "") {
        return send("POST", "/api/tokens/", R"({"label":"laptop")" + members + "}", token);
    }
    std::string secret(const Answer& answer) {
        EXPECT_EQ(answer.status, 201) << answer.body;
        return answer.status == 201 ? answer.json()["token"].GetString() : "";
    }
    // A session, as a login would open it.
    std::string session_of(const Account& account, const std::string& id) {
        const WallTime now = clock_.now().wall;
        EXPECT_TRUE(
            sessions_->open({id, account.id, "hash of " + id, now + Seconds{86'400}, "192.0.2.9", "Firefox"}, now));
        return credentials_->issue(sessions_->live(id, now).value().value()).token;
    }
};

TEST_F(Tokens, are_told_once_and_listed_by_what_they_look_like) {
    const auto ada = make_account("ada");
    const auto made =
        create(ada.token, R"(,"expires_in_s":3600,"scopes":["jobs:read","account:read"],"roles":["user"])");
    const auto token = secret(made);
    EXPECT_TRUE(token.starts_with("wl_"));
    EXPECT_TRUE(may_be_api_token(token));
    EXPECT_EQ(made.header("Location"), "/api/tokens/" + made.id() + "/");
    const auto list = get("/api/tokens/", token).json();
    ASSERT_EQ(list.Size(), 2u);
    EXPECT_EQ(list[0]["id"].GetString(), made.id());
    EXPECT_FALSE(list[0].HasMember("token"));
    EXPECT_EQ(list[0]["prefix"].GetString(), token.substr(0, 8));
    EXPECT_STREQ(list[0]["label"].GetString(), "laptop");
    EXPECT_TRUE(list[0]["current"].GetBool());
    EXPECT_EQ(list[0]["scopes"].Size(), 2u);
    EXPECT_STREQ(list[0]["roles"][0].GetString(), "user");
    EXPECT_TRUE(list[0]["expires"].IsString());
    EXPECT_TRUE(list[1]["scopes"].IsNull()) << "all that the account may";
    EXPECT_TRUE(list[1]["expires"].IsNull());
    EXPECT_FALSE(list[1]["current"].GetBool());
    EXPECT_EQ(get("/api/jobs/", token).status, 200);
    EXPECT_EQ(send("POST", "/api/jobs/cancel/", "{}", token).status, 403) << "not in its scopes";
    clock_.advance(Seconds{3600});
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
}

// A list shows them all, and the audit says which token made which.
TEST_F(Tokens, that_another_one_made_stay_when_it_is_revoked) {
    const auto ada = make_account("ada");
    const auto login = create(ada.token);
    const auto made = create(secret(login), R"(,"expires_in_s":60)");
    const auto ci = secret(made);
    ASSERT_EQ(send("DELETE", "/api/tokens/" + login.id() + "/", {}, ada.token).status, 204);
    EXPECT_EQ(get("/api/jobs/", login.json()["token"].GetString()).status, 401);
    EXPECT_EQ(get("/api/jobs/", ci).status, 200);
    const auto boss = make_account("boss", Role::admin);
    const auto entries = get("/api/audit/?limit=50", boss.token).json();
    bool told = false;
    for (const auto& entry : entries.GetArray())
        told = told || (std::string(entry["object"].GetString()) == "/api/tokens/" + made.id() + "/" &&
                        std::string(entry["credential"].GetString()) == "token " + login.id());
    EXPECT_TRUE(told);
}

TEST_F(Tokens, never_open_more_than_what_made_them) {
    const auto ada = make_account("ada");
    const auto narrow = secret(create(ada.token, R"(,"scopes":["jobs:read","account:write"])"));
    const auto refused = create(narrow, R"(,"scopes":["jobs:read","jobs:write"])");
    EXPECT_EQ(refused.status, 403);
    EXPECT_STREQ(refused.json()["errors"][0]["pointer"].GetString(), "/scopes");
    const auto child = secret(create(narrow));
    EXPECT_EQ(get("/api/jobs/", child).status, 200);
    EXPECT_EQ(send("POST", "/api/jobs/cancel/", "{}", child).status, 403) << "the scopes of its maker, unless fewer";
    EXPECT_EQ(create(secret(create(ada.token, R"(,"scopes":["jobs:read"])"))).status, 403) << "without account:write";
    EXPECT_EQ(create(ada.token, R"(,"roles":["admin"])").status, 403);
    EXPECT_EQ(create(ada.token, R"(,"roles":["job-control"])").status, 403);
}

TEST_F(Tokens, never_live_longer_than_what_made_them) {
    const auto boss = make_account("boss", Role::admin);
    const auto hour = secret(create(boss.token, R"(,"expires_in_s":3600)"));
    EXPECT_EQ(create(hour, R"(,"expires_in_s":3601)").status, 403);
    EXPECT_EQ(create(hour, R"(,"never_expires":true)").status, 403);
    EXPECT_EQ(create(hour, R"(,"expires_in_s":3600)").status, 201);
}

TEST_F(Tokens, of_bounded_roles_make_tokens_of_bounded_roles) {
    const auto boss = make_account("boss", Roles(Role::admin) | Roles(Role::user));
    const auto as_user = secret(create(boss.token, R"(,"roles":["user"])"));
    EXPECT_EQ(get("/api/users/", as_user).status, 403);
    EXPECT_EQ(create(as_user, R"(,"roles":["admin"])").status, 403);
    const auto child = secret(create(as_user));
    EXPECT_EQ(get("/api/users/", child).status, 403);
    EXPECT_EQ(get("/api/users/", secret(create(boss.token, R"(,"roles":["admin"])"))).status, 200);
}

TEST_F(Tokens, without_an_end_are_for_admins_unless_the_site_allows_them) {
    const auto ada = make_account("ada");
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(create(ada.token, R"(,"never_expires":true)").status, 403);
    EXPECT_TRUE(create(boss.token, R"(,"never_expires":true)").json()["expires"].IsNull());
    config_.api.endless_tokens = true;
    EXPECT_EQ(create(ada.token, R"(,"never_expires":true)").status, 201);
    EXPECT_STREQ(create(ada.token).json()["expires"].GetString(), "2027-04-15T08:00:00.000Z") << "ninety days";
}

TEST_F(Tokens, of_bad_requests_name_the_field) {
    const auto ada = make_account("ada");
    const std::pair<std::string, std::string> bad[] = {
        {"{}", "/label"},
        {R"({"label":""})", "/label"},
        {R"({"label":"x","scopes":[]})", "/scopes"},
        {R"({"label":"x","scopes":"jobs:read"})", "/scopes"},
        {R"({"label":"x","scopes":["jobs:eat"]})", "/scopes"},
        {R"({"label":"x","scopes":[1]})", "/scopes"},
        {R"({"label":"x","roles":["root"]})", "/roles"},
        {R"({"label":"x","expires_in_s":0})", "/expires_in_s"},
        {R"({"label":"x","expires_in_s":1e3})", "/expires_in_s"},
        {R"({"label":"x","never_expires":1})", "/never_expires"},
        {R"({"label":"x","never_expires":true,"expires_in_s":1})", "/never_expires"},
        {R"({"label":"x","token":"mine"})", "/token"},
    };
    for (const auto& [body, pointer] : bad) {
        const auto answer = send("POST", "/api/tokens/", body, ada.token);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer.c_str()) << body;
    }
    EXPECT_EQ(get("/api/tokens/", ada.token).json().Size(), 1u);
}

TEST_F(Tokens, that_are_revoked_are_gone_at_once) {
    const auto ada = make_account("ada");
    const auto bob = make_account("bob");
    const auto boss = make_account("boss", Role::admin);
    const auto made = create(ada.token);
    const auto token = secret(made);
    ASSERT_EQ(get("/api/jobs/", token).status, 200);
    const std::string path = "/api/tokens/" + made.id() + "/";
    EXPECT_EQ(send("DELETE", path, {}, bob.token).status, 404);
    EXPECT_EQ(send("DELETE", path, {}, ada.token).status, 204);
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
    EXPECT_EQ(send("DELETE", path, {}, ada.token).status, 404);
    const auto other = create(ada.token);
    EXPECT_EQ(send("DELETE", "/api/tokens/" + other.id() + "/", {}, boss.token).status, 204);
    EXPECT_EQ(get("/api/jobs/", secret(other)).status, 401);
}

TEST_F(Tokens, of_others_are_for_admins_to_see) {
    const auto ada = make_account("ada");
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(get("/api/tokens/?user=ada", boss.token).json().Size(), 1u);
    EXPECT_EQ(get("/api/tokens/?user=" + ada.id.text(), boss.token).json().Size(), 1u);
    EXPECT_EQ(get("/api/tokens/?user=nobody", boss.token).status, 404);
    EXPECT_EQ(get("/api/tokens/?user=boss", ada.token).status, 403);
    EXPECT_EQ(get("/api/tokens/?user=" + ada.id.text(), ada.token).status, 200);
    const auto narrow = secret(create(boss.token, R"(,"scopes":["account:read"])"));
    EXPECT_EQ(get("/api/tokens/?user=ada", narrow).status, 403) << "an admin's token that was not made for this";
    EXPECT_EQ(get("/api/tokens/", "").status, 401);
}

TEST_F(Tokens, for_scripts_of_a_cluster_are_one_line_of_text) {
    const auto ada = make_account("ada");
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(send("POST", "/api/generateAPIKey", {}, ada.token).status, 403);
    const auto answer = send("POST", "/api/generateAPIKey", {}, boss.token);
    ASSERT_EQ(answer.status, 200);
    EXPECT_TRUE(answer.response.content_type.starts_with("text/plain"));
    EXPECT_TRUE(may_be_api_token(answer.body));
    EXPECT_EQ(answer.body.size(), 52u);
    const auto principal = credentials_->resolve(answer.body);
    ASSERT_TRUE(principal && *principal);
    EXPECT_EQ((*principal)->roles, Roles(Role::job_control));
    EXPECT_TRUE((*principal)->scopes.allows(Scope::monitoring_write));
    EXPECT_FALSE((*principal)->scopes.allows(Scope::account_write));
    clock_.advance(Seconds{4000LL * 24 * 3600});
    EXPECT_TRUE(*credentials_->resolve(answer.body)) << "it does not expire";
    const auto list = get("/api/tokens/", boss.token).json();
    EXPECT_STREQ(list[0]["label"].GetString(), "/api/generateAPIKey");
    EXPECT_EQ(send("DELETE", std::string("/api/tokens/") + list[0]["id"].GetString() + "/", {}, boss.token).status,
              204);
    EXPECT_FALSE(*credentials_->resolve(answer.body));
}

TEST_F(Tokens, a_mistyped_one_is_refused_without_a_look_at_the_tables) {
    auto token = secret(create(make_account("ada").token));
    token.back() = token.back() == 'a' ? 'b' : 'a';
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
}

TEST_F(Tokens, sessions_are_listed_and_ended) {
    const auto ada = make_account("ada");
    const auto bob = make_account("bob");
    const auto boss = make_account("boss", Role::admin);
    const auto first = session_of(ada, "first"), second = session_of(ada, "second");
    const auto list = get("/api/sessions/", first).json();
    ASSERT_EQ(list.Size(), 2u);
    for (const auto& session : list.GetArray()) {
        EXPECT_EQ(session["current"].GetBool(), std::string(session["id"].GetString()) == "first");
        EXPECT_STREQ(session["label"].GetString(), "Firefox");
        EXPECT_STREQ(session["address"].GetString(), "192.0.2.9");
    }
    EXPECT_EQ(get("/api/jobs/", second).status, 200);
    EXPECT_EQ(send("DELETE", "/api/sessions/second/", {}, bob.token).status, 404);
    EXPECT_EQ(send("DELETE", "/api/sessions/second/", {}, first).status, 204);
    EXPECT_EQ(get("/api/jobs/", second).status, 401) << "at once";
    EXPECT_EQ(get("/api/sessions/", first).json().Size(), 1u);
    EXPECT_EQ(get("/api/sessions/?user=ada", boss.token).json().Size(), 1u);
    EXPECT_EQ(get("/api/sessions/?user=ada", bob.token).status, 403);
    EXPECT_EQ(send("DELETE", "/api/sessions/first/", {}, boss.token).status, 204);
    EXPECT_EQ(get("/api/jobs/", first).status, 401);
}

TEST_F(Tokens, a_session_that_another_process_ended_is_gone_after_a_second) {
    const auto ada = make_account("ada");
    const auto token = session_of(ada, "first");
    ASSERT_EQ(get("/api/jobs/", token).status, 200);
    ASSERT_TRUE(sessions_->end("first", std::nullopt, clock_.now().wall));
    EXPECT_EQ(get("/api/jobs/", token).status, 200) << "remembered";
    clock_.advance(Seconds{1});
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
}

}  // namespace
}  // namespace windlass::api::test
