#include "shared/trace_context.h"

#include <gtest/gtest.h>

#include <string>

namespace windlass {
namespace {

const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(TraceContext, the_example_of_the_recommendation_is_one) {
    EXPECT_TRUE(is_traceparent(good));
    EXPECT_TRUE(is_traceparent("cc" + good.substr(2)));  // a later version
    EXPECT_TRUE(is_traceparent("cc" + good.substr(2) + "-what-the-future-will-be-like"));
}

TEST(TraceContext, everything_else_is_none) {
    EXPECT_FALSE(is_traceparent(""));
    EXPECT_FALSE(is_traceparent(good.substr(0, 54)));
    EXPECT_FALSE(is_traceparent(good + "-00"));  // version 00 says no more
    EXPECT_FALSE(is_traceparent("cc" + good.substr(2) + ".future"));
    EXPECT_FALSE(is_traceparent("ff" + good.substr(2)));
    EXPECT_FALSE(is_traceparent("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01"));
    EXPECT_FALSE(is_traceparent("00-00000000000000000000000000000000-b7ad6b7169203331-01"));
    EXPECT_FALSE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"));
    EXPECT_FALSE(is_traceparent("00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    EXPECT_FALSE(is_traceparent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g"));
    EXPECT_FALSE(is_traceparent("cc" + good.substr(2) + "-\n"));
    EXPECT_FALSE(is_traceparent("cc" + good.substr(2) + "-" + std::string(600, 'a')));
}

}  // namespace
}  // namespace windlass
