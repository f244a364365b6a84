#include "shared/private_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace windlass {
namespace {

using testing::HasSubstr;

class PrivateFile : public testing::Test {
  protected:
    void write(const std::string& text, mode_t mode = 0600) {
        std::ofstream(path_, std::ios::binary) << text;
        ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    }
    test::TemporaryDirectory directory_;
    std::string path_ = directory_.path() + "/secret";
};

TEST_F(PrivateFile, is_read_as_it_is_and_its_first_line_alone) {
    write("first\nsecond\n");
    EXPECT_EQ(read_private_file("a.setting", path_).value(), "first\nsecond\n");
    EXPECT_EQ(read_private_line("a.setting", path_).value(), "first");
    write("one\r\n", 0400);
    EXPECT_EQ(read_private_line("a.setting", path_).value(), "one");
    write("");
    EXPECT_EQ(read_private_line("a.setting", path_).value(), "");
}

TEST_F(PrivateFile, that_others_may_read_is_refused_with_what_to_do) {
    for (const mode_t mode : {0640, 0604, 0620, 0610, 0666}) {
        write("hunter2\n", mode);
        const auto refused = read_private_file("a.setting", path_);
        ASSERT_FALSE(refused.ok()) << mode;
        EXPECT_EQ(refused.error().kind, ErrorKind::denied);
        EXPECT_THAT(refused.error().message, HasSubstr("a.setting " + path_));
        EXPECT_THAT(refused.error().message, HasSubstr("chmod 600 " + path_));
        EXPECT_EQ(refused.error().message.find("hunter2"), std::string::npos);
    }
}

TEST_F(PrivateFile, of_somebody_else_is_refused) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
    write("hunter2\n");
    ASSERT_EQ(chown(path_.c_str(), 4711, 4711), 0);
    EXPECT_EQ(read_private_file("a.setting", path_).error().kind, ErrorKind::denied);
}

TEST_F(PrivateFile, a_link_is_judged_by_what_it_leads_to) {
    write("hunter2\n");
    const std::string link = path_ + ".link";
    ASSERT_EQ(symlink(path_.c_str(), link.c_str()), 0);
    EXPECT_EQ(read_private_line("a.setting", link).value(), "hunter2");
    ASSERT_EQ(chmod(path_.c_str(), 0644), 0);
    EXPECT_FALSE(read_private_line("a.setting", link).ok());
}

TEST_F(PrivateFile, that_is_none_or_too_large_is_an_error_and_waits_for_nobody) {
    EXPECT_THAT(read_private_file("a.setting", path_).error().message, HasSubstr("No such file"));
    EXPECT_THAT(read_private_file("a.setting", directory_.path()).error().message, HasSubstr("is not a file"));
    const std::string pipe = path_ + ".pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_THAT(read_private_file("a.setting", pipe).error().message, HasSubstr("is not a file"));
    write(std::string(65 * 1024, 'x'));
    EXPECT_THAT(read_private_file("a.setting", path_).error().message, HasSubstr("too large"));
}

TEST_F(PrivateFile, handed_over_by_systemd_may_be_open_to_its_group_alone) {
    setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
    write("hunter2\n", 0440);
    EXPECT_EQ(read_private_line("a.setting", path_).value(), "hunter2");
    write("hunter2\n", 0444);
    EXPECT_FALSE(read_private_line("a.setting", path_).ok());
    setenv("CREDENTIALS_DIRECTORY", (directory_.path() + "/elsewhere").c_str(), 1);
    write("hunter2\n", 0440);
    EXPECT_FALSE(read_private_line("a.setting", path_).ok());
    unsetenv("CREDENTIALS_DIRECTORY");
}

}  // namespace
}  // namespace windlass
