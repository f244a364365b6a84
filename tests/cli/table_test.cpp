#include "cli/table.h"

#include <gtest/gtest.h>

#include "cli/relative_time.h"

namespace windlass::cli {
namespace {

const WallTime now = *server_time("2026-11-22T12:00:00Z");

std::string table(const char* rows, const std::vector<Column>& columns, bool colours = false) {
    return table_text(*parse_json(rows), columns, now, colours);
}

TEST(Table, columns_are_as_wide_as_what_stands_in_them) {
    EXPECT_EQ(table(R"([{"a":"long enough","b":"x"},{"a":"ä","b":"y"}])", {{"a", "A", 2}, {"b", "B", 0}}),
              "A            B\n"
              "long enough  x\n"
              "ä            y\n");
}

TEST(Table, numbers_stand_below_each_other) {
    EXPECT_EQ(table(R"([{"n":5,"b":"x"},{"n":1000,"b":"y"},{"n":null,"b":"z"}])", {{"n", "N", 0}, {"b", "B", 0}}),
              "N     B\n"
              "5     x\n"
              "1000  y\n"
              "      z\n")
        << "the last column is never moved";
    EXPECT_EQ(table(R"([{"n":5,"b":"x"},{"n":1000,"b":"y"}])", {{"n", "N", 1}, {"b", "B", 0}}),
              "   N  B\n"
              "   5  x\n"
              "1000  y\n");
}

TEST(Table, says_times_sizes_and_durations_as_people_do) {
    EXPECT_EQ(table(R"([{"t":"2026-11-22T11:57:00.000Z","s":1536,"d":200},{"s":null}])",
                    {{"t", "T", 1, nullptr, Shown::ago},
                     {"s", "S", 1, nullptr, Shown::bytes},
                     {"d", "D", 1, nullptr, Shown::seconds}}),
              "T                S           D\n"
              "3 min ago  1.5 KiB  3 min 20 s\n"
              "\n");
}

TEST(Table, a_colour_takes_no_room) {
    const std::vector<Column> columns = {{"s", "S", 1, nullptr, Shown::status}, {"b", "B", 0}};
    const char* rows = R"([{"s":"failed","b":"x"},{"s":"succeeded","b":"y"}])";
    EXPECT_EQ(table(rows, columns), "S          B\nfailed     x\nsucceeded  y\n");
    EXPECT_EQ(table(rows, columns, true), "S          B\n\x1b[31mfailed\x1b[0m     x\n\x1b[32msucceeded\x1b[0m  y\n");
}

TEST(Table, nothing_in_it_commands_a_terminal) {
    const auto evil = [](const rapidjson::Value&) { return std::string("\x1b[2J"); };
    EXPECT_EQ(table(R"([{"a":"\u001b[2J\n","s":"\u001bc"}])",
                    {{"a", "A", 1}, {"s", "S", 1, nullptr, Shown::status}, {"x", "X", 0, evil}}),
              "A      S   X\n␛[2J   ␛c  ␛[2J\n");
}

}  // namespace
}  // namespace windlass::cli
