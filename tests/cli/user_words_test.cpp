#include "cli/user_words.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

TEST(UserWords, only_what_was_said_is_changed) {
    UserChangeWords words;
    EXPECT_FALSE(user_change_body(words));
    words.tier = "Premium";
    EXPECT_EQ(*user_change_body(words), R"({"tier":"Premium"})");
    words.roles = {{"user", "admin"}};
    words.company = "";
    EXPECT_EQ(*user_change_body(words), R"({"tier":"Premium","company":"","roles":["user","admin"]})");
}

TEST(UserWords, a_user_is_found_by_name_address_or_id_in_this_order) {
    const auto users = parse_json(R"([{"id":7,"username":"ada","email":"ada@example.org"},)"
                                  R"({"id":8,"username":"7","email":"seven@example.org"}])")
                           .value();
    EXPECT_EQ(*find_user_id(users, "ADA"), "7");
    EXPECT_EQ(*find_user_id(users, "Seven@Example.org"), "8");
    EXPECT_EQ(*find_user_id(users, "7"), "8") << "somebody is called so";
    EXPECT_EQ(*find_user_id(users, "8"), "8");
    EXPECT_EQ(find_user_id(users, "bob").error().kind, ErrorKind::not_found);
}

TEST(UserWords, a_tier_is_changed_piece_by_piece) {
    TierWords words;
    EXPECT_EQ(tier_body(words), "{}");
    words.heights = {{200, 400}};
    words.no_original = true;
    words.expiring_links = true;
    EXPECT_EQ(tier_body(words), R"({"heights":[200,400],"original":false,"expiring_links":true})");
    words.no_heights = true;
    EXPECT_EQ(tier_body(words), R"({"heights":[],"original":false,"expiring_links":true})");
}

}  // namespace
}  // namespace windlass::cli
