#include "cli/notify_socket.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include "shared/notify.h"
#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

TEST(Notification, is_read_from_lines_and_unknown_names_are_passed_over) {
    const auto note =
        parse_notification("READY=1\nMAINPID=7\nnonsense\nSTATUS=all = well\nX_WINDLASS_URL=http://127.0.0.1:9\n");
    EXPECT_TRUE(note.ready);
    EXPECT_FALSE(note.stopping);
    EXPECT_EQ(note.status, "all = well");
    EXPECT_EQ(note.url, "http://127.0.0.1:9");
}

TEST(NotifySocket, hears_our_own_daemons_side_and_knows_the_sender) {
    const test::TemporaryDirectory directory;
    auto socket = NotifySocket::open(directory / "notify");
    ASSERT_TRUE(socket.ok());
    EXPECT_FALSE(socket->receive().has_value());
    setenv("NOTIFY_SOCKET", socket->path().c_str(), 1);
    notify_ready("http://127.0.0.1:4711");
    unsetenv("NOTIFY_SOCKET");
    pollfd one{socket->fd(), POLLIN, 0};
    ASSERT_EQ(poll(&one, 1, 10'000), 1);
    const auto note = socket->receive();
    ASSERT_TRUE(note.has_value());
    EXPECT_TRUE(note->ready);
    EXPECT_EQ(note->url, "http://127.0.0.1:4711");
    EXPECT_EQ(note->sender, getpid());
}

TEST(NotifySocket, replaces_what_a_dead_one_left_and_refuses_a_path_that_does_not_fit) {
    const test::TemporaryDirectory directory;
    { std::ignore = NotifySocket::open(directory / "notify"); }
    EXPECT_TRUE(NotifySocket::open(directory / "notify").ok());
    EXPECT_FALSE(NotifySocket::open(directory / std::string(120, 'x')).ok());
}

}  // namespace
}  // namespace windlass::cli
