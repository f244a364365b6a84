#include "api/front_settings.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

TEST(FrontSettings, deadlines_are_those_of_the_configuration) {
    Config::Api api;
    api.head_deadline_s = 3;
    api.body_deadline_s = 4;
    api.idle_deadline_s = 5;
    api.write_deadline_s = 6;
    const auto settings = front_settings(api);
    ASSERT_TRUE(settings.ok()) << settings.error().message;
    EXPECT_EQ(settings->limits.head_deadline, Milliseconds{3'000});
    EXPECT_EQ(settings->limits.body_deadline, Milliseconds{4'000});
    EXPECT_EQ(settings->limits.idle_deadline, Milliseconds{5'000});
    EXPECT_EQ(settings->limits.write_deadline, Milliseconds{6'000});
}

TEST(FrontSettings, without_a_word_they_are_those_of_the_front) {
    const auto settings = front_settings(Config::Api{});
    ASSERT_TRUE(settings.ok()) << settings.error().message;
    const FrontLimits limits;
    EXPECT_EQ(settings->limits.head_deadline, limits.head_deadline);
    EXPECT_EQ(settings->limits.body_deadline, limits.body_deadline);
    EXPECT_EQ(settings->limits.idle_deadline, limits.idle_deadline);
    EXPECT_EQ(settings->limits.write_deadline, limits.write_deadline);
}

TEST(FrontSettings, no_deadline_can_be_left_out) {
    for (const auto member : {&Config::Api::head_deadline_s, &Config::Api::body_deadline_s,
                              &Config::Api::idle_deadline_s, &Config::Api::write_deadline_s})
        for (const std::int64_t seconds : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{86'401}}) {
            Config::Api api;
            api.*member = seconds;
            const auto settings = front_settings(api);
            ASSERT_FALSE(settings.ok()) << seconds;
            EXPECT_NE(settings.error().message.find("_deadline_s must be from 1 to 86400"), std::string::npos)
                << settings.error().message;
        }
}

}  // namespace
}  // namespace windlass::api
