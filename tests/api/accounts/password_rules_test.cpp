#include "api/accounts/password_rules.h"

#include <gtest/gtest.h>

#include <string>

namespace windlass::api {
namespace {

TEST(PasswordRules, length_is_measured_in_characters) {
    EXPECT_NE(fault_of_password("q7#kvz9"), "");
    EXPECT_EQ(fault_of_password("q7#kvz9!"), "");
    EXPECT_EQ(fault_of_password("päßwörqü"), "");
    std::string words;
    while (words.size() < 255) words += "ab#";
    EXPECT_EQ(fault_of_password(words.substr(0, 255)), "");
    EXPECT_NE(fault_of_password(words.substr(0, 255) + "x"), "");
}

TEST(PasswordRules, what_is_tried_first_is_refused) {
    for (const char* bad :
         {"password", "PassWord", "password123", "Summer2024!", "qwertyuiop", "iloveyou", "12345678", "87654321",
          "abcdefgh", "aaaaaaaa", "correcthorsebatterystaple", "Contraseña1", "1q2w3e4r", "        "})
        EXPECT_NE(fault_of_password(bad), "") << bad;
    for (const char* good : {"correct horse", "notes of 1843", "password of mine", "summer in the city"})
        EXPECT_EQ(fault_of_password(good), "") << good;
}

TEST(PasswordRules, what_everybody_knows_of_somebody_is_refused) {
    EXPECT_NE(fault_of_password("Ada.Lovelace", {"ada.lovelace", "ada@example.org"}), "");
    EXPECT_NE(fault_of_password("ada@EXAMPLE.org", {"ada.lovelace", "ada@example.org"}), "");
    EXPECT_EQ(fault_of_password("ada of example", {"ada.lovelace", ""}), "");
}

}  // namespace
}  // namespace windlass::api
