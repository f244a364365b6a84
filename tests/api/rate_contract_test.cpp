// How a client sees that there is a limit, before and after it reaches it.
#include <gtest/gtest.h>

#include "api_fixture.h"

namespace windlass::api::test {
namespace {

class Rates : public ApiTest {
  protected:
    Rates() {
        rates_ = std::make_unique<RateLimits>(RateSettings{.account_per_s = 2, .address_per_s = 1});
        build_app();
    }
    Account ada = make_account("ada");
    Account bob = make_account("bob");
};

class FullQueue : public ApiTest {
  protected:
    FullQueue() {
        build_app();
        scheduler_->refusal = protocol::SubmitRefused{{}, protocol::SubmitRefused::Why::queued_quota, "Enough.", 2000};
    }
    Answer submit() { return send("POST", "/api/jobs/submit/", job, ada.token); }
    const std::string job = R"({"code":"","data":"","running_commands":"true"})";
    Account ada = make_account("ada");
};

TEST_F(Rates, answers_show_the_limit_and_beyond_it_comes_429_with_retry_after) {
    for (int left = 3; left >= 0; --left) {
        const auto answer = get("/api/jobs/", ada.token);
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.header("RateLimit-Limit"), "4");
        EXPECT_EQ(answer.header("RateLimit-Remaining"), std::to_string(left));
    }
    const auto refused = get("/api/jobs/", ada.token);
    EXPECT_EQ(refused.status, 429);
    EXPECT_EQ(refused.header("Retry-After"), "1");
    EXPECT_EQ(refused.header("RateLimit-Remaining"), "0");
    EXPECT_EQ(get("/api/jobs/", bob.token).status, 200) << "others are not held up";
    clock_.advance(Seconds{1});
    EXPECT_EQ(get("/api/jobs/", ada.token).status, 200);
}

TEST_F(Rates, strangers_share_the_bucket_of_their_address) {
    const auto status = [&](const std::string& address, const std::string& token) {
        remote_address_ = address;
        return get("/api/jobs/", token).status;
    };
    EXPECT_EQ(status("192.0.2.7", "guess-1"), 401);
    EXPECT_EQ(status("192.0.2.7", ""), 401);
    EXPECT_EQ(status("192.0.2.7", "guess-2"), 429);
    EXPECT_EQ(status("192.0.2.8", "guess-3"), 401);
    EXPECT_EQ(status("192.0.2.7", ada.token), 200) << "who has a good credential is counted by account";
}

TEST_F(FullQueue, who_does_not_stop_submitting_is_told_so_for_a_moment_without_the_scheduler_being_asked) {
    for (std::int64_t i = 0; i < RefusedSubmits::many_per_second; ++i) ASSERT_EQ(submit().status, 429);
    scheduler_->refusal.reset();  // there is room again, but who would know
    const auto told = submit();
    EXPECT_EQ(told.status, 429);
    EXPECT_EQ(told.header("Retry-After"), "2");
    EXPECT_STREQ(told.json()["type"].GetString(), "urn:windlass:problem:queued-quota");
    EXPECT_STREQ(told.json()["detail"].GetString(), "Enough.");
    EXPECT_EQ(send("POST", "/api/jobs/submit/", job, ada.token, {{"Idempotency-Key", "one"}}).status, 200)
        << "with a key the scheduler may know the answer";
    clock_.advance(RefusedSubmits::good_for);
    EXPECT_EQ(submit().status, 200);
}

TEST_F(FullQueue, one_refused_now_and_then_says_nothing_about_the_next) {
    EXPECT_EQ(submit().status, 429);
    scheduler_->refusal.reset();
    EXPECT_EQ(submit().status, 200);
}

}  // namespace
}  // namespace windlass::api::test
