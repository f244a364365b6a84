#include "cli/credentials.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

class CredentialsTest : public ::testing::Test {
  protected:
    CredentialsTest() {
        setenv("XDG_CONFIG_HOME", home_.path().c_str(), 1);
        unsetenv("WINDLASS_URL");
        unsetenv("WINDLASS_TOKEN");
    }
    test::TemporaryDirectory home_;
};

TEST_F(CredentialsTest, stored_ones_are_found_again) {
    ASSERT_TRUE(write_credentials({"http://a:1", "secret"}).ok());
    const auto found = find_credentials("");
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found->url, "http://a:1");
    EXPECT_EQ(found->token, "secret");
}

TEST_F(CredentialsTest, are_for_their_owner_alone) {
    ASSERT_TRUE(write_credentials({"http://a:1", "secret"}).ok());
    struct stat info {};
    ASSERT_EQ(stat(credentials_path()->c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    chmod(credentials_path()->c_str(), 0644);
    EXPECT_EQ(find_credentials("").error().kind, ErrorKind::denied);
}

TEST_F(CredentialsTest, a_stored_token_is_never_sent_to_another_server) {
    ASSERT_TRUE(write_credentials({"http://a:1", "secret"}).ok());
    EXPECT_EQ(find_credentials("http://b:2")->token, "");
    EXPECT_EQ(find_credentials("http://A:1/")->token, "secret");
    setenv("WINDLASS_URL", "http://c:3", 1);
    EXPECT_EQ(find_credentials("")->url, "http://c:3");
    EXPECT_EQ(find_credentials("")->token, "");
}

TEST_F(CredentialsTest, the_variable_wins_over_the_stored_token) {
    ASSERT_TRUE(write_credentials({"http://a:1", "secret"}).ok());
    setenv("WINDLASS_TOKEN", "other", 1);
    EXPECT_EQ(find_credentials("")->token, "other");
    EXPECT_EQ(find_credentials("http://b:2")->token, "other");
}

TEST_F(CredentialsTest, a_token_with_a_line_end_is_refused) {
    setenv("WINDLASS_TOKEN", "abc\r\nX-Evil: 1", 1);
    const auto found = find_credentials("http://a:1");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().message.find("Evil"), std::string::npos);
}

TEST_F(CredentialsTest, without_any_server_named_says_how_to_name_one) {
    const auto found = find_credentials("");
    ASSERT_FALSE(found.ok());
    EXPECT_NE(found.error().message.find("--url"), std::string::npos);
}

TEST_F(CredentialsTest, logging_out_twice_is_fine) {
    ASSERT_TRUE(write_credentials({"http://a:1", "secret"}).ok());
    EXPECT_TRUE(remove_credentials().ok());
    EXPECT_TRUE(remove_credentials().ok());
    EXPECT_EQ(read_credentials().error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace windlass::cli
