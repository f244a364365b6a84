#include "cli/terminal.h"

#include <gtest/gtest.h>

namespace windlass::cli {
namespace {

TEST(Terminal, what_others_wrote_cannot_command_it) {
    EXPECT_EQ(harmless("plain ä €"), "plain ä €");
    EXPECT_EQ(harmless("\x1b]0;title\a"), "␛]0;title␇");
    EXPECT_EQ(harmless("a\nb\tc\r", true), "a\nb\tc ");
    EXPECT_EQ(harmless("a\nb\tc\r"
                       "d"),
              "a b c d");
    EXPECT_EQ(harmless("\x7f"), "␡");
    EXPECT_EQ(harmless("x\xC2\x9B"
                       "31m"),
              "x\xEF\xBF\xBD"
              "31m")
        << "CSI as one character of C1";
}

TEST(Terminal, text_cannot_be_turned_round) {
    for (const char* control : {"\u202E", "\u2066", "\u2069", "\u200F", "\u061C", "\u2028"})
        EXPECT_EQ(harmless(std::string("a") + control + "b"), "a\uFFFDb");
    EXPECT_EQ(harmless("a\u2013b"), "a\u2013b") << "a dash is none of them";
}

TEST(Terminal, a_text_that_breaks_off_in_a_character_is_no_problem) {
    EXPECT_EQ(harmless("a\xE2\x80"), "a\xE2\x80");
    EXPECT_EQ(harmless("a\xC2"), "a\xC2");
}

TEST(Terminal, a_status_has_a_colour_only_where_colours_are_shown) {
    EXPECT_EQ(coloured_status("failed", false), "failed");
    EXPECT_EQ(coloured_status("failed", true), "\x1b[31mfailed\x1b[0m");
}

}  // namespace
}  // namespace windlass::cli
