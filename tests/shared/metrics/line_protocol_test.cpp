#include "shared/metrics/line_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace windlass::metrics {
namespace {

using testing::HasSubstr;
using testing::Pair;

std::vector<Line> lines_of(std::string_view text, Precision precision = {}) {
    auto lines = parse_lines(text, precision);
    EXPECT_TRUE(lines) << lines.error().message;
    return lines ? std::move(lines).value() : std::vector<Line>{};
}
Line line_of(std::string_view text) {
    auto lines = lines_of(text);
    EXPECT_EQ(lines.size(), 1U) << text;
    return lines.empty() ? Line{} : lines.front();
}
std::string fault_of(std::string_view text, const LineLimits& limits = {}) {
    const auto lines = parse_lines(text, {}, limits);
    EXPECT_FALSE(lines) << text;
    return lines ? "" : lines.error().message;
}
double number_of(const Line& line, std::size_t field = 0) {
    return std::get<double>(line.fields.at(field).second);
}

TEST(LineProtocol, a_line_as_the_collector_sends_it) {
    const Line line = line_of("cpu_load,hostname=n1,type=socket,type-id=0 value=1.5 1700000000000000000\n");
    EXPECT_EQ(line.measurement, "cpu_load");
    EXPECT_THAT(line.tags, testing::ElementsAre(Pair("hostname", "n1"), Pair("type", "socket"), Pair("type-id", "0")));
    ASSERT_EQ(line.fields.size(), 1U);
    EXPECT_EQ(line.fields[0].first, "value");
    EXPECT_EQ(number_of(line), 1.5);
    EXPECT_EQ(line.at_ns, 1'700'000'000'000'000'000);
}

TEST(LineProtocol, fields_of_all_kinds) {
    const Line line =
        line_of(R"(m a=1,b=-2i,c=18446744073709551615u,d=1.5e3,e=t,f=FALSE,g="x y,z=\"1\" \\ \n",h=+4,i=.5,j=1.)");
    ASSERT_EQ(line.fields.size(), 10U);
    EXPECT_EQ(number_of(line, 0), 1);
    EXPECT_EQ(number_of(line, 1), -2);
    EXPECT_EQ(number_of(line, 2), 18446744073709551615.0);
    EXPECT_EQ(number_of(line, 3), 1500);
    EXPECT_EQ(std::get<bool>(line.fields[4].second), true);
    EXPECT_EQ(std::get<bool>(line.fields[5].second), false);
    EXPECT_EQ(std::get<std::string>(line.fields[6].second), R"(x y,z="1" \ \n)");
    EXPECT_EQ(number_of(line, 7), 4);
    EXPECT_EQ(number_of(line, 8), 0.5);
    EXPECT_EQ(number_of(line, 9), 1);
    EXPECT_EQ(line.at_ns, std::nullopt);
}

TEST(LineProtocol, escapes_stand_for_themselves_where_they_are_needed) {
    const Line line = line_of(R"(my\ me\,as=ure,tag\ a\=b\,=v\ \=\,w\x f\=\ g=1)");
    EXPECT_EQ(line.measurement, "my me,as=ure");
    EXPECT_THAT(line.tags, testing::ElementsAre(Pair("tag a=b,", R"(v =,w\x)")));
    EXPECT_EQ(line.fields.at(0).first, "f= g");
}

TEST(LineProtocol, comments_empty_lines_and_line_ends_of_all_systems) {
    const auto lines = lines_of("# first\r\n\r\na x=1 5\r\n\n   # more\n  b x=\"one\ntwo\"   6  \nc x=3");
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0].at_ns, 5);
    EXPECT_EQ(std::get<std::string>(lines[1].fields[0].second), "one\ntwo");
    EXPECT_EQ(lines[1].at_ns, 6);
    EXPECT_EQ(lines[0].number, 3U);
    EXPECT_EQ(lines[1].number, 6U);
    EXPECT_EQ(lines[2].number, 8U);
    EXPECT_EQ(number_of(lines[2]), 3);
    EXPECT_TRUE(lines_of("").empty());
    EXPECT_TRUE(lines_of("\n \n#").empty());
}

TEST(LineProtocol, times_are_of_the_precision_that_is_said) {
    for (const auto& [name, ns] : std::map<std::string, std::int64_t>{{"ns", 7},
                                                                      {"n", 7},
                                                                      {"u", 7'000},
                                                                      {"us", 7'000},
                                                                      {"ms", 7'000'000},
                                                                      {"s", 7'000'000'000},
                                                                      {"m", 420'000'000'000},
                                                                      {"h", 25'200'000'000'000}}) {
        const auto precision = Precision::named(name);
        ASSERT_TRUE(precision) << name;
        EXPECT_EQ(lines_of("a x=1 7", *precision).at(0).at_ns, ns) << name;
    }
    EXPECT_FALSE(Precision::named("days"));
    EXPECT_THAT(parse_lines("a x=1 1700000000000000000", {1'000'000'000}).error().message, HasSubstr("precision"));
}

TEST(LineProtocol, a_fault_names_its_line) {
    EXPECT_EQ(fault_of("a x=1\n# comment\nb y\n"), "line 3: the field 'y' has no value");
    EXPECT_EQ(fault_of("a x=\"1\n2\"\nb y"), "line 3: the field 'y' has no value");
    EXPECT_EQ(fault_of("a"), "line 1: it has no fields");
    EXPECT_EQ(fault_of("a,"), "line 1: a tag has no name");
    EXPECT_EQ(fault_of(",t=1 x=1"), "line 1: it has no measurement");
    EXPECT_EQ(fault_of("a,t x=1"), "line 1: the tag 't' has no value");
    EXPECT_EQ(fault_of("a,t= x=1"), "line 1: the tag 't' has no value");
    EXPECT_EQ(fault_of("a,t=1,t=2 x=1"), "line 1: the tag 't' stands there twice");
    EXPECT_EQ(fault_of("a x=1,x=2"), "line 1: the field 'x' stands there twice");
    EXPECT_EQ(fault_of("a x=1,"), "line 1: a field has no name");
    EXPECT_EQ(fault_of("a x=\"1"), "line 1: the field 'x' has a quote that is not closed");
    EXPECT_EQ(fault_of("a x=\"1\"2"), "line 1: there is something behind the field 'x'");
    EXPECT_EQ(fault_of("a x=1 2 3"), "line 1: there is something behind its time");
    EXPECT_EQ(fault_of("a x=1 2.5"), "line 1: its time is not a whole number");
    for (const std::string value : {"abc", "1x", "nan", "inf", "1.5i", "-1u", "i", "+", "tru", "0x10"})
        EXPECT_EQ(fault_of("a x=" + value), "line 1: the field 'x' is neither a number, a truth nor a text in quotes")
            << value;
    EXPECT_EQ(fault_of("a x=9223372036854775808i"), "line 1: the field 'x' is out of the range of 64 bits");
    EXPECT_EQ(fault_of("a x=1e400"), "line 1: the field 'x' is out of the range of 64 bits");
}

TEST(LineProtocol, limits_are_kept) {
    EXPECT_THAT(fault_of("a x=1\na x=1\na x=1", {.lines = 2}), HasSubstr("line 3: more than 2 lines"));
    EXPECT_THAT(fault_of("a x=12345", {.line_bytes = 8}), HasSubstr("longer than 8 bytes"));
    EXPECT_THAT(fault_of("a x=\"" + std::string(100, 'y'), {.line_bytes = 8}), HasSubstr("longer than 8 bytes"));
    EXPECT_THAT(fault_of("a,b=1,c=2 x=1", {.tags = 1}), HasSubstr("more than 1 tags"));
    EXPECT_THAT(fault_of("a x=1,y=2", {.fields = 1}), HasSubstr("more than 1 fields"));
}

TEST(LineProtocol, any_bytes_are_read_or_refused_with_a_line) {
    std::mt19937_64 random(11);
    const std::string_view letters = "ab=, \\\"\n\r#.1iut-+\xff\t";
    for (int round = 0; round < 50'000; ++round) {
        std::string text;
        for (std::size_t n = random() % 40; n > 0; --n) text += letters[random() % letters.size()];
        const auto lines = parse_lines(text);
        if (!lines) {
            ASSERT_TRUE(lines.error().message.starts_with("line ")) << lines.error().message;
            continue;
        }
        for (const Line& line : *lines) {
            ASSERT_FALSE(line.measurement.empty()) << text;
            ASSERT_FALSE(line.fields.empty()) << text;
        }
    }
}

}  // namespace
}  // namespace windlass::metrics
