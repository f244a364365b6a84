#include "api/front/target.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;

TEST(Target, path_and_query_are_decoded_once_and_in_order) {
    const auto target = parse_target("/a%20b/%2541?x=1&y=%C3%A9&x=2+3&flag&empty=");
    ASSERT_TRUE(target.ok());
    EXPECT_EQ(target->path, "/a b/%41");
    EXPECT_EQ(target->query, (Query{{"x", "1"}, {"y", "\xC3\xA9"}, {"x", "2 3"}, {"flag", ""}, {"empty", ""}}));
}

TEST(Target, second_question_mark_belongs_to_the_query) {
    const auto target = parse_target("/a?q=why?&&r=1=2");
    ASSERT_TRUE(target.ok());
    EXPECT_EQ(target->query, (Query{{"q", "why?"}, {"r", "1=2"}}));
}

TEST(Target, plus_in_the_path_stays_a_plus) {
    EXPECT_EQ(parse_target("/a+b")->path, "/a+b");
}

TEST(Target, raw_json_in_the_query_is_taken) {
    EXPECT_EQ(parse_target("/a?f={\"k\":[1]}")->query[0].second, "{\"k\":[1]}");
}

TEST(Target, what_is_ambiguous_is_refused) {
    for (const std::string_view bad :
         {"",           "a",       "*",        "http://host/a", "host:80",   "/a b",  "/a\tb",  "/a#f",
          "/%",         "/%1",     "/%zz",     "/a%00b",        "/a%0d%0ab", "/a%7f", "/%ff",   "/%c0%af",
          "/%ed%a0%80", "/a\\b",   "/a|b",     "/a<b",          "/../a",     "/a/..", "/a/./b", "/%2e%2e/a",
          "/a?x=%",     "/a?x=%0", "/a?%00=1", "/a?x=%ff",      "/\xC3\xA9"}) {
        EXPECT_FALSE(parse_target(bad).ok()) << bad;
    }
}

TEST(Target, dots_inside_a_segment_are_harmless) {
    EXPECT_TRUE(parse_target("/a..b/.hidden/v1.2/...").ok());
}

TEST(Utf8, knows_overlong_forms_surrogates_and_cut_sequences) {
    EXPECT_TRUE(valid_utf8("plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
    for (const std::string_view bad :
         {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xED\xBF\xBF", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80",
          "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98"}) {
        EXPECT_FALSE(valid_utf8(bad));
    }
}

}  // namespace
}  // namespace windlass::api
