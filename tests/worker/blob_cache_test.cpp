#include "worker/blob_cache.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

class BlobCacheTest : public testing::Test {
  protected:
    BlobCacheTest() { initialise_crypto(); }
    BlobCache open(std::int64_t bound) {
        auto cache = BlobCache::open(directory(), bound);
        EXPECT_TRUE(cache.ok()) << cache.error().message;
        return std::move(cache).value();
    }
    std::string directory() const { return temporary_.path() + "/blobs"; }
    std::string put(BlobCache& cache, const std::string& bytes) {
        const std::string hash = sha256_hex(bytes);
        EXPECT_TRUE(cache.put(hash, bytes).ok());
        return hash;
    }

    windlass::test::TemporaryDirectory temporary_;
};

TEST_F(BlobCacheTest, what_was_put_is_there_and_nothing_else) {
    BlobCache cache = open(1000);
    const std::string hash = put(cache, "bytes");
    EXPECT_EQ(cache.get(hash), "bytes");
    EXPECT_FALSE(cache.get(sha256_hex("other")).has_value());
    EXPECT_EQ(cache.bytes(), 5);
}

TEST_F(BlobCacheTest, bytes_of_another_hash_are_refused) {
    BlobCache cache = open(1000);
    const auto refused = cache.put(sha256_hex("one"), "two");
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
    EXPECT_FALSE(cache.has(sha256_hex("one")));
}

TEST_F(BlobCacheTest, what_was_used_longest_ago_makes_room) {
    BlobCache cache = open(25);
    const std::string first = put(cache, std::string(10, 'a'));
    const std::string second = put(cache, std::string(10, 'b'));
    EXPECT_TRUE(cache.get(first).has_value());
    const std::string third = put(cache, std::string(10, 'c'));
    EXPECT_TRUE(cache.has(first));
    EXPECT_FALSE(cache.has(second));
    EXPECT_TRUE(cache.has(third));
    EXPECT_EQ(cache.bytes(), 20);
    EXPECT_FALSE(std::filesystem::exists(directory() + "/" + second));
}

TEST_F(BlobCacheTest, what_is_larger_than_the_whole_cache_is_not_kept_and_drives_nothing_out) {
    BlobCache cache = open(25);
    const std::string small = put(cache, "small");
    const std::string large = put(cache, std::string(26, 'x'));
    EXPECT_TRUE(cache.has(small));
    EXPECT_FALSE(cache.has(large));
}

TEST_F(BlobCacheTest, the_next_life_finds_it_without_what_was_half_written_and_within_its_own_bound) {
    std::string first, second;
    {
        BlobCache cache = open(100);
        first = put(cache, std::string(30, 'a'));
        second = put(cache, std::string(30, 'b'));
        std::filesystem::last_write_time(directory() + "/" + first,
                                         std::filesystem::file_time_type::clock::now() - std::chrono::hours{1});
        std::ofstream(directory() + "/new") << "half";
    }
    BlobCache cache = open(40);
    EXPECT_FALSE(cache.has(first));
    EXPECT_EQ(cache.get(second), std::string(30, 'b'));
    EXPECT_FALSE(std::filesystem::exists(directory() + "/new"));
}

TEST_F(BlobCacheTest, a_damaged_file_is_not_handed_out) {
    BlobCache cache = open(100);
    const std::string hash = put(cache, "bytes");
    std::ofstream(directory() + "/" + hash) << "other";
    EXPECT_FALSE(cache.get(hash).has_value());
    EXPECT_FALSE(cache.has(hash));
    EXPECT_EQ(cache.bytes(), 0);
}

TEST_F(BlobCacheTest, a_link_in_its_place_is_not_followed) {
    BlobCache cache = open(100);
    const std::string hash = put(cache, "bytes");
    std::ofstream(temporary_.path() + "/elsewhere") << "bytes";
    std::filesystem::remove(directory() + "/" + hash);
    std::filesystem::create_symlink(temporary_.path() + "/elsewhere", directory() + "/" + hash);
    EXPECT_FALSE(cache.get(hash).has_value());
}

}  // namespace
}  // namespace windlass::worker
