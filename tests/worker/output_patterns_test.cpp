#include "worker/output_patterns.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

// As the walk asks: down the directories, then the file.
bool takes(OutputPatterns& patterns, std::string_view path) {
    auto place = patterns.start();
    for (auto slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/')) {
        place = patterns.below(place, path.substr(0, slash));
        if (place.empty()) return false;
        path.remove_prefix(slash + 1);
    }
    return patterns.takes(place, path);
}
bool takes(const std::string& pattern, std::string_view path) {
    OutputPatterns patterns({pattern});
    return takes(patterns, path);
}

TEST(OutputPatterns, a_star_stays_within_a_name) {
    EXPECT_TRUE(takes("*.log", "a.log"));
    EXPECT_TRUE(takes("*.log", ".log"));
    EXPECT_TRUE(takes("run-*-of-*.txt", "run-3-of-of-9.txt"));
    EXPECT_FALSE(takes("*.log", "a.log.gz"));
    EXPECT_FALSE(takes("*.log", "logs/a.log"));
    EXPECT_FALSE(takes("*", "a/b"));
    EXPECT_TRUE(takes("*/b", "a/b"));
    EXPECT_FALSE(takes("*/b", "b"));
}

TEST(OutputPatterns, a_question_mark_is_one_byte_and_brackets_are_themselves) {
    EXPECT_TRUE(takes("a?c", "abc"));
    EXPECT_FALSE(takes("a?c", "ac"));
    EXPECT_FALSE(takes("a?c", "a/c"));
    EXPECT_TRUE(takes("[ab]", "[ab]"));
    EXPECT_FALSE(takes("[ab]", "a"));
}

TEST(OutputPatterns, two_stars_are_any_number_of_directories) {
    for (const char* path : {"a.log", "x/a.log", "x/y/z/a.log"}) EXPECT_TRUE(takes("**/*.log", path)) << path;
    EXPECT_TRUE(takes("a/**/b", "a/b"));
    EXPECT_TRUE(takes("a/**/b", "a/x/b/y/b"));
    EXPECT_FALSE(takes("a/**/b", "b"));
    EXPECT_FALSE(takes("a/**/b", "x/a/b"));
    EXPECT_TRUE(takes("**", "anything/at/all"));
    EXPECT_TRUE(takes("**/**/a", "a"));
}

TEST(OutputPatterns, a_directory_with_a_slash_is_everything_below_it) {
    EXPECT_TRUE(takes("logs/", "logs/a"));
    EXPECT_TRUE(takes("logs/", "logs/x/y"));
    EXPECT_FALSE(takes("logs/", "logs"));
    EXPECT_FALSE(takes("logs/", "other/a"));
    EXPECT_FALSE(takes("logs", "logs/a")) << "without it a name is that of a file";
}

TEST(OutputPatterns, what_cannot_match_below_a_directory_is_known_there) {
    OutputPatterns patterns({"a/b/*.txt", "c/**"});
    EXPECT_TRUE(patterns.below(patterns.start(), "x").empty());
    const auto in_a = patterns.below(patterns.start(), "a");
    EXPECT_FALSE(in_a.empty());
    EXPECT_TRUE(patterns.below(in_a, "x").empty());
    EXPECT_FALSE(patterns.below(patterns.start(), "c").empty());
}

TEST(OutputPatterns, only_a_pattern_without_wildcards_names_a_path) {
    const OutputPatterns patterns({"data", "in/*"});
    EXPECT_TRUE(patterns.names("data"));
    EXPECT_FALSE(patterns.names("in/*"));
    EXPECT_FALSE(patterns.names("code"));
}

TEST(OutputPatterns, hostile_patterns_give_up_instead_of_taking_for_ever) {
    std::string stars;
    for (int i = 0; i < 80; ++i) stars += "*a";
    OutputPatterns patterns(std::vector<std::string>(100, stars + "b"));
    const std::string name(255, 'a');
    for (int i = 0; i < 1'000'000 && !patterns.gave_up(); ++i) EXPECT_FALSE(takes(patterns, name));
    EXPECT_TRUE(patterns.gave_up());
}

}  // namespace
}  // namespace windlass::worker
