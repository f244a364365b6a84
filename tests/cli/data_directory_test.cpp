#include "cli/data_directory.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/left_behind.h"
#include "cli/private_file.h"
#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

unsigned mode_of(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777U : 0U;
}

TEST(DataDirectory, is_made_for_its_owner_alone) {
    const test::TemporaryDirectory top;
    const auto directory = DataDirectory::open(top / "a/b");
    ASSERT_TRUE(directory.ok());
    EXPECT_EQ(mode_of(top / "a/b"), 0700U);
    EXPECT_EQ(mode_of(directory->file("scheduler.secret")), 0600U);
    EXPECT_EQ(mode_of(directory->file("worker")), 0700U);
}

TEST(DataDirectory, the_secret_stays_between_starts) {
    const test::TemporaryDirectory top;
    std::string first;
    {
        const auto directory = DataDirectory::open(top / "data");
        first = *read_file(directory->file("scheduler.secret"));
    }
    const auto directory = DataDirectory::open(top / "data");
    EXPECT_EQ(first.size(), 65U);
    EXPECT_EQ(*read_file(directory->file("scheduler.secret")), first);
}

TEST(DataDirectory, is_refused_while_another_one_has_it_and_free_afterwards) {
    const test::TemporaryDirectory top;
    {
        const auto holder = DataDirectory::open(top / "data");
        ASSERT_TRUE(holder.ok());
        const auto second = DataDirectory::open(top / "data");
        ASSERT_FALSE(second.ok());
        EXPECT_EQ(second.error().kind, ErrorKind::conflict);
        EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos);
        EXPECT_NE(second.error().message.find("--data"), std::string::npos);
    }
    EXPECT_TRUE(DataDirectory::open(top / "data").ok());
}

TEST(DataDirectory, the_endpoint_is_there_only_while_it_is_true) {
    const test::TemporaryDirectory top;
    {
        auto directory = DataDirectory::open(top / "data");
        ASSERT_TRUE(directory->write_endpoint("http://127.0.0.1:1").ok());
        EXPECT_EQ(*read_file(top / "data/endpoint"), "http://127.0.0.1:1\n");
    }
    EXPECT_EQ(read_file(top / "data/endpoint").error().kind, ErrorKind::not_found);
}

TEST(DataDirectory, that_others_may_write_into_is_refused) {
    const test::TemporaryDirectory top;
    ASSERT_EQ(mkdir((top / "data").c_str(), 0700), 0);
    chmod((top / "data").c_str(), 0777);
    const auto directory = DataDirectory::open(top / "data");
    ASSERT_FALSE(directory.ok());
    EXPECT_NE(directory.error().message.find("chmod"), std::string::npos);
}

TEST(DataDirectory, sockets_go_elsewhere_when_the_path_is_too_long_for_them) {
    const test::TemporaryDirectory top;
    const std::string deep = top / (std::string(60, 'd') + "/" + std::string(60, 'e'));
    std::string sockets;
    {
        const auto directory = DataDirectory::open(deep);
        ASSERT_TRUE(directory.ok());
        sockets = directory->socket_directory();
        EXPECT_LT(sockets.size(), 60U);
        EXPECT_EQ(mode_of(sockets), 0700U);
    }
    EXPECT_NE(access(sockets.c_str(), F_OK), 0);
}

TEST(DataDirectory, the_fingerprint_differs_between_directories_and_stays_between_starts) {
    const test::TemporaryDirectory top;
    const std::string first = DataDirectory::open(top / "a")->fingerprint();
    EXPECT_EQ(first, DataDirectory::open(top / "a")->fingerprint());
    EXPECT_NE(first, DataDirectory::open(top / "b")->fingerprint());
    EXPECT_EQ(first.size(), 8U);
}

pid_t sleeper() {
    const pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    return pid;
}

TEST(LeftBehind, a_daemon_of_an_earlier_start_is_ended) {
    const test::TemporaryDirectory top;
    const pid_t pid = sleeper();
    ASSERT_TRUE(write_private_file(top / "daemons", describe_processes({pid})).ok());
    EXPECT_TRUE(end_daemons_left_behind(top / "daemons").ok());
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_TRUE(WIFSIGNALED(status));
}

TEST(LeftBehind, a_stranger_with_the_same_pid_is_left_alone) {
    const test::TemporaryDirectory top;
    const pid_t pid = sleeper();
    ASSERT_TRUE(write_private_file(top / "daemons", std::to_string(pid) + " 12345\n").ok());
    EXPECT_TRUE(end_daemons_left_behind(top / "daemons").ok());
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), 0);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
}

}  // namespace
}  // namespace windlass::cli
