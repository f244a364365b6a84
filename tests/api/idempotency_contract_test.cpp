// Idempotency-Key on everything that creates.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

const std::string job = R"({"code":"","data":"","running_commands":"true"})";

class Keys : public ApiTest {
  protected:
    Answer post(const std::string& path, const std::string& body, const std::string& key, const Account* as = nullptr) {
        return send("POST", path, body, (as == nullptr ? ada : *as).token, {{"idempotency-key", key}});
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
};

TEST_F(Keys, the_same_submit_is_made_once_and_answered_twice) {
    const auto first = post("/api/jobs/submit/", job, "k");
    const auto again = post("/api/jobs/submit", job, "k");
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Location"), first.header("Location"));
    EXPECT_EQ(first.header("Idempotency-Replayed"), "");
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(scheduler_->submits.size(), 1u);
    EXPECT_NE(scheduler_->submits[0].key, "k") << "the key itself is kept nowhere";
    EXPECT_NE(post("/api/jobs/submit/", job, "k2").body, first.body);
    EXPECT_NE(post("/api/jobs/submit/", job, "k", &bob).body, first.body) << "keys are one's own";
}

TEST_F(Keys, another_body_with_the_same_key_is_422) {
    post("/api/jobs/submit/", job, "k");
    const auto other = post("/api/jobs/submit/", R"({"code":"","data":"x","running_commands":"true"})", "k");
    EXPECT_EQ(other.status, 422);
    EXPECT_STREQ(other.json()["type"].GetString(), "urn:windlass:problem:key-of-another-request");
    EXPECT_EQ(scheduler_->submits.size(), 1u);
}

TEST_F(Keys, while_the_first_is_under_way_the_second_is_409) {
    scheduler_->silent = true;
    auto pending = begin("POST", "/api/jobs/submit/", job, ada.token, {{"Idempotency-Key", "k"}});
    EXPECT_TRUE(waits(pending));
    const auto second = post("/api/jobs/submit/", job, "k");
    EXPECT_EQ(second.status, 409);
    EXPECT_EQ(second.header("Retry-After"), "1");
    client_goes_away(pending);
    scheduler_->silent = false;
    EXPECT_EQ(post("/api/jobs/submit/", job, "k").status, 200);
}

TEST_F(Keys, a_batch_answers_its_bad_items_the_same_again) {
    const std::string body = "[" + job + R"(,{"code":""},)" + job + "]";
    const auto first = post("/api/jobs/submit/batch/", body, "k");
    ASSERT_EQ(first.status, 200);
    EXPECT_EQ(post("/api/jobs/submit/batch/", body, "k").body, first.body);
    EXPECT_EQ(scheduler_->submits.size(), 1u);
    const std::string unknown = "[" + job + R"(,{"code":"","data":"","running_commands":"x","after":[{"job":42}]}])";
    EXPECT_EQ(post("/api/jobs/submit/batch/", unknown, "k2").status, 422)
        << "what is there at the moment must not decide which items are made";
    EXPECT_EQ(scheduler_->submits.size(), 1u);
}

TEST_F(Keys, a_replay_does_not_look_again_at_what_is_gone) {
    const auto before = submit(ada);
    const std::string body = R"({"code":"","data":"","running_commands":"x","after":[{"job":)" + before.text() + "}]}";
    const auto first = post("/api/jobs/submit/", body, "k");
    ASSERT_EQ(first.status, 200);
    execute("delete from job where id = " + before.text());
    EXPECT_EQ(post("/api/jobs/submit/", body, "k").body, first.body);
}

TEST_F(Keys, an_account_is_made_once_and_strangers_do_not_meet) {
    const auto person = [](const std::string& name) {
        return R"({"name":"A B","username":")" + name + R"(","email":")" + name +
               R"(@example.org","company":"X","password":"long enough"})";
    };
    const Headers key = {{"Idempotency-Key", "1"}};
    const auto first = send("POST", "/api/users/create/", person("carol"), {}, key);
    ASSERT_EQ(first.status, 201) << first.body;
    const auto again = send("POST", "/api/users/create/", person("carol"), {}, key);
    EXPECT_EQ(again.status, 201);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("Location"), first.header("Location"));
    EXPECT_EQ(again.header("Idempotency-Replayed"), "true");
    EXPECT_EQ(send("POST", "/api/users/create/", person("carol"), {}).status, 409) << "without the key";
    EXPECT_EQ(send("POST", "/api/users/create/", person("dave"), {}, key).status, 201)
        << "somebody else's key may look the same";
    clock_.advance(std::chrono::hours{25});
    EXPECT_EQ(send("POST", "/api/users/create/", person("carol"), {}, key).status, 409) << "forgotten after a day";
}

TEST_F(Keys, malformed_ones_are_400) {
    for (const std::string& key : {std::string(), std::string(256, 'k'), std::string("a\tb"), std::string("ü")})
        EXPECT_EQ(post("/api/jobs/submit/", job, key).status, 400) << key;
    EXPECT_EQ(post("/api/jobs/submit/", job, std::string(255, 'k')).status, 200);
    EXPECT_EQ(send("GET", "/api/jobs/", {}, ada.token, {{"Idempotency-Key", ""}}).status, 200) << "of no meaning here";
}

}  // namespace
}  // namespace windlass::api::test
