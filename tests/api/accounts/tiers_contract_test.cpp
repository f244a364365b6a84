// /api/tiers/ and /api/roles/.
#include <gtest/gtest.h>

#include "tests/api/api_fixture.h"

namespace windlass::api::test {
namespace {

class Tiers : public ApiTest {
  protected:
    Answer put(const std::string& name, const std::string& body) {
        return send("PUT", "/api/tiers/" + name + "/", body, boss_.token);
    }
    Answer remove(const std::string& name) { return send("DELETE", "/api/tiers/" + name + "/", {}, boss_.token); }
    Account boss_ = make_account("boss", Roles(Role::admin));
};

TEST_F(Tiers, the_first_three_are_there) {
    const auto answer = get("/api/tiers/", make_account("ada").token);
    ASSERT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"([{"name":"Basic","heights":[200],"original":false,"expiring_links":false},)"
                           R"({"name":"Enterprise","heights":[200,400],"original":true,"expiring_links":true},)"
                           R"({"name":"Premium","heights":[200,400],"original":true,"expiring_links":false}])");
}

TEST_F(Tiers, an_admin_makes_one_and_changes_it_piece_by_piece) {
    const auto made = put("Gold", R"({"heights":[800,100],"original":true})");
    EXPECT_EQ(made.status, 201) << made.body;
    EXPECT_EQ(made.body, R"({"name":"Gold","heights":[100,800],"original":true,"expiring_links":false})");
    const auto changed = put("gold", R"({"expiring_links":true})");
    EXPECT_EQ(changed.status, 200);
    EXPECT_EQ(changed.body, R"({"name":"Gold","heights":[100,800],"original":true,"expiring_links":true})");
    EXPECT_EQ(put("Gold", R"({"heights":[]})").body,
              R"({"name":"Gold","heights":[],"original":true,"expiring_links":true})");
    EXPECT_EQ(put("d%C3%A9luxe%20plus", "{}").status, 201);
    EXPECT_EQ(get("/api/tiers/", boss_.token).json().Size(), 5u);
}

TEST_F(Tiers, bad_ones_are_refused_with_the_field) {
    const std::pair<const char*, const char*> bad[] = {
        {R"({"heights":200})", "/heights"},
        {R"({"heights":[0]})", "/heights"},
        {R"({"heights":[-1]})", "/heights"},
        {R"({"heights":[4097]})", "/heights"},
        {R"({"heights":[1.5]})", "/heights"},
        {R"({"heights":["200"]})", "/heights"},
        {R"({"heights":[200,200]})", "/heights"},
        {R"({"heights":[99999999999999999999]})", "/heights"},
        {R"({"original":1})", "/original"},
        {R"({"expiring_links":null})", "/expiring_links"},
        {R"({"name":"Other"})", "/name"},
        {"[]", ""},
        {R"({"heights":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]})", "/heights"},
    };
    for (const auto& [body, pointer] : bad) {
        const auto answer = put("Gold", body);
        EXPECT_EQ(answer.status, 400) << body;
        EXPECT_STREQ(answer.json()["errors"][0]["pointer"].GetString(), pointer) << body;
    }
    EXPECT_EQ(put("%20", "{}").status, 400);
    EXPECT_EQ(put(std::string(101, 'x'), "{}").status, 400);
    EXPECT_EQ(get("/api/tiers/", boss_.token).json().Size(), 3u);
}

TEST_F(Tiers, one_that_an_account_has_stays) {
    put("Gold", "{}");
    const auto ada = make_account("ada");
    const std::string path = "/api/users/" + ada.id.text() + "/";
    ASSERT_EQ(send("PATCH", path, R"({"tier":"gold"})", boss_.token).status, 200);
    EXPECT_STREQ(get("/api/user/", ada.token).json()["tier"].GetString(), "Gold");
    EXPECT_EQ(remove("Gold").status, 409);
    ASSERT_EQ(send("PATCH", path, R"({"tier":"Premium"})", boss_.token).status, 200);
    EXPECT_EQ(remove("GOLD").status, 204);
    EXPECT_EQ(remove("Gold").status, 404);
    EXPECT_EQ(remove("Basic").status, 409) << "new accounts get it";
    EXPECT_EQ(send("PATCH", path, R"({"tier":"Gold"})", boss_.token).status, 400);
}

TEST_F(Tiers, one_of_the_same_name_does_not_get_the_quota_of_one_that_was_removed) {
    put("Gold", "{}");
    ASSERT_EQ(send("PUT", "/api/quotas/tier:Gold/", R"({"queued":3})", boss_.token).status, 200);
    ASSERT_EQ(send("PUT", "/api/quotas/tier:Basic/", R"({"queued":4})", boss_.token).status, 200);
    ASSERT_EQ(remove("gold").status, 204);
    const auto left = get("/api/quotas/", boss_.token).body;
    EXPECT_EQ(left.find("Gold"), std::string::npos) << left;
    EXPECT_NE(left.find("tier:Basic"), std::string::npos) << left;
}

TEST_F(Tiers, changes_are_for_admins) {
    const auto ada = make_account("ada");
    for (const auto& [token, status] : {std::pair(std::string(), 401), std::pair(ada.token, 403)}) {
        EXPECT_EQ(send("PUT", "/api/tiers/Gold/", "{}", token).status, status);
        EXPECT_EQ(send("DELETE", "/api/tiers/Premium/", {}, token).status, status);
    }
    EXPECT_EQ(get("/api/tiers/", {}).status, 401);
}

TEST_F(Tiers, the_roles_are_listed_by_name) {
    const auto answer = get("/api/roles/", make_account("ada").token);
    ASSERT_EQ(answer.status, 200);
    const auto list = answer.json();
    ASSERT_EQ(list.Size(), 3u);
    EXPECT_STREQ(list[0]["name"].GetString(), "user");
    EXPECT_STREQ(list[1]["name"].GetString(), "job-control");
    EXPECT_STREQ(list[2]["name"].GetString(), "admin");
    EXPECT_EQ(get("/api/roles/", {}).status, 401);
}

}  // namespace
}  // namespace windlass::api::test
