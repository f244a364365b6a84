// Links to set a password: POST /api/users/{id}/password-link/, POST /api/password/.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class PasswordLinks : public ApiTest {
  protected:
    std::string link_for(UserId account) {
        const auto answer = send("POST", "/api/users/" + account.text() + "/password-link/", {}, boss_.token);
        EXPECT_EQ(answer.status, 200) << answer.body;
        return answer.json()["password_link"].GetString();
    }
    Answer use(const std::string& link, const std::string& password) {
        return send("POST", "/api/password/", R"({"password_link":")" + link + R"(","password":")" + password + "\"}");
    }
    Answer login(const std::string& password, const std::string& username = "ada") {
        return send("POST", "/api/users/authenticate/",
                    R"({"username":")" + username + R"(","password":")" + password + "\"}");
    }
    Account boss_ = make_account("boss", Roles(Role::admin));
    Account ada_ = make_account("ada");  // without a password
};

TEST_F(PasswordLinks, one_sets_the_password_of_an_account_that_had_none) {
    EXPECT_EQ(login("notes of 1843").status, 401);
    const auto made = send("POST", "/api/users/" + ada_.id.text() + "/password-link/", {}, boss_.token);
    ASSERT_EQ(made.status, 200);
    EXPECT_STREQ(made.json()["password_link_expires"].GetString(), "2027-01-16T08:00:00.000Z") << "a day from now";
    EXPECT_EQ(use(made.json()["password_link"].GetString(), "notes of 1843").status, 204);
    EXPECT_EQ(login("notes of 1843").status, 200);
}

TEST_F(PasswordLinks, one_is_good_once) {
    const auto link = link_for(ada_.id);
    EXPECT_EQ(use(link, "notes of 1843").status, 204);
    EXPECT_EQ(use(link, "another fine phrase").status, 404);
    EXPECT_EQ(login("notes of 1843").status, 200);
}

TEST_F(PasswordLinks, of_many_uses_at_the_same_moment_one_counts) {
    const auto link = link_for(ada_.id);
    std::atomic<int> done = 0;
    std::atomic<int> refused = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 6; ++i)
        threads.emplace_back([&, i] {
            const auto answer = use(link, "a fine phrase " + std::to_string(i));
            if (answer.status == 204) ++done;
            if (answer.status == 404) ++refused;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(done, 1);
    EXPECT_EQ(refused, 5);
}

TEST_F(PasswordLinks, one_ends_with_its_time) {
    const auto link = link_for(ada_.id);
    clock_.advance(Seconds{config_.api.password_link_s});
    EXPECT_EQ(use(link, "notes of 1843").status, 404);
    const auto later = link_for(ada_.id);
    clock_.advance(Seconds{config_.api.password_link_s - 1});
    EXPECT_EQ(use(later, "notes of 1843").status, 204);
}

TEST_F(PasswordLinks, a_new_one_replaces_the_one_before) {
    const auto first = link_for(ada_.id);
    const auto second = link_for(ada_.id);
    EXPECT_EQ(use(first, "notes of 1843").status, 404);
    EXPECT_EQ(use(second, "notes of 1843").status, 204);
}

TEST_F(PasswordLinks, a_bad_password_does_not_use_one_up) {
    const auto link = link_for(ada_.id);
    for (const char* bad : {"short", "password", "ada@example.org"}) {
        const auto answer = use(link, bad);
        EXPECT_EQ(answer.status, 400) << bad;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), "/password");
    }
    EXPECT_EQ(use(link, "notes of 1843").status, 204);
}

TEST_F(PasswordLinks, setting_a_password_ends_the_sessions) {
    ASSERT_EQ(use(link_for(ada_.id), "notes of 1843").status, 204);
    const std::string session = login("notes of 1843").json()["token"].GetString();
    ASSERT_EQ(get("/api/user/", session).status, 200);
    ASSERT_EQ(use(link_for(ada_.id), "another fine phrase").status, 204);
    EXPECT_EQ(get("/api/user/", session).status, 401);
}

TEST_F(PasswordLinks, none_is_made_or_good_for_an_account_that_is_disabled_or_gone) {
    const auto link = link_for(ada_.id);
    const std::string path = "/api/users/" + ada_.id.text() + "/";
    ASSERT_EQ(send("PATCH", path, R"({"disabled":true})", boss_.token).status, 200);
    EXPECT_EQ(use(link, "notes of 1843").status, 404);
    EXPECT_EQ(send("POST", path + "password-link/", {}, boss_.token).status, 404);
    ASSERT_EQ(send("PATCH", path, R"({"disabled":false})", boss_.token).status, 200);
    EXPECT_EQ(use(link, "notes of 1843").status, 204);
    const auto last = link_for(ada_.id);
    ASSERT_EQ(send("DELETE", "/api/users/delete/" + ada_.id.text() + "/", {}, boss_.token).status, 200);
    EXPECT_EQ(use(last, "notes of 1843").status, 404);
    for (const char* odd : {"0", "x", "12345"})
        EXPECT_EQ(send("POST", std::string("/api/users/") + odd + "/password-link/", {}, boss_.token).status, 404);
}

TEST_F(PasswordLinks, guessing_them_is_throttled_by_address) {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(use("guess-" + std::to_string(i), "notes of 1843").status, 404);
    const auto answer = use("guess-51", "notes of 1843");
    EXPECT_EQ(answer.status, 429);
    EXPECT_NE(answer.header("Retry-After"), "");
    EXPECT_EQ(login("x").status, 429) << "one counter with the logins";
}

TEST_F(PasswordLinks, only_admins_make_them) {
    const std::string path = "/api/users/" + ada_.id.text() + "/password-link/";
    EXPECT_EQ(send("POST", path, {}, ada_.token).status, 403);
    EXPECT_EQ(send("POST", path).status, 401);
}

TEST_F(PasswordLinks, an_admin_who_makes_an_account_without_password_gets_one) {
    const std::string body = R"({"name":"Bob","username":"bob","email":"bob@example.org","company":"E"})";
    const auto made = send("POST", "/api/users/create/", body, boss_.token, {{"Idempotency-Key", "k"}});
    ASSERT_EQ(made.status, 201);
    const std::string link = made.json()["password_link"].GetString();
    const auto again = send("POST", "/api/users/create/", body, boss_.token, {{"Idempotency-Key", "k"}});
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.id(), made.id());
    EXPECT_FALSE(again.json().HasMember("password_link")) << "it is told once, and nowhere kept";
    EXPECT_EQ(use(link, "notes of 1843").status, 204);
    EXPECT_EQ(login("notes of 1843", "bob").status, 200);
}

TEST_F(PasswordLinks, nobody_else_gets_one_by_making_an_account) {
    const auto create = [&](const std::string& username, const std::string& more, const std::string& token) {
        return send("POST", "/api/users/create/",
                    R"({"name":"B","username":")" + username + R"(","email":")" + username +
                        R"(@example.org","company":"E")" + more + "}",
                    token);
    };
    for (const auto& answer : {create("b1", "", ""), create("b2", "", ada_.token),
                               create("b3", R"(,"password":"notes of 1843")", boss_.token)}) {
        EXPECT_EQ(answer.status, 201) << answer.body;
        EXPECT_FALSE(answer.json().HasMember("password_link"));
    }
}

}  // namespace
}  // namespace windlass::api::test
