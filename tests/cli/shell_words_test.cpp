#include "cli/shell_words.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>

namespace windlass::cli {
namespace {

std::string output_of(const std::string& command) {
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    std::array<char, 256> part;
    while (const std::size_t n = fread(part.data(), 1, part.size(), pipe)) out.append(part.data(), n);
    pclose(pipe);
    return out;
}

TEST(ShellWords, one_word_is_shell_text_as_it_stands) {
    EXPECT_EQ(shell_text({"sort data | uniq -c"}), "sort data | uniq -c");
}

TEST(ShellWords, plain_words_are_not_quoted) {
    EXPECT_EQ(shell_text({"ls", "-l", "/tmp"}), "ls -l /tmp");
}

TEST(ShellWords, several_words_reach_the_program_exactly) {
    const std::vector<std::string> hard = {"printf", "[%s]", "a b", "",  "it's",
                                           "$HOME",  "`id`", "x;y", "*", "two\nlines"};
    EXPECT_EQ(output_of(shell_text(hard)), "[a b][][it's][$HOME][`id`][x;y][*][two\nlines]");
}

}  // namespace
}  // namespace windlass::cli
