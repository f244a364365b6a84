// POST /api/register/, row by row.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Registering : public ApiTest {
  protected:
    static std::string body_of(const std::string& email, const std::string& password = "notes of 1843") {
        return R"({"first_name":"Ada","last_name":"King","email":")" + email + R"(","password":")" + password + "\"}";
    }
    Answer register_as(const std::string& body, Headers headers = {{"Content-Type", "application/json"}}) {
        return send("POST", "/api/register/", body, {}, std::move(headers));
    }
    // The first sentence about a field of a refused body.
    static std::string complaint(const Answer& answer, const char* field) {
        const auto document = answer.json();
        if (answer.status != 400 || !document.IsObject() || !document.HasMember(field)) return answer.body;
        return document[field][0].GetString();
    }
};

TEST_F(Registering, answers_201_with_exactly_the_documented_members) {
    const auto answer = register_as(body_of("ada@example.org"));
    ASSERT_EQ(answer.status, 201) << answer.body;
    EXPECT_EQ(answer.response.content_type, "application/json");
    const auto document = answer.json();
    EXPECT_EQ(document.MemberCount(), 5u);
    EXPECT_TRUE(document["id"].IsInt64());
    EXPECT_STREQ(document["first_name"].GetString(), "Ada");
    EXPECT_STREQ(document["last_name"].GetString(), "King");
    EXPECT_STREQ(document["email"].GetString(), "ada@example.org");
    EXPECT_STREQ(document["password"].GetString(), "********");
    EXPECT_EQ(register_as(body_of("b@example.org", "another fine phrase, and a longer one")).json()["password"],
              document["password"]);
    EXPECT_EQ(send("POST", "/api/register", body_of("c@example.org")).status, 201) << "without the slash";
}

TEST_F(Registering, makes_an_account_that_can_log_in_and_has_a_name) {
    ASSERT_EQ(register_as(body_of("Ada@Example.org")).status, 201);
    EXPECT_EQ(
        send("POST", "/api/users/authenticate/", R"({"username":"ada@example.org","password":"notes of 1843"})").status,
        200);
    const auto account = accounts_->find_by_name("ada@example.org").value();
    ASSERT_TRUE(account);
    EXPECT_EQ(account->name, "Ada King");
    EXPECT_EQ(account->roles, Roles(Role::user));
    EXPECT_EQ(account->tier, "Basic");
}

TEST_F(Registering, all_missing_fields_are_named_at_once) {
    for (const char* body : {"{}", ""}) {
        const auto answer = register_as(body);
        ASSERT_EQ(answer.status, 400);
        EXPECT_EQ(answer.body, R"({"email":["This field is required."],"first_name":["This field is required."],)"
                               R"("last_name":["This field is required."],"password":["This field is required."]})");
    }
    EXPECT_EQ(register_as(R"({"email":"ada@example.org","first_name":"Ada","password":"notes of 1843"})").body,
              R"({"last_name":["This field is required."]})");
}

TEST_F(Registering, bad_fields_are_named_in_a_map) {
    const auto with = [](const std::string& key, const std::string& value) {
        std::string body = "{";
        for (const auto& [name, good] : {std::pair<std::string, std::string>("first_name", "\"Ada\""),
                                         {"last_name", "\"King\""},
                                         {"email", "\"ada@example.org\""},
                                         {"password", "\"notes of 1843\""}})
            body += (body.size() > 1 ? ",\"" : "\"") + name + "\":" + (name == key ? value : good);
        return body + "}";
    };
    for (const char* field : {"first_name", "last_name", "email", "password"}) {
        EXPECT_EQ(complaint(register_as(with(field, R"("")")), field), "This field may not be blank.") << field;
        EXPECT_EQ(complaint(register_as(with(field, R"(" \t ")")), field), "This field may not be blank.") << field;
        EXPECT_EQ(complaint(register_as(with(field, "null")), field), "This field may not be null.") << field;
        EXPECT_EQ(complaint(register_as(with(field, "[1]")), field), "Not a valid string.") << field;
        EXPECT_EQ(complaint(register_as(with(field, '"' + std::string(256, 'x') + '"')), field),
                  "Ensure this field has no more than 255 characters.")
            << field;
    }
    for (const char* email : {"ada", "ada@", "@example.org", "a b@example.org", "ada@example..org"})
        EXPECT_EQ(complaint(register_as(with("email", '"' + std::string(email) + '"')), "email"),
                  "Enter a valid email address.")
            << email;
    EXPECT_EQ(complaint(register_as(with("password", R"("short")")), "password"),
              "This password must have at least 8 characters.");
    EXPECT_EQ(complaint(register_as(with("password", R"("Password123")")), "password"),
              "This password is too common: it is among the first that are tried.");
    EXPECT_EQ(complaint(register_as(with("password", R"("ADA@example.org")")), "password"),
              "This password must not be the username or the e-mail address.");
    EXPECT_FALSE(accounts_->find_by_name("ada@example.org").value()) << "nothing was made";
    EXPECT_EQ(register_as(with("first_name", '"' + std::string(255, 'x') + '"')).status, 201) << "255 are fine";
}

TEST_F(Registering, unknown_keys_are_ignored_and_give_nothing) {
    const std::string body =
        R"({"first_name":"A","last_name":"K","email":"ada@example.org","password":"notes of 1843",)"
        R"("roles":["admin"],"id":7,"tier":"Enterprise","username":"root"})";
    ASSERT_EQ(register_as(body).status, 201);
    const auto account = accounts_->find_by_name("ada@example.org").value();
    EXPECT_EQ(account->roles, Roles(Role::user));
    EXPECT_EQ(account->tier, "Basic");
    EXPECT_NE(account->id.value, 7);
    EXPECT_EQ(account->username, "ada@example.org");
}

TEST_F(Registering, an_address_in_use_is_303_to_ones_own_account) {
    ASSERT_EQ(register_as(body_of("ada@example.org")).status, 201);
    make_account("bob");  // bob@example.org
    for (const char* email : {"ada@example.org", "ADA@example.ORG", "bob@example.org"}) {
        const auto answer = register_as(body_of(email));
        EXPECT_EQ(answer.status, 303) << email;
        EXPECT_EQ(answer.header("Location"), "/api/user/");
        EXPECT_EQ(answer.body, "{}");
    }
}

TEST_F(Registering, bodies_that_are_no_json_object_are_400_and_other_types_415) {
    EXPECT_EQ(register_as("[]").body,
              R"({"non_field_errors":["Invalid data. Expected an object, but got an array."]})");
    const auto broken = register_as("{\"email\":");
    EXPECT_EQ(broken.status, 400);
    EXPECT_EQ(std::string(broken.json()["detail"].GetString()).substr(0, 19), "JSON parse error - ");
    for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
                             "application/jsonp", "text/json"}) {
        const auto answer = register_as(body_of("ada@example.org"), {{"Content-Type", type}});
        EXPECT_EQ(answer.status, 415) << type;
        EXPECT_TRUE(answer.json().HasMember("detail"));
    }
    for (const char* type : {"application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y"})
        EXPECT_NE(register_as(body_of("ada@example.org"), {{"Content-Type", type}}).status, 415) << type;
}

TEST_F(Registering, wrong_methods_and_closed_registration_speak_in_the_familys_shape) {
    const auto method = send("GET", "/api/register/");
    EXPECT_EQ(method.status, 405);
    EXPECT_EQ(method.header("Allow"), "POST");
    EXPECT_TRUE(method.json().HasMember("detail"));
    app_->registration_open = false;
    const auto boss = make_account("boss", Role::admin);
    for (const auto& token : {std::string(), boss.token}) {
        const auto closed = send("POST", "/api/register/", body_of("ada@example.org"), token);
        EXPECT_EQ(closed.status, 403);
        EXPECT_EQ(closed.json().MemberCount(), 1u);
        EXPECT_TRUE(closed.json().HasMember("detail"));
    }
}

TEST_F(Registering, an_address_that_cannot_stand_in_a_path_still_logs_in) {
    ASSERT_EQ(register_as(body_of("a/d?a#@example.org")).status, 201);
    const auto account = accounts_->find_by_name("a/d?a#@example.org").value();
    ASSERT_TRUE(account);
    EXPECT_EQ(account->username.find('/'), std::string::npos);
    EXPECT_EQ(
        send("POST", "/api/users/authenticate/", R"({"username":"a/d?a#@example.org","password":"notes of 1843"})")
            .status,
        200);
}

TEST_F(Registering, of_many_at_the_same_moment_with_one_address_one_is_made) {
    std::atomic<int> created = 0;
    std::atomic<int> in_use = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            const auto answer = register_as(body_of(i % 2 == 0 ? "ada@example.org" : "Ada@Example.ORG"));
            if (answer.status == 201) ++created;
            if (answer.status == 303) ++in_use;
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(created, 1);
    EXPECT_EQ(in_use, 7);
}

TEST_F(Registering, sent_again_with_an_idempotency_key_answers_as_the_first_time) {
    const Headers headers = {{"Content-Type", "application/json"}, {"Idempotency-Key", "k-1"}};
    const auto first = register_as(body_of("ada@example.org"), headers);
    ASSERT_EQ(first.status, 201);
    const auto again = register_as(body_of("ada@example.org"), headers);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
}

}  // namespace
}  // namespace windlass::api::test
