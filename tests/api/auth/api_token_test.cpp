#include "api/auth/api_token.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "shared/digest.h"

namespace windlass::api::test {
namespace {

TEST(ApiToken, is_one_word_with_a_mark_and_a_check) {
    initialise_crypto();
    std::set<std::string> seen;
    for (int i = 0; i < 200; ++i) {
        const auto token = make_api_token();
        EXPECT_EQ(token.size(), 52u);
        EXPECT_TRUE(token.starts_with("wl_"));
        EXPECT_TRUE(std::all_of(token.begin() + 3, token.end(), [](unsigned char c) { return std::isalnum(c) != 0; }));
        EXPECT_TRUE(may_be_api_token(token));
        EXPECT_TRUE(seen.insert(token).second);
        EXPECT_EQ(shown_prefix(token), token.substr(0, 8));
    }
}

TEST(ApiToken, its_check_is_the_CRC_32_that_every_scanner_knows) {
    // python3 -c 'import zlib; print(zlib.crc32(b"wl_" + b"a" * 43))' is 2651056732, in base 62: 2tPYxY
    EXPECT_TRUE(may_be_api_token("wl_" + std::string(43, 'a') + "2tPYxY"));
    EXPECT_FALSE(may_be_api_token("wl_" + std::string(43, 'a') + "2tPYx0"));
}

TEST(ApiToken, a_mistyped_one_is_told_from_a_real_one) {
    initialise_crypto();
    const auto token = make_api_token();
    for (std::size_t at = 3; at < token.size(); ++at) {
        std::string changed = token;
        changed[at] = changed[at] == 'a' ? 'b' : 'a';
        EXPECT_FALSE(may_be_api_token(changed)) << at;
    }
    EXPECT_FALSE(may_be_api_token("wl_"));
    EXPECT_FALSE(may_be_api_token(token + "a"));
    EXPECT_FALSE(may_be_api_token(token.substr(0, 51)));
    EXPECT_TRUE(may_be_api_token(random_token())) << "other forms are known by their hash";
    EXPECT_TRUE(may_be_api_token(random_hex(20)));
}

}  // namespace
}  // namespace windlass::api::test
