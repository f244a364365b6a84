#include "shared/json.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace windlass {
namespace {

using testing::HasSubstr;

std::string nested(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

TEST(Json, depth_up_to_the_bound_is_read_and_one_more_is_refused) {
    EXPECT_TRUE(parse_json(nested(64)).ok());
    const auto deeper = parse_json(nested(65));
    ASSERT_FALSE(deeper.ok());
    EXPECT_THAT(deeper.error().message, HasSubstr("nested deeper than 64"));
}

TEST(Json, a_million_open_brackets_do_not_exhaust_the_stack) {
    EXPECT_FALSE(parse_json(std::string(1'000'000, '[')).ok());
}

TEST(Json, a_key_that_appears_twice_is_refused_at_any_depth) {
    const auto twice = parse_json(R"({"a": {"b": 1, "c": 2, "b": 3}})");
    ASSERT_FALSE(twice.ok());
    EXPECT_THAT(twice.error().message, HasSubstr("\"b\" appears twice"));
    EXPECT_TRUE(parse_json(R"([{"b": 1}, {"b": 2}])").ok());
}

TEST(Json, nul_in_a_string_or_key_is_refused) {
    EXPECT_FALSE(parse_json(R"({"a": "x\u0000y"})").ok());
    EXPECT_FALSE(parse_json(R"({"a\u0000": 1})").ok());
    JsonRules rules;
    rules.allow_nul = true;
    EXPECT_TRUE(parse_json(R"({"a": "x\u0000y"})", rules).ok());
}

TEST(Json, invalid_utf8_is_refused) {
    EXPECT_FALSE(parse_json("\"\xff\"").ok());
    EXPECT_FALSE(parse_json("\"\xc0\x80\"").ok());
}

TEST(Json, half_of_a_surrogate_pair_is_refused) {
    for (const char* text : {R"("\ud83d")", R"("\ud83dx")", R"("\ude00")", R"({"\udc00": 1})", R"("\ude00\ud83d")"})
        EXPECT_FALSE(parse_json(text).ok()) << text;
    const auto whole = parse_json(R"("\ud83d\ude00 \ud7ff")");
    ASSERT_TRUE(whole.ok()) << whole.error().message;
    EXPECT_EQ(text_of(*whole), "\xF0\x9F\x98\x80 \xED\x9F\xBF");
}

TEST(Json, a_byte_order_mark_is_skipped_and_half_of_one_is_refused) {
    EXPECT_TRUE(parse_json("\xEF\xBB\xBF{}").ok());
    for (const char* text : {"\xEF{}", "\xEF\xBB{}", "\xBB{}", "\xBF{}", "\xEF\xBB\xBF\xEF\xBB\xBF{}", "\xEF\xBB\xBF"})
        EXPECT_FALSE(parse_json(text).ok()) << text;
}

TEST(Json, an_error_names_the_place) {
    const auto bad = parse_json("{\"a\": 1,\n \"b\" 2}");
    ASSERT_FALSE(bad.ok());
    EXPECT_THAT(bad.error().message, HasSubstr("line 2, column 6"));
}

TEST(Json, text_after_the_value_is_refused) {
    EXPECT_FALSE(parse_json("{} {}").ok());
    EXPECT_FALSE(parse_json("").ok());
    EXPECT_FALSE(parse_json("   ").ok());
}

TEST(Json, bytes_behind_a_nul_are_not_forgotten) {
    using std::string_view_literals::operator""sv;
    for (const auto text : {"{}\0"sv, "{}\0more"sv, "[1\0]"sv, "\0{}"sv}) {
        const auto read = parse_json(text);
        EXPECT_FALSE(read.ok()) << text;
    }
}

// RapidJSON 1.1.0 by itself reads 10e308 as a negative number, 1.8e308 as infinity.
TEST(Json, a_number_that_no_double_holds_is_refused) {
    for (const std::string& text :
         {std::string("1e309"), std::string("-1e400"), std::string("10e308"), std::string("169313486231e308"),
          std::string("1.8e308"), std::string("[1.79769313486231931348623157e308]"), std::string("1e99999999999"),
          std::string("1e-99999999999"), "1" + std::string(300, '0') + "e300", std::string(400, '9')})
        EXPECT_FALSE(parse_json(text).ok()) << text;
}

TEST(Json, a_number_is_what_was_written) {
    for (const double value : {0.1, 1.5, -2.25e-7, 1.7976931348623157e308, 4.9406564584124654e-324, 123456.789e3})
        EXPECT_EQ(parse_json(fmt::format("{}", value))->GetDouble(), value);
    EXPECT_EQ(parse_json("-9223372036854775808")->GetInt64(), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(parse_json("18446744073709551615")->GetUint64(), std::numeric_limits<std::uint64_t>::max());
    EXPECT_TRUE(parse_json("18446744073709551616")->IsDouble());
    EXPECT_EQ(parse_json("[-0, 7]")->GetArray()[0].GetInt(), 0);
    EXPECT_TRUE(parse_json("7")->IsInt());
    EXPECT_TRUE(parse_json("7.0")->IsDouble());
    EXPECT_TRUE(parse_json("7e0")->IsDouble());
    for (const char* text : {"01", "+1", ".5", "1.", "1e", "0x1", "--1", "NaN", "Infinity", "-"})
        EXPECT_FALSE(parse_json(text).ok()) << text;
}

TEST(Json, more_values_than_the_rules_allow_are_refused) {
    JsonRules rules;
    rules.max_values = 3;
    EXPECT_TRUE(parse_json("[1,2]", rules).ok());
    EXPECT_FALSE(parse_json("[1,2,3]", rules).ok());
}

TEST(Utf8, every_byte_sequence_becomes_valid_text) {
    EXPECT_EQ(to_valid_utf8("abc"), "abc");
    EXPECT_EQ(to_valid_utf8("a\xff"
                            "b"),
              "a\xEF\xBF\xBD"
              "b");
    EXPECT_EQ(to_valid_utf8("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // a surrogate
    EXPECT_EQ(to_valid_utf8("\xf0\x9f\x98\x80"), "\xf0\x9f\x98\x80");
    EXPECT_EQ(to_valid_utf8("\xe2\x82"), "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut in the middle
    for (int a = 0; a < 256; ++a)
        for (int b = 0; b < 256; ++b) {
            const std::string bytes = {static_cast<char>(a), static_cast<char>(b), 'x'};
            EXPECT_TRUE(is_valid_utf8(to_valid_utf8(bytes)));
        }
}

}  // namespace
}  // namespace windlass
