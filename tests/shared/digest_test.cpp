#include "shared/digest.h"

#include <gtest/gtest.h>

#include <set>

namespace windlass {
namespace {

TEST(Digest, sha256_is_the_one_of_fips_180) {
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Digest, a_token_is_43_characters_and_never_the_same) {
    initialise_crypto();
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        const std::string token = random_token();
        EXPECT_EQ(token.size(), 43u);
        EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                  std::string::npos);
        EXPECT_TRUE(seen.insert(token).second);
    }
}

TEST(Digest, what_is_stored_of_a_token_is_not_the_token) {
    EXPECT_EQ(token_hash_hex("secret").size(), 64u);
    EXPECT_NE(token_hash_hex("secret"), token_hash_hex("secres"));
}

TEST(Digest, secrets_are_equal_only_when_every_byte_is) {
    EXPECT_TRUE(equal_secret("abc", "abc"));
    EXPECT_FALSE(equal_secret("abc", "abd"));
    EXPECT_FALSE(equal_secret("abc", "abcd"));
    EXPECT_TRUE(equal_secret("", ""));
}

}  // namespace
}  // namespace windlass
