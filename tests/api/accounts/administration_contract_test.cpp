// GET and PATCH /api/users/{id}/.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "shared/digest.h"
#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Administration : public ApiTest {
  protected:
    static std::string path_of(const Account& account) { return "/api/users/" + account.id.text() + "/"; }
    Answer patch(const Account& account, const std::string& body) {
        return send("PATCH", path_of(account), body, boss_.token);
    }
    Account boss_ = make_account("boss", Roles(Role::admin) | Roles(Role::user));
    Account ada_ = make_account("ada");
};

TEST_F(Administration, an_account_is_shown_to_itself_and_to_admins) {
    const auto own = get(path_of(ada_), ada_.token);
    ASSERT_EQ(own.status, 200) << own.body;
    const auto document = own.json();
    EXPECT_EQ(own.id(), ada_.id.text()) << "a string, as in GET /api/users/";
    EXPECT_STREQ(document["username"].GetString(), "ada");
    EXPECT_STREQ(document["tier"].GetString(), "Basic");
    EXPECT_FALSE(document["disabled"].GetBool());
    EXPECT_FALSE(document["password_set"].GetBool());
    EXPECT_STREQ(document["created"].GetString(), "2027-01-15T08:00:00.000Z");
    EXPECT_TRUE(document["last_login"].IsNull());
    EXPECT_EQ(get(path_of(ada_), boss_.token).body, own.body);
    EXPECT_EQ(own.body.find("hash"), std::string::npos);
}

TEST_F(Administration, foreign_and_absent_accounts_are_404_alike) {
    const auto foreign = get(path_of(boss_), ada_.token);
    const auto absent = get("/api/users/12345/", ada_.token);
    EXPECT_EQ(foreign.status, 404);
    EXPECT_EQ(foreign.body, absent.body);
    for (const char* odd : {"0", "-1", "x", "99999999999999999999"}) {
        EXPECT_EQ(get(std::string("/api/users/") + odd + "/", boss_.token).status, 404) << odd;
        EXPECT_EQ(send("PATCH", std::string("/api/users/") + odd + "/", "{}", boss_.token).status, 404) << odd;
    }
    EXPECT_EQ(get(path_of(ada_), {}).status, 401);
    EXPECT_EQ(send("PATCH", path_of(ada_), R"({"roles":["admin"]})", ada_.token).status, 403);
}

TEST_F(Administration, a_token_without_the_scope_sees_and_deletes_only_its_own_account) {
    Scopes scopes;
    scopes.add(Scope::account_read);
    scopes.add(Scope::account_write);
    const std::string token = random_token();
    ASSERT_TRUE(
        accounts_->add_token({token_hash_hex(token), boss_.id, "t", std::nullopt, "", scopes}, clock_.now().wall));
    EXPECT_EQ(get(path_of(boss_), token).status, 200);
    EXPECT_EQ(get(path_of(ada_), token).status, 404);
    EXPECT_EQ(send("PATCH", path_of(ada_), "{}", token).status, 403);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + ada_.id.text() + "/", {}, token).status, 404);
}

TEST_F(Administration, an_admin_changes_all_that_an_account_has) {
    const auto answer = patch(ada_, R"({"roles":["user","job-control"],"tier":"enterprise","first_name":"Ada",)"
                                    R"("last_name":"King","email":"Countess@example.org","company":"Engine"})");
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto document = answer.json();
    EXPECT_EQ(document["roles"].Size(), 2u);
    EXPECT_STREQ(document["tier"].GetString(), "Enterprise");
    EXPECT_STREQ(document["name"].GetString(), "Ada King");
    EXPECT_STREQ(document["email"].GetString(), "Countess@example.org");
    EXPECT_STREQ(document["company"].GetString(), "Engine");
    EXPECT_EQ(patch(ada_, "{}").body, answer.body) << "what is not said stays";
    EXPECT_STREQ(patch(ada_, R"({"name":"Augusta Ada Byron"})").json()["last_name"].GetString(), "Byron");
    EXPECT_EQ(accounts_->find_by_name("countess@EXAMPLE.org").value()->id, ada_.id);
    EXPECT_FALSE(accounts_->find_by_name("ada@example.org").value()) << "the old address is free";
}

TEST_F(Administration, bad_changes_name_the_field_and_change_nothing) {
    const std::pair<const char*, const char*> bad[] = {
        {R"({"roles":"admin"})", "/roles"},
        {R"({"roles":["root"]})", "/roles"},
        {R"({"roles":[1]})", "/roles"},
        {R"({"tier":"Platinum"})", "/tier"},
        {R"({"tier":1})", "/tier"},
        {R"({"disabled":"yes"})", "/disabled"},
        {R"({"email":"nowhere"})", "/email"},
        {R"({"name":""})", "/name"},
        {R"({"name":"A B","first_name":"C"})", "/name"},
        {R"({"first_name":"a\nb"})", "/first_name"},
        {R"({"password":"notes of 1843"})", "/password"},
        {R"({"username":"bob"})", "/username"},
        {R"({"id":1})", "/id"},
        {"[]", ""},
        {"", ""},
    };
    const auto before = get(path_of(ada_), boss_.token).body;
    for (const auto& [body, pointer] : bad) {
        const auto answer = patch(ada_, body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer) << body;
    }
    EXPECT_EQ(get(path_of(ada_), boss_.token).body, before);
}

TEST_F(Administration, an_address_or_username_of_another_is_409) {
    EXPECT_EQ(patch(ada_, R"({"email":"BOSS@example.org"})").status, 409);
    execute("update account set username = 'x@y.org', username_key = 'x@y.org' where username_key = 'boss'");
    EXPECT_EQ(patch(ada_, R"({"email":"x@y.org"})").status, 409) << "a username is a login name too";
    EXPECT_EQ(patch(ada_, R"({"email":"ADA@example.org"})").status, 200) << "its own, spelled otherwise";
}

TEST_F(Administration, disabling_ends_sessions_and_tokens_at_once) {
    ASSERT_EQ(send("POST", "/api/register/",
                   R"({"first_name":"B","last_name":"B","email":"bob@example.org","password":"notes of 1843"})")
                  .status,
              201);
    const auto login = [&] {
        return send("POST", "/api/users/authenticate/", R"({"username":"bob@example.org","password":"notes of 1843"})");
    };
    const std::string session = login().json()["token"].GetString();
    const UserId bob = accounts_->find_by_name("bob@example.org").value()->id;
    const std::string token = random_token();
    ASSERT_TRUE(accounts_->add_token({token_hash_hex(token), bob, "t", std::nullopt}, clock_.now().wall));
    ASSERT_EQ(get("/api/jobs/", session).status, 200);
    ASSERT_EQ(get("/api/jobs/", token).status, 200);
    const std::string path = "/api/users/" + bob.text() + "/";

    ASSERT_EQ(send("PATCH", path, R"({"disabled":true})", boss_.token).status, 200);
    EXPECT_EQ(get("/api/jobs/", session).status, 401);
    EXPECT_EQ(get("/api/jobs/", token).status, 401);
    EXPECT_NE(login().status, 200);
    EXPECT_TRUE(get(path, boss_.token).json()["disabled"].GetBool());
    EXPECT_EQ(get("/api/users/", boss_.token).json().Size(), 3u) << "it is not gone";

    ASSERT_EQ(send("PATCH", path, R"({"disabled":false})", boss_.token).status, 200);
    EXPECT_EQ(get("/api/jobs/", session).status, 401) << "an ended session stays ended";
    EXPECT_EQ(get("/api/jobs/", token).status, 200) << "a token is good again with its account";
    EXPECT_EQ(login().status, 200);
}

TEST_F(Administration, other_roles_end_the_sessions_and_other_names_do_not) {
    ASSERT_EQ(send("POST", "/api/register/",
                   R"({"first_name":"B","last_name":"B","email":"bob@example.org","password":"notes of 1843"})")
                  .status,
              201);
    const std::string session =
        send("POST", "/api/users/authenticate/", R"({"username":"bob@example.org","password":"notes of 1843"})")
            .json()["token"]
            .GetString();
    const std::string path = "/api/users/" + accounts_->find_by_name("bob@example.org").value()->id.text() + "/";
    ASSERT_EQ(send("PATCH", path, R"({"name":"Bob Ross","tier":"Premium","roles":["user"]})", boss_.token).status, 200);
    EXPECT_EQ(get("/api/user/", session).status, 200);
    EXPECT_STREQ(get("/api/user/", session).json()["tier"].GetString(), "Premium");
    ASSERT_EQ(send("PATCH", path, R"({"roles":["user","job-control"]})", boss_.token).status, 200);
    EXPECT_EQ(get("/api/user/", session).status, 401);
}

TEST_F(Administration, the_last_admin_can_neither_be_demoted_nor_disabled) {
    for (const char* body : {R"({"roles":["user"]})", R"({"disabled":true})", R"({"roles":[]})"}) {
        EXPECT_EQ(patch(boss_, body).status, 409) << body;
    }
    EXPECT_EQ(patch(boss_, R"({"roles":["admin"]})").status, 200) << "still one";
    const auto second = make_account("second", Role::admin);
    ASSERT_EQ(patch(second, R"({"disabled":true})").status, 200);
    EXPECT_EQ(patch(boss_, R"({"roles":["user"]})").status, 409) << "a disabled admin is none";
    ASSERT_EQ(patch(second, R"({"disabled":false})").status, 200);
    EXPECT_EQ(patch(boss_, R"({"roles":["user"]})").status, 200);
    EXPECT_EQ(get(path_of(ada_), boss_.token).status, 404) << "an admin no more";
}

TEST_F(Administration, admins_who_all_remove_each_other_at_the_same_moment_leave_one) {
    std::vector<Account> admins = {boss_};
    for (int i = 0; i < 5; ++i) admins.push_back(make_account("admin" + std::to_string(i), Role::admin));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < admins.size(); ++i)
        threads.emplace_back([&, i] {
            const Account& next = admins[(i + 1) % admins.size()];
            if (i % 3 == 0)
                send("PATCH", path_of(next), R"({"disabled":true})", admins[i].token);
            else if (i % 3 == 1)
                send("PATCH", path_of(next), R"({"roles":["user"]})", admins[i].token);
            else
                send("DELETE", "/api/users/delete/" + next.id.text() + "/", {}, admins[i].token);
        });
    for (auto& thread : threads) thread.join();
    int left = 0;
    const auto all = accounts_->details(UserId{}, 100).value();
    for (const auto& account : all)
        if (account.roles.has(Role::admin) && !account.disabled) ++left;
    EXPECT_GE(left, 1);
}

TEST_F(Administration, a_disabled_account_can_be_deleted) {
    ASSERT_EQ(patch(ada_, R"({"disabled":true})").status, 200);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + ada_.id.text() + "/", {}, boss_.token).status, 200);
    EXPECT_EQ(get(path_of(ada_), boss_.token).status, 404);
    EXPECT_EQ(patch(ada_, R"({"disabled":false})").status, 404) << "and does not come back";
    EXPECT_EQ(get("/api/admin/users", boss_.token).json().Size(), 1u);
}

}  // namespace
}  // namespace windlass::api::test
