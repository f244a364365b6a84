#include "cli/result_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ResultFiles, a_name_that_leads_elsewhere_has_no_place) {
    for (const char* path : {"", "/etc/passwd", "../x", "a/../../x", "a/..", ".", "a/./b", "a/"})
        EXPECT_FALSE(place_of("/tmp/here", path).ok()) << path;
    EXPECT_EQ(*place_of("/tmp/here", "a/b c"), "/tmp/here/a/b c");
    EXPECT_EQ(*place_of("/tmp/here", "..."), "/tmp/here/...");
}

TEST(ResultFiles, files_are_written_with_the_directories_above_them) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(write_result_file(directory.path(), "a/b/c", "bytes", false).ok());
    EXPECT_EQ(text_of(directory.path() + "/a/b/c"), "bytes");
    EXPECT_TRUE(write_result_file(directory.path(), "a/d", "", false).ok());
}

TEST(ResultFiles, what_is_there_is_replaced_only_on_request) {
    const test::TemporaryDirectory directory;
    ASSERT_TRUE(write_result_file(directory.path(), "a", "first one", false).ok());
    EXPECT_EQ(write_result_file(directory.path(), "a", "second", false).error().kind, ErrorKind::conflict);
    EXPECT_EQ(text_of(directory.path() + "/a"), "first one");
    ASSERT_TRUE(write_result_file(directory.path(), "a", "second", true).ok());
    EXPECT_EQ(text_of(directory.path() + "/a"), "second");
}

TEST(ResultFiles, no_link_on_the_way_is_followed) {
    const test::TemporaryDirectory directory, elsewhere;
    std::filesystem::create_directory_symlink(elsewhere.path(), directory.path() + "/out");
    std::filesystem::create_symlink(elsewhere.path() + "/target", directory.path() + "/file");
    EXPECT_FALSE(write_result_file(directory.path(), "out/x", "bytes", true).ok());
    EXPECT_FALSE(write_result_file(directory.path(), "file", "bytes", true).ok());
    EXPECT_TRUE(std::filesystem::is_empty(elsewhere.path()));
}

}  // namespace
}  // namespace windlass::cli
