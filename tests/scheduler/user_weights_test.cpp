#include "scheduler/user_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::scheduler {
namespace {

TEST(UserWeights, are_read_from_account_and_weight) {
    const auto weights = parse_user_weights({"7=2.5", "12=1000"});
    ASSERT_TRUE(weights.ok()) << weights.error().message;
    EXPECT_EQ(*weights, (std::map<UserId, double>{{UserId{7}, 2.5}, {UserId{12}, 1000}}));
    EXPECT_TRUE(parse_user_weights({})->empty());
}

TEST(UserWeights, what_cannot_be_read_is_named) {
    for (const char* bad :
         {"", "7", "7=", "=2", "ada=2", "7=0", "7=-1", "7=1001", "7=nan", "7=inf", "7=2x", "0=1", "-7=1"}) {
        const auto weights = parse_user_weights({"1=1", bad});
        ASSERT_FALSE(weights.ok()) << bad;
        EXPECT_THAT(weights.error().message, testing::HasSubstr("\"" + std::string(bad) + "\"")) << bad;
    }
    EXPECT_FALSE(parse_user_weights({"7=1", "7=2"}).ok());
}

}  // namespace
}  // namespace windlass::scheduler
