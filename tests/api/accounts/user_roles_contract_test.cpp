// GET and PATCH /api/config/users/:user, of the monitoring family.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class UserRoles : public ApiTest {
  protected:
    Answer patch(const std::string& user, const std::string& body) {
        return send("PATCH", "/api/config/users/" + user, body, boss_.token);
    }
    Account boss_ = make_account("boss", Roles(Role::admin));
    Account ada_ = make_account("ada");
};

TEST_F(UserRoles, are_shown_by_username_in_any_spelling_or_address) {
    for (const char* user : {"ada", "ADA", "ada%40example.org", "ada/"}) {
        const auto answer = get(std::string("/api/config/users/") + user, boss_.token);
        EXPECT_EQ(answer.status, 200) << user;
        EXPECT_EQ(answer.body, R"({"Username":"ada","Roles":["user"]})");
    }
}

TEST_F(UserRoles, are_set_with_keys_in_any_case_and_the_path_wins) {
    EXPECT_EQ(patch("ada", R"({"Username":"boss","Roles":["job-control","user"]})").body,
              R"({"Username":"ada","Roles":["user","job-control"]})");
    EXPECT_EQ(patch("ada", R"({"roles":["admin"],"color":"red"})").body, R"({"Username":"ada","Roles":["admin"]})");
    EXPECT_EQ(patch("ada", R"({"ROLES":null})").body, R"({"Username":"ada","Roles":["admin"]})") << "null is absent";
    EXPECT_EQ(patch("ada", "{}").body, R"({"Username":"ada","Roles":["admin"]})");
    EXPECT_EQ(patch("ada", R"({"Roles":[]})").body, R"({"Username":"ada","Roles":[]})");
    EXPECT_EQ(get("/api/config/users/boss", boss_.token).body, R"({"Username":"boss","Roles":["admin"]})");
}

TEST_F(UserRoles, take_effect_with_the_next_request) {
    EXPECT_EQ(get("/api/jobs/", ada_.token).status, 200);
    EXPECT_EQ(patch("ada", R"({"Roles":["job-control"]})").status, 200);
    EXPECT_EQ(get("/api/jobs/", ada_.token).status, 403);
}

TEST_F(UserRoles, only_the_three_names_are_roles) {
    for (const char* body : {R"({"Roles":["root"]})", R"({"Roles":["user","Admin"]})", R"({"Roles":["user",1]})",
                             R"({"Roles":"admin"})", R"({"Roles":["user"],"roles":["admin"]})", "[]", "", "{"}) {
        const auto answer = patch("ada", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain") << body;
        EXPECT_NE(answer.body, "");
    }
    EXPECT_EQ(accounts_->find(ada_.id).value()->roles, Roles(Role::user));
}

TEST_F(UserRoles, of_an_unknown_user_are_404_as_text) {
    for (const char* method : {"GET", "PATCH"}) {
        const auto answer = send(method, "/api/config/users/nobody", R"({"Roles":[]})", boss_.token);
        EXPECT_EQ(answer.status, 404);
        EXPECT_EQ(answer.response.content_type.substr(0, 10), "text/plain");
    }
    EXPECT_EQ(get("/api/config/users/deleted:1", boss_.token).status, 404);
}

TEST_F(UserRoles, are_for_admins_and_leave_one_admin) {
    EXPECT_EQ(get("/api/config/users/ada", ada_.token).status, 403);
    EXPECT_EQ(get("/api/config/users/ada", {}).status, 401);
    EXPECT_EQ(send("PATCH", "/api/config/users/ada", R"({"Roles":["admin"]})", ada_.token).status, 403);
    EXPECT_EQ(patch("boss", R"({"Roles":["user"]})").status, 409);
}

}  // namespace
}  // namespace windlass::api::test
