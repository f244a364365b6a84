// /api/users/, row by row.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Accounts : public ApiTest {
  protected:
    static std::string registration(const std::string& username,
                                    const std::string& more = R"(,"password":"correct horse")") {
        return R"({"name":"Ada King","username":")" + username + R"(","email":")" + username +
               R"(@example.org","company":"Example")" + more + "}";
    }
    Answer create(const std::string& body, const std::string& token = {}) {
        return send("POST", "/api/users/create/", body, token);
    }
    Answer login(const std::string& username, const std::string& password) {
        return send("POST", "/api/users/authenticate/",
                    R"({"username":")" + username + R"(","password":")" + password + "\"}");
    }
    std::string token_of(const std::string& username) {
        const auto answer = login(username, "correct horse");
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.json()["token"].GetString();
    }
};

TEST_F(Accounts, creating_one_answers_201_with_id_and_location) {
    const auto answer = create(registration("ada"));
    EXPECT_EQ(answer.status, 201);
    EXPECT_EQ(answer.header("Location"), "/api/users/" + answer.id() + "/");
    EXPECT_EQ(send("POST", "/api/users/create", registration("bob")).status, 201) << "without the slash";
}

TEST_F(Accounts, a_name_or_address_in_use_is_409_in_any_spelling) {
    ASSERT_EQ(create(registration("ada")).status, 201);
    const auto username = create(R"({"name":"x","username":"ADA","email":"other@example.org","company":"y"})");
    EXPECT_EQ(username.status, 409);
    EXPECT_STREQ(username.json()["errors"][0]["pointer"].GetString(), "/username");
    const auto email = create(R"({"name":"x","username":"other","email":"Ada@EXAMPLE.org","company":"y"})");
    EXPECT_EQ(email.status, 409);
    EXPECT_STREQ(email.json()["errors"][0]["pointer"].GetString(), "/email");
}

TEST_F(Accounts, nobody_can_take_anothers_address_as_a_username) {
    ASSERT_EQ(create(registration("ada")).status, 201);
    EXPECT_EQ(create(R"({"name":"x","username":"ada@example.org","email":"e@example.org","company":"y"})").status, 409);
    EXPECT_EQ(create(R"({"name":"x","username":"me@example.org","email":"me@example.org","company":"y"})").status, 201)
        << "one's own";
}

TEST_F(Accounts, bad_registrations_name_the_field_and_create_nothing) {
    const std::pair<std::string, std::string> bad[] = {
        {"", ""},
        {"[]", ""},
        {"{", ""},
        {"{}", "/name"},
        {R"({"name":"n","username":"u","company":"c"})", "/email"},
        {R"({"name":"n","username":"u","email":"u@x.org"})", "/company"},
        {R"({"name":"","username":"u","email":"u@x.org","company":"c"})", "/name"},
        {R"({"name":"n","username":"a b","email":"u@x.org","company":"c"})", "/username"},
        {R"({"name":"n","username":1,"email":"u@x.org","company":"c"})", "/username"},
        {R"({"name":"n","username":"u","email":"nowhere","company":"c"})", "/email"},
        {R"({"name":"n","username":"u","email":"u@x.org","company":null})", "/company"},
        {R"({"name":"n","username":"u","email":"u@x.org","company":"c","password":"short"})", "/password"},
        {R"({"name":"n","username":"u","email":"u@x.org","company":"c","password":12345678})", "/password"},
        {R"({"name":"n","username":"u","email":"u@x.org","company":"c","roles":["admin"]})", "/roles"},
        {R"({"name":"n","username":"u\u0000x","email":"u@x.org","company":"c"})", ""},
    };
    for (const auto& [body, pointer] : bad) {
        const auto answer = create(body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer.c_str()) << body;
    }
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(get("/api/users/", boss.token).json().Size(), 1u);
}

TEST_F(Accounts, closed_registration_is_for_admins) {
    app_->registration_open = false;
    EXPECT_EQ(create(registration("ada")).status, 401);
    EXPECT_EQ(create(registration("ada"), make_account("bob").token).status, 403);
    EXPECT_EQ(create(registration("ada"), make_account("boss", Role::admin).token).status, 201);
}

TEST_F(Accounts, logging_in_takes_the_address_and_any_spelling) {
    create(registration("ada"));
    EXPECT_EQ(login("ADA", "correct horse").status, 200);
    EXPECT_EQ(login("Ada@Example.org", "correct horse").status, 200);
}

TEST_F(Accounts, wrong_passwords_are_401_and_unknown_accounts_404) {
    create(registration("ada"));
    EXPECT_EQ(login("ada", "wrong horse").status, 401);
    EXPECT_EQ(login("ada", "").status, 401);
    EXPECT_EQ(login("nobody", "correct horse").status, 404);
    for (const char* body : {"", "{}", R"({"username":"ada"})", R"({"username":"ada","password":1})",
                             R"({"username":"a","password":"b","x":1})"})
        EXPECT_EQ(send("POST", "/api/users/authenticate/", body).status, 400) << body;
}

TEST_F(Accounts, one_without_a_password_cannot_log_in) {
    ASSERT_EQ(create(registration("ada", "")).status, 201);
    EXPECT_EQ(login("ada", "").status, 401);
    EXPECT_EQ(login("ada", "anything at all").status, 401);
}

TEST_F(Accounts, guessing_is_throttled_for_known_and_unknown_names_alike) {
    create(registration("ada"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(login(i % 2 == 0 ? "ada" : "ada@example.org", "wrong horse").status, 401);
    const auto answer = login("ada", "correct horse");
    EXPECT_EQ(answer.status, 429);
    EXPECT_EQ(answer.header("Retry-After"), "1");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(login("nobody", "x").status, 404);
    EXPECT_EQ(login("nobody", "x").status, 429);
    clock_.advance(Seconds{1});
    EXPECT_EQ(login("ada", "correct horse").status, 200) << "the wait is over";
}

TEST_F(Accounts, a_stored_hash_of_another_cost_is_renewed_at_login) {
    create(registration("ada"));
    HashCost dearer = HashCost::cheapest();
    dearer.operations += 1;
    const PasswordHasher other(dearer);
    const auto before = accounts_->by_login_name("ada");
    ASSERT_TRUE(
        accounts_->replace_password_hash((*before)->id, *(*before)->password_hash, other.hash_now("correct horse")));
    ASSERT_EQ(login("ada", "correct horse").status, 200);
    const auto after = accounts_->by_login_name("ada");
    EXPECT_NE((*after)->password_hash->find(",t=1,"), std::string::npos) << *(*after)->password_hash;
    EXPECT_EQ(login("ada", "correct horse").status, 200);
}

TEST_F(Accounts, deleting_is_for_oneself_and_admins) {
    create(registration("ada"));
    const std::string ada = token_of("ada");
    const std::string id = std::to_string(accounts_->by_login_name("ada").value()->id.value);
    const auto bob = make_account("bob");
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + id + "/", {}, bob.token).status, 404);
    const auto answer = send("DELETE", "/api/users/delete/" + id + "/", {}, ada);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.id(), id);
    EXPECT_EQ(get("/api/jobs/", ada).status, 401) << "its sessions end at once";
    EXPECT_EQ(login("ada", "correct horse").status, 404);
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + id, {}, boss.token).status, 404) << "it is gone";
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + bob.id.text(), {}, boss.token).status, 200);
    for (const char* odd : {"0", "-1", "x", "99999999999999999999", "1.0", "+1"})
        EXPECT_EQ(send("DELETE", std::string("/api/users/delete/") + odd + "/", {}, boss.token).status, 404) << odd;
}

TEST_F(Accounts, a_deleted_name_is_free_again) {
    const std::string id = create(registration("ada")).id();
    ASSERT_EQ(send("DELETE", "/api/users/delete/" + id + "/", {}, token_of("ada")).status, 200);
    const auto again = create(registration("ada"));
    EXPECT_EQ(again.status, 201);
    EXPECT_NE(again.id(), id);
}

TEST_F(Accounts, jobs_of_a_deleted_account_stay) {
    const auto ada = make_account("ada");
    const auto job = submit(ada);
    ASSERT_EQ(send("DELETE", "/api/users/delete/" + ada.id.text() + "/", {}, ada.token).status, 200);
    EXPECT_EQ(get("/api/jobs/" + job.text() + "/", make_account("boss", Role::admin).token).status, 200);
}

TEST_F(Accounts, the_last_admin_stays) {
    const auto boss = make_account("boss", Role::admin);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + boss.id.text() + "/", {}, boss.token).status, 409);
    make_account("second", Role::admin);
    EXPECT_EQ(send("DELETE", "/api/users/delete/" + boss.id.text() + "/", {}, boss.token).status, 200);
}

TEST_F(Accounts, the_list_has_exactly_the_documented_fields) {
    create(registration("ada"));
    const auto boss = make_account("boss", Role::admin);
    const auto answer = get("/api/users/", boss.token);
    EXPECT_EQ(answer.status, 200);
    const auto list = answer.json();
    ASSERT_EQ(list.Size(), 2u);
    EXPECT_EQ(list[0].MemberCount(), 5u);
    EXPECT_STREQ(list[0]["username"].GetString(), "ada");
    EXPECT_STREQ(list[0]["name"].GetString(), "Ada King");
    EXPECT_STREQ(list[0]["email"].GetString(), "ada@example.org");
    EXPECT_STREQ(list[0]["company"].GetString(), "Example");
    EXPECT_TRUE(list[0]["id"].IsString());
}

}  // namespace
}  // namespace windlass::api::test
