#include "api/front/listening_socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

namespace windlass::api {
namespace {

class UnixListening : public ::testing::Test {
  protected:
    UnixListening() {
        std::string pattern = (std::filesystem::temp_directory_path() / "windlass-listen-XXXXXX").string();
        directory_ = ::mkdtemp(pattern.data());
    }
    ~UnixListening() override { std::filesystem::remove_all(directory_); }

    std::string path() const { return (directory_ / "api.sock").string(); }
    std::string address() const { return "unix:" + path(); }

  private:
    std::filesystem::path directory_;
};

TEST(ListeningSocket, addresses_that_are_none_are_refused_with_a_sentence) {
    for (const char* bad :
         {"", "8080", ":80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http", "127.0.0.1:-1", "::1:80", "unix:"}) {
        const auto bound = ListeningSocket::bind(bad, 0600);
        ASSERT_FALSE(bound.ok()) << bad;
        EXPECT_TRUE(bound.error().message.starts_with("Cannot listen on ")) << bound.error().message;
    }
    EXPECT_FALSE(ListeningSocket::bind("unix:/" + std::string(200, 'x'), 0600).ok());
}

TEST(ListeningSocket, knows_the_port_that_was_picked) {
    const auto bound = ListeningSocket::bind("127.0.0.1:0", 0600);
    ASSERT_TRUE(bound.ok());
    EXPECT_TRUE(bound->address().starts_with("127.0.0.1:"));
    EXPECT_NE(bound->address(), "127.0.0.1:0");
    EXPECT_TRUE(listens_on_this_machine_only(bound->descriptor()));
}

TEST(ListeningSocket, all_addresses_are_more_than_this_machine) {
    const auto bound = ListeningSocket::bind("0.0.0.0:0", 0600);
    ASSERT_TRUE(bound.ok());
    EXPECT_FALSE(listens_on_this_machine_only(bound->descriptor()));
}

TEST(ListeningSocket, a_second_copy_is_refused_with_a_sentence) {
    const auto first = ListeningSocket::bind("127.0.0.1:0", 0600);
    const auto second = ListeningSocket::bind(first->address(), 0600);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
    EXPECT_NE(second.error().message.find("a second copy of this one"), std::string::npos) << second.error().message;
}

TEST_F(UnixListening, the_file_has_its_mode_and_goes_with_the_socket) {
    {
        const auto bound = ListeningSocket::bind(address(), 0620);
        ASSERT_TRUE(bound.ok());
        struct stat info {};
        ASSERT_EQ(::stat(path().c_str(), &info), 0);
        EXPECT_EQ(info.st_mode & 07777, 0620u);
    }
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(UnixListening, a_second_copy_is_refused_and_the_first_one_goes_on) {
    const auto first = ListeningSocket::bind(address(), 0600);
    EXPECT_FALSE(ListeningSocket::bind(address(), 0600).ok());
    EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixListening, what_a_killed_process_left_is_replaced) {
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    path().copy(at.sun_path, sizeof at.sun_path - 1);
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    ::close(left);
    EXPECT_TRUE(ListeningSocket::bind(address(), 0600).ok());
}

TEST_F(UnixListening, a_file_that_is_no_socket_is_left_alone) {
    ::close(::open(path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    EXPECT_FALSE(ListeningSocket::bind(address(), 0600).ok());
    EXPECT_TRUE(std::filesystem::is_regular_file(path()));
}

TEST_F(UnixListening, the_file_of_a_successor_is_not_removed) {
    auto first = ListeningSocket::bind(address(), 0600);
    std::filesystem::rename(path(), path() + ".old");
    const auto second = ListeningSocket::bind(address(), 0600);
    ASSERT_TRUE(second.ok());
    first->close();
    EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(UnixListening, inherited_sockets_keep_their_address_and_their_file) {
    auto original = ListeningSocket::bind(address(), 0600);
    {
        const auto adopted = ListeningSocket::adopt(::dup(original->descriptor()));
        ASSERT_TRUE(adopted.ok());
        EXPECT_TRUE(adopted->is_unix());
        EXPECT_EQ(adopted->address(), address());
    }
    EXPECT_TRUE(std::filesystem::exists(path()));
    const auto tcp = ListeningSocket::bind("127.0.0.1:0", 0600);
    EXPECT_EQ(ListeningSocket::adopt(::dup(tcp->descriptor()))->address(), tcp->address());
}

TEST(ListeningSocket, only_stream_sockets_that_listen_are_adopted) {
    const int connected_to_nothing = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int datagrams = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (const int bad : {connected_to_nothing, datagrams, file, 9999}) {
        const auto adopted = ListeningSocket::adopt(bad);
        ASSERT_FALSE(adopted.ok());
        EXPECT_NE(adopted.error().message.find("ListenStream="), std::string::npos);
    }
}

}  // namespace
}  // namespace windlass::api
