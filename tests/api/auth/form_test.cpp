#include "api/auth/form.h"

#include <gtest/gtest.h>

namespace windlass::api::test {
namespace {

TEST(Form, is_decoded_in_order) {
    const auto fields = parse_form("b=1&a=x%20y+z&c=&%C3%A9=%e2%82%ac&d=e=f");
    ASSERT_TRUE(fields);
    const FormFields expected = {{"b", "1"}, {"a", "x y z"}, {"c", ""}, {"é", "€"}, {"d", "e=f"}};
    EXPECT_EQ(*fields, expected);
    EXPECT_TRUE(parse_form("")->empty());
    EXPECT_EQ(parse_form("a=1&")->size(), 1u);
}

TEST(Form, that_could_be_read_in_two_ways_is_refused) {
    for (const char* bad : {"a", "a=1&&b=2", "&a=1", "=1", "a=1&a=2", "a=1&%61=2", "a=%", "a=%4", "a=%4g", "a=%%41",
                            "a=%00", "a=%ff", "a=%c3", "%ff=1", "a=\xff"})
        EXPECT_FALSE(parse_form(bad)) << bad;
}

TEST(Form, is_bounded) {
    std::string many;
    for (int i = 0; i < 100; ++i) many += (i == 0 ? "" : "&") + ("f" + std::to_string(i)) + "=";
    EXPECT_TRUE(parse_form(many));
    EXPECT_FALSE(parse_form(many + "&g="));
    EXPECT_TRUE(parse_form("a=" + std::string(64 * 1024 - 2, 'x')));
    EXPECT_FALSE(parse_form("a=" + std::string(64 * 1024 - 1, 'x')));
}

}  // namespace
}  // namespace windlass::api::test
