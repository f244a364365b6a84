#include "api/password_hasher.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "shared/digest.h"

namespace windlass::api {
namespace {

class PasswordHasherTest : public ::testing::Test {
  protected:
    PasswordHasherTest() { initialise_crypto(); }

    static Verdict verdict(PasswordHasher& hasher, const std::string& password, std::optional<std::string> hash) {
        std::promise<Verdict> promise;
        EXPECT_TRUE(hasher.verify(password, std::move(hash), [&](Verdict v) { promise.set_value(std::move(v)); }));
        return promise.get_future().get();
    }
};

TEST_F(PasswordHasherTest, knows_the_right_password_from_a_wrong_one) {
    PasswordHasher hasher(HashCost::cheapest());
    const std::string hash = hasher.hash_now("correct horse");
    EXPECT_TRUE(hash.starts_with("$argon2id$"));
    EXPECT_TRUE(verdict(hasher, "correct horse", hash).correct);
    EXPECT_FALSE(verdict(hasher, "correct horse ", hash).correct);
    EXPECT_FALSE(verdict(hasher, "", hash).correct);
}

TEST_F(PasswordHasherTest, without_a_hash_nothing_is_right) {
    PasswordHasher hasher(HashCost::cheapest());
    EXPECT_FALSE(verdict(hasher, "anything", std::nullopt).correct);
}

TEST_F(PasswordHasherTest, a_hash_of_another_cost_is_made_anew) {
    PasswordHasher old(HashCost::cheapest());
    HashCost more = HashCost::cheapest();
    more.operations += 1;
    PasswordHasher hasher(more);
    const auto result = verdict(hasher, "correct horse", old.hash_now("correct horse"));
    EXPECT_TRUE(result.correct);
    ASSERT_TRUE(result.better_hash);
    const auto again = verdict(hasher, "correct horse", result.better_hash);
    EXPECT_TRUE(again.correct);
    EXPECT_FALSE(again.better_hash);
}

TEST_F(PasswordHasherTest, a_full_queue_says_so) {
    std::promise<void> gate;
    auto opened = gate.get_future().share();
    std::promise<void> busy;
    std::atomic<int> done = 0;
    PasswordHasher hasher(HashCost::cheapest(), 1, 2);
    ASSERT_TRUE(hasher.hash("one", [&](const std::string&) {
        busy.set_value();
        opened.wait();
        ++done;
    }));
    busy.get_future().wait();
    EXPECT_TRUE(hasher.hash("two", [&](const std::string&) { ++done; }));
    std::promise<void> last;
    EXPECT_TRUE(hasher.hash("three", [&](const std::string&) { ++done, last.set_value(); }));
    const auto refused = hasher.hash("four", [&](const std::string&) { ADD_FAILURE() << "was refused"; });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::unavailable);
    EXPECT_EQ(hasher.waiting(), 2u);
    gate.set_value();
    last.get_future().wait();
    EXPECT_EQ(done, 3);
}

}  // namespace
}  // namespace windlass::api
