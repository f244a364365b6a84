#include "api/names.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

TEST(Names, spellings_that_differ_in_case_have_one_key) {
    EXPECT_EQ(name_key("Ada@Example.ORG"), "ada@example.org");
    EXPECT_EQ(name_key("ÄÖÜ ΑΒΓ Жук"), "äöü αβγ жук");
    EXPECT_EQ(name_key("日本 🙂"), "日本 🙂");
    EXPECT_EQ(name_key(""), "");
}

TEST(Names, usernames) {
    for (const char* good : {"a", "ada", "ada.king", "ada@example.org", "Жук", "日本"})
        EXPECT_EQ(fault_of_username(good), "") << good;
    for (const char* bad : {"", " ", "a b", "a/b", "a:b", "a\tb", "a\x7f", "deleted:1", "a?b",
                            "a\xe2\x80\x83"
                            "b"})
        EXPECT_NE(fault_of_username(bad), "") << bad;
    EXPECT_NE(fault_of_username(std::string(151, 'a')), "");
}

TEST(Names, email_addresses) {
    for (const char* good : {"a@b", "ada.king+x@example.org", "用户@例え.jp"})
        EXPECT_EQ(fault_of_email(good), "") << good;
    for (const char* bad : {"", "ada", "@example.org", "ada@", "a@b@c", "a b@c", "a@.c", "a@c.", "a@b..c", "<a@b>",
                            "a@b,c@d", "deleted:1"})
        EXPECT_NE(fault_of_email(bad), "") << bad;
    EXPECT_NE(fault_of_email("a@" + std::string(260, 'b')), "");
}

TEST(Names, a_blank_name_is_none) {
    EXPECT_NE(fault_of_personal_name(""), "");
    EXPECT_NE(fault_of_personal_name("  \t"), "");
    EXPECT_NE(fault_of_personal_name("a\nb"), "");
    EXPECT_EQ(fault_of_personal_name("Ada King"), "");
}

TEST(Names, a_name_is_split_at_its_last_word) {
    EXPECT_EQ(split_name("Ada King Lovelace").first, "Ada King");
    EXPECT_EQ(split_name("Ada King Lovelace").last, "Lovelace");
    EXPECT_EQ(split_name("Plato").first, "Plato");
    EXPECT_EQ(split_name("Plato").last, "");
    EXPECT_EQ(split_name("Plato  ").first, "Plato");
}

}  // namespace
}  // namespace windlass::api
