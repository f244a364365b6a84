// GET and PUT /api/user/, GET /api/admin/users, PUT /api/user/password/.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class OwnAccount : public ApiTest {
  protected:
    Answer put(const std::string& body, const std::string& token, const std::string& type = "application/json") {
        return send("PUT", "/api/user/", body, token, {{"Content-Type", type}});
    }
};

TEST_F(OwnAccount, shows_who_one_is_and_what_one_uses) {
    const auto ada = make_account("ada", Roles(Role::user) | Roles(Role::job_control));
    execute("insert into quota (subject, queued) values ('tier:Basic', 5)");
    submit(ada);
    const auto answer = get("/api/user/", ada.token);
    ASSERT_EQ(answer.status, 200) << answer.body;
    const auto document = answer.json();
    EXPECT_EQ(document["id"].GetInt64(), ada.id.value);
    EXPECT_STREQ(document["first_name"].GetString(), "ada");
    EXPECT_STREQ(document["last_name"].GetString(), "");
    EXPECT_STREQ(document["email"].GetString(), "ada@example.org");
    EXPECT_STREQ(document["tier"].GetString(), "Basic");
    ASSERT_EQ(document["roles"].Size(), 2u);
    EXPECT_STREQ(document["roles"][0].GetString(), "user");
    EXPECT_STREQ(document["roles"][1].GetString(), "job-control");
    EXPECT_EQ(document["quota"]["queued"].GetInt(), 5);
    EXPECT_TRUE(document["quota"]["running"].IsNull());
    EXPECT_EQ(document["usage"]["queued"].GetInt(), 1);
    EXPECT_FALSE(document.HasMember("password_hash"));
    EXPECT_EQ(get("/api/user", ada.token).status, 200) << "without the slash";
}

TEST_F(OwnAccount, is_for_any_session_whatever_its_roles) {
    EXPECT_EQ(get("/api/user/", make_account("robot", Role::job_control).token).status, 200);
    EXPECT_EQ(get("/api/user/", make_account("nobody", Roles()).token).status, 200);
    for (const auto& token : {std::string(), std::string("no such token")}) {
        const auto answer = get("/api/user/", token);
        EXPECT_EQ(answer.status, 401);
        EXPECT_EQ(answer.json().MemberCount(), 1u);
        EXPECT_TRUE(answer.json()["detail"].IsString());
        EXPECT_EQ(put("{}", token).status, 401);
    }
}

TEST_F(OwnAccount, names_change_together_or_alone_and_fill_the_whole_name) {
    const auto ada = make_account("ada");
    const auto both = put(R"({"first_name":" Ada ","last_name":"King"})", ada.token);
    ASSERT_EQ(both.status, 200) << both.body;
    EXPECT_STREQ(both.json()["first_name"].GetString(), "Ada");
    EXPECT_STREQ(both.json()["name"].GetString(), "Ada King");
    const auto one = put(R"({"last_name":"Lovelace"})", ada.token);
    EXPECT_STREQ(one.json()["first_name"].GetString(), "Ada");
    EXPECT_STREQ(one.json()["name"].GetString(), "Ada Lovelace");
    EXPECT_EQ(put("{}", ada.token).json()["name"], one.json()["name"]);
    EXPECT_EQ(put("", ada.token).status, 200);
    const auto stored = accounts_->find(ada.id).value();
    EXPECT_EQ(stored->name, "Ada Lovelace");
    EXPECT_EQ(stored->last_name, "Lovelace");
}

TEST_F(OwnAccount, everything_else_in_the_body_is_ignored) {
    const auto ada = make_account("ada");
    const auto answer = put(R"({"id":999,"email":"root@example.org","roles":["admin"],"tier":"Enterprise","x":1,)"
                            R"("first_name":"Ada"})",
                            ada.token);
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.json()["id"].GetInt64(), ada.id.value);
    EXPECT_STREQ(answer.json()["email"].GetString(), "ada@example.org");
    EXPECT_STREQ(answer.json()["tier"].GetString(), "Basic");
    EXPECT_EQ(answer.json()["roles"].Size(), 1u);
}

TEST_F(OwnAccount, what_one_got_can_be_sent_back_as_it_is) {
    const auto ada = make_account("ada");
    const auto whole = get("/api/user/", ada.token);
    const auto answer = put(whole.body, ada.token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_EQ(answer.body, whole.body);
}

TEST_F(OwnAccount, bad_names_are_named_and_change_nothing) {
    const auto ada = make_account("ada");
    EXPECT_EQ(put(R"({"first_name":"","last_name":null})", ada.token).body,
              R"({"first_name":["This field may not be blank."],"last_name":["This field may not be null."]})");
    EXPECT_EQ(put(R"({"first_name":"B","last_name":")" + std::string(256, 'x') + "\"}", ada.token).body,
              R"({"last_name":["Ensure this field has no more than 255 characters."]})");
    EXPECT_EQ(put(R"({"first_name":1})", ada.token).body, R"({"first_name":["Not a valid string."]})");
    EXPECT_EQ(put("first_name=B", ada.token, "application/x-www-form-urlencoded").status, 415);
    EXPECT_EQ(accounts_->find(ada.id).value()->first_name, "ada");
}

TEST_F(OwnAccount, the_list_of_all_is_for_admins) {
    const auto ada = make_account("ada");
    const auto boss = make_account("boss", Role::admin);
    for (const char* path : {"/api/admin/users", "/api/admin/users/"}) {
        EXPECT_EQ(get(path, {}).status, 401);
        EXPECT_EQ(get(path, ada.token).status, 403);
        EXPECT_TRUE(get(path, ada.token).json().HasMember("detail"));
        const auto answer = get(path, boss.token);
        ASSERT_EQ(answer.status, 200);
        const auto list = answer.json();
        ASSERT_EQ(list.Size(), 2u);
        for (const char* key : {"id", "first_name", "last_name", "email", "roles", "tier", "disabled", "created"})
            EXPECT_TRUE(list[0].HasMember(key)) << key;
        EXPECT_EQ(list[0]["id"].GetInt64(), ada.id.value);
        EXPECT_EQ(answer.body.find("hash"), std::string::npos);
    }
}

class OwnPassword : public ApiTest {
  protected:
    void SetUp() override {
        ASSERT_EQ(send("POST", "/api/register/",
                       R"({"first_name":"A","last_name":"K","email":"ada@example.org","password":"notes of 1843"})")
                      .status,
                  201);
    }
    Answer login(const std::string& password) {
        return send("POST", "/api/users/authenticate/",
                    R"({"username":"ada@example.org","password":")" + password + "\"}");
    }
    std::string session() {
        const auto answer = login("notes of 1843");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.json()["token"].GetString();
    }
    Answer change(const std::string& old_password, const std::string& password, const std::string& token) {
        return send("PUT", "/api/user/password/",
                    R"({"old_password":")" + old_password + R"(","password":")" + password + "\"}", token);
    }
};

TEST_F(OwnPassword, changes_with_the_old_one) {
    const auto token = session();
    EXPECT_EQ(change("notes of 1843", "the next fine phrase", token).status, 204);
    EXPECT_EQ(login("notes of 1843").status, 401);
    EXPECT_EQ(login("the next fine phrase").status, 200);
}

TEST_F(OwnPassword, a_change_ends_all_other_sessions_and_keeps_this_one) {
    const auto mine = session();
    const auto other = session();
    ASSERT_EQ(get("/api/user/", other).status, 200);
    ASSERT_EQ(change("notes of 1843", "the next fine phrase", mine).status, 204);
    EXPECT_EQ(get("/api/user/", mine).status, 200);
    EXPECT_EQ(get("/api/user/", other).status, 401);
}

TEST_F(OwnPassword, a_wrong_old_one_or_a_bad_new_one_changes_nothing) {
    const auto token = session();
    const auto wrong = change("no such password", "the next fine phrase", token);
    EXPECT_EQ(wrong.status, 400);
    EXPECT_EQ(wrong.response.content_type, "application/problem+json");
    EXPECT_STREQ(wrong.json()["errors"][0]["pointer"].GetString(), "/old_password");
    for (const char* bad : {"short", "password1", "ada@example.org", "12345678"}) {
        const auto answer = change("notes of 1843", bad, token);
        EXPECT_EQ(answer.status, 400) << bad;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), "/password") << bad;
    }
    EXPECT_EQ(send("PUT", "/api/user/password/", R"({"password":"the next fine phrase"})", token).status, 400);
    EXPECT_EQ(
        send("PUT", "/api/user/password/", R"({"old_password":"a","password":"the next fine phrase","x":1})", token)
            .status,
        400);
    EXPECT_EQ(change("notes of 1843", "the next fine phrase", {}).status, 401);
    EXPECT_EQ(login("notes of 1843").status, 200);
}

TEST_F(OwnPassword, guessing_the_old_one_is_throttled_like_a_login) {
    const auto token = session();
    for (int i = 0; i < 10; ++i) EXPECT_EQ(change("no such password", "the next fine phrase", token).status, 400);
    const auto answer = change("notes of 1843", "the next fine phrase", token);
    EXPECT_EQ(answer.status, 429);
    EXPECT_NE(answer.header("Retry-After"), "");
    EXPECT_EQ(login("notes of 1843").status, 429) << "one counter";
}

}  // namespace
}  // namespace windlass::api::test
