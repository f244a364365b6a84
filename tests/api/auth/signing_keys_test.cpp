#include "api/auth/signing_keys.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "shared/digest.h"
#include "tests/support/databases.h"

namespace windlass::api::test {
namespace {

class SigningKeysFile : public ::testing::Test {
  protected:
    void SetUp() override { initialise_crypto(); }
    void write(const std::string& text, mode_t mode = 0600) {
        std::ofstream(path_) << text;
        ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    }
    windlass::test::TemporaryDirectory directory_;
    std::string path_ = directory_.path() + "/signing.key";
};

TEST_F(SigningKeysFile, is_made_once_and_private) {
    const auto made = load_signing_keys(path_);
    ASSERT_TRUE(made) << made.error().message;
    struct stat info {};
    ASSERT_EQ(stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
    const auto again = load_signing_keys(path_);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->first().bytes, made->first().bytes);
    EXPECT_EQ(
        std::distance(std::filesystem::directory_iterator(directory_.path()), std::filesystem::directory_iterator()),
        1);
}

TEST_F(SigningKeysFile, several_that_start_at_once_agree) {
    std::vector<std::string> headers(8);
    {
        std::vector<std::jthread> starters;
        for (auto& header : headers)
            starters.emplace_back([&] {
                const auto keys = load_signing_keys(path_);
                header = keys ? keys->first().header : keys.error().message;
            });
    }
    for (const auto& header : headers) EXPECT_EQ(header, headers.front());
}

TEST_F(SigningKeysFile, that_others_may_read_is_refused) {
    for (const mode_t mode : {0640, 0604, 0660, 0644, 0610}) {
        write(std::string(64, 'a') + "\n", mode);
        const auto refused = load_signing_keys(path_);
        ASSERT_FALSE(refused) << mode;
        EXPECT_NE(refused.error().message.find("can be read by others"), std::string::npos);
    }
    write(std::string(64, 'a') + "\n", 0400);
    EXPECT_TRUE(load_signing_keys(path_));
}

TEST_F(SigningKeysFile, that_holds_anything_else_is_refused_without_repeating_it) {
    const std::string secret(64, 'c');
    for (const std::string& text :
         {std::string(), std::string("\n"), secret.substr(1), secret + "c", secret + " " + secret,
          secret.substr(1) + "g", secret + "\n" + secret + "\n" + secret}) {
        write(text);
        const auto refused = load_signing_keys(path_);
        ASSERT_FALSE(refused) << text;
        EXPECT_NE(refused.error().message.find(path_), std::string::npos);
        EXPECT_EQ(refused.error().message.find("ccc"), std::string::npos) << refused.error().message;
    }
    write(secret + "\r\n" + std::string(64, 'D') + "\n");
    const auto two = load_signing_keys(path_);
    ASSERT_TRUE(two);
    EXPECT_EQ(two->all().size(), 2u);
}

TEST_F(SigningKeysFile, where_none_can_be_made_is_an_error_that_names_the_place) {
    path_ = directory_.path() + "/missing/signing.key";
    const auto failed = load_signing_keys(path_);
    ASSERT_FALSE(failed);
    EXPECT_NE(failed.error().message.find(path_), std::string::npos);
}

}  // namespace
}  // namespace windlass::api::test
