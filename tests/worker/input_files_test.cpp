#include "worker/input_files.h"

#include <gtest/gtest.h>

#include <fstream>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

AttemptRef job(int number) {
    return {JobId{number}, 1};
}
std::string large(char c) {
    return std::string(100, c);
}

class InputFilesTest : public testing::Test {
  protected:
    InputFilesTest() { initialise_crypto(); }
    InputFiles make(std::int64_t cache_bytes, std::int64_t memory_bytes) {
        return InputFiles(BlobCache::open(temporary_.path() + "/blobs", cache_bytes).value(), memory_bytes);
    }
    static std::map<std::string, std::string> files(const std::vector<std::string>& contents) {
        std::map<std::string, std::string> all;
        for (const auto& bytes : contents) all["f" + std::to_string(all.size())] = sha256_hex(bytes);
        return all;
    }

    windlass::test::TemporaryDirectory temporary_;
};

TEST_F(InputFilesTest, nothing_more_is_asked_for_while_much_is_held_but_for_who_came_first) {
    InputFiles input = make(0, 150);
    EXPECT_FALSE(input.want(job(1), files({large('a'), large('b'), large('c')})));
    EXPECT_FALSE(input.want(job(2), files({large('x')})));
    EXPECT_EQ(input.next_requests().size(), 4u) << "nothing is held yet";
    input.forget_requests();
    for (const char c : {'a', 'b'}) EXPECT_TRUE(input.arrived(sha256_hex(large(c)), large(c))->empty());
    EXPECT_EQ(input.held_bytes(), 200);
    EXPECT_EQ(input.next_requests(), (std::vector<std::string>{sha256_hex(large('c'))}));
    EXPECT_EQ(*input.arrived(sha256_hex(large('c')), large('c')), (std::vector<AttemptRef>{job(1)}));
    EXPECT_TRUE(input.next_requests().empty()) << "the first has all, and holds the memory until it starts";
    EXPECT_EQ(InputFiles::read(input.sources(job(1))).files.size(), 3u);
    input.drop(job(1));
    EXPECT_EQ(input.held_bytes(), 0);
    EXPECT_EQ(input.next_requests(), (std::vector<std::string>{sha256_hex(large('x'))}));
}

TEST_F(InputFilesTest, what_is_wanted_stays_in_the_cache_until_it_is_used) {
    InputFiles input = make(250, 1000);
    input.want(job(1), files({large('a'), large('b'), large('c')}));
    for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(input.arrived(sha256_hex(large(c)), large(c)));
    EXPECT_EQ(input.held_bytes(), 100) << "two fit the cache and stay there, the third is held";
    const auto content = InputFiles::read(input.sources(job(1)));
    EXPECT_TRUE(content.damaged.empty());
    EXPECT_EQ(content.files.at("f0"), large('a'));
    EXPECT_EQ(content.files.at("f2"), large('c'));
    input.drop(job(1));
    EXPECT_TRUE(input.wants_nothing());
    EXPECT_FALSE(input.want(job(2), files({large('z')})));
    ASSERT_TRUE(input.arrived(sha256_hex(large('z')), large('z')));
    EXPECT_EQ(input.held_bytes(), 0) << "what nobody wants any more makes room";
}

TEST_F(InputFilesTest, a_held_file_stays_while_one_attempt_wants_it) {
    InputFiles input = make(0, 1000);
    input.want(job(1), files({"x"}));
    input.want(job(2), files({"x"}));
    EXPECT_EQ(input.arrived(sha256_hex("x"), "x")->size(), 2u);
    input.drop(job(1));
    EXPECT_EQ(input.held_bytes(), 1);
    EXPECT_TRUE(input.want(job(3), files({"x"})));
    input.drop(job(2));
    EXPECT_EQ(InputFiles::read(input.sources(job(3))).files.at("f0"), "x");
    input.drop(job(3));
    EXPECT_EQ(input.held_bytes(), 0);
}

TEST_F(InputFilesTest, sizes_count_every_path_in_whole_pages) {
    InputFiles input = make(1000, 1000);
    input.want(job(1), files({"x", "x", large('a')}));
    ASSERT_TRUE(input.arrived(sha256_hex("x"), "x"));
    ASSERT_TRUE(input.arrived(sha256_hex(large('a')), large('a')));
    EXPECT_EQ(input.size_bytes(job(1), 64), 64 + 64 + 128);
}

TEST_F(InputFilesTest, a_damaged_one_is_waited_for_again_and_not_kept_on_that_disk) {
    InputFiles input = make(1000, 1000);
    for (const int number : {1, 2}) input.want(job(number), files({"intact"}));
    ASSERT_TRUE(input.arrived(sha256_hex("intact"), "intact"));
    std::ofstream(temporary_.path() + "/blobs/" + sha256_hex("intact")) << "broken";
    const auto content = InputFiles::read(input.sources(job(1)));
    EXPECT_EQ(content.damaged, (std::set<std::string>{sha256_hex("intact")}));
    EXPECT_FALSE(input.wait_again(job(1), content.damaged));
    EXPECT_EQ(input.next_requests(), (std::vector<std::string>{sha256_hex("intact")}));
    const auto too = InputFiles::read(input.sources(job(2)));
    EXPECT_EQ(*input.arrived(sha256_hex("intact"), "intact"), (std::vector<AttemptRef>{job(1)}));
    EXPECT_EQ(input.held_bytes(), 6);
    EXPECT_TRUE(input.wait_again(job(2), too.damaged)) << "it has come again by now";
    EXPECT_EQ(InputFiles::read(input.sources(job(2))).files.at("f0"), "intact");
}

}  // namespace
}  // namespace windlass::worker
