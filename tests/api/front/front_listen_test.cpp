// Where clients come in: sockets handed down, sockets that are taken, descriptors that run out, connections that end.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "api/front/listening_socket.h"
#include "tests/api/front/child_front.h"
#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

// As systemd does it: descriptors from 3 on, and two variables.
Result<FrontSettings> activated_with(const std::vector<int>& sockets) {
    std::vector<int> high;
    for (const int socket : sockets) high.push_back(::fcntl(socket, F_DUPFD, 100));
    for (std::size_t i = 0; i < high.size(); ++i) ::dup2(high[i], 3 + static_cast<int>(i));
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(sockets.size()).c_str(), 1);
    FrontSettings settings;
    settings.listen = "this is not used";
    WINDLASS_TRY(settings.inherited, inherited_descriptors());
    return settings;
}

// Leaves the process room for `count` more descriptors.
void leave_room_for(int count) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = 256;
    ::setrlimit(RLIMIT_NOFILE, &files);
    std::vector<int> fillers;
    for (int filler = 0; (filler = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) fillers.push_back(filler);
    for (int i = 0; i < count; ++i) {
        ::close(fillers.back());
        fillers.pop_back();
    }
}

std::size_t occurrences(const std::string& text, std::string_view what) {
    std::size_t out = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++out;
    return out;
}

TEST(Activation, sockets_that_systemd_opened_are_served_instead_of_ones_own) {
    std::string pattern = (std::filesystem::temp_directory_path() / "windlass-act-XXXXXX").string();
    const std::filesystem::path directory = ::mkdtemp(pattern.data());
    {
        const auto tcp = ListeningSocket::bind("127.0.0.1:0", 0600);
        const auto local = ListeningSocket::bind("unix:" + (directory / "s").string(), 0600);
        ASSERT_TRUE(tcp.ok() && local.ok());
        Client early(tcp->address());  // before the service is there
        early.send("GET /early HTTP/1.1\r\nHost: h\r\n\r\n");
        {
            const ChildFront front([&] { return activated_with({tcp->descriptor(), local->descriptor()}); });
            ASSERT_EQ(front.address(), tcp->address()) << front.said();
            EXPECT_EQ(early.read_answer().body, "GET /early ");
            EXPECT_EQ(Client(local->address()).get("/unix").body, "GET /unix ");
        }
        // A restart: who comes meanwhile waits in the queue of the socket.
        Client meanwhile(tcp->address());
        meanwhile.send("GET /meanwhile HTTP/1.1\r\nHost: h\r\n\r\n");
        const ChildFront next([&] { return activated_with({tcp->descriptor(), local->descriptor()}); });
        EXPECT_EQ(meanwhile.read_answer().body, "GET /meanwhile ");
    }
    std::filesystem::remove_all(directory);
}

TEST(Activation, what_is_no_listening_socket_is_refused_with_a_sentence) {
    const int file = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const ChildFront front([&] { return activated_with({file}); });
    EXPECT_EQ(front.address(), "");
    EXPECT_NE(front.said().find("The inherited descriptor 3 is no stream socket that listens"), std::string::npos)
        << front.said();
    ::close(file);
}

TEST(Descriptors, when_they_run_out_clients_wait_until_others_leave) {
    const ChildFront front([] { return loopback(); }, [] { leave_room_for(3); });
    std::vector<std::unique_ptr<Client>> served;
    for (int i = 0; i < 3; ++i) {
        served.push_back(std::make_unique<Client>(front.address()));
        EXPECT_EQ(served.back()->get("/a").body, "GET /a ");
    }
    std::vector<std::unique_ptr<Client>> waiting;
    for (int i = 0; i < 3; ++i) {
        waiting.push_back(std::make_unique<Client>(front.address()));
        waiting.back()->send("GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    EXPECT_TRUE(eventually([&] { return occurrences(front.said(), "no connection can be taken") == 1; }));
    EXPECT_EQ(served[2]->get("/c").body, "GET /c ") << "those who are in are served";
    for (auto& client : waiting) {
        served.pop_back();
        EXPECT_EQ(client->read_answer().body, "GET /b ");
    }
}

TEST(Descriptors, more_connections_than_descriptors_are_not_promised) {
    const ChildFront front([]() -> Result<FrontSettings> {
        rlimit files{};
        ::getrlimit(RLIMIT_NOFILE, &files);
        files.rlim_cur = 256;
        ::setrlimit(RLIMIT_NOFILE, &files);
        return loopback();
    });
    EXPECT_NE(front.said().find("may have 256 open files: at most 192 connections are taken"), std::string::npos)
        << front.said();
    EXPECT_EQ(Client(front.address()).get("/a").status, 200);
}

TEST(Connections, are_closed_after_their_last_request) {
    auto settings = loopback();
    settings.limits.requests_per_connection = 3;
    TestFront front(echo, settings);
    Client client(front.address());
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(client.get("/a").has("Connection"));
    const auto last = client.get("/last");
    EXPECT_EQ(last.body, "GET /last ");
    EXPECT_EQ(last.header("Connection"), "close");
    EXPECT_TRUE(client.wait_closed());
}

TEST(Connections, what_was_sent_after_the_last_request_does_not_cost_the_answer) {
    auto settings = loopback();
    settings.limits.requests_per_connection = 1;
    TestFront front(echo, settings);
    Client client(front.address());
    client.send("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "GET /1 ");
    EXPECT_TRUE(client.wait_closed());
    EXPECT_EQ(front.statistics().requests, 1u);
}

TEST(Bodies, that_come_more_slowly_than_agreed_are_given_up) {
    auto settings = loopback();
    settings.limits.body_deadline = Milliseconds{50};
    settings.limits.body_bytes_per_s = 1'000'000'000;
    TestFront front(echo, settings);
    Client client(front.address());
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(1000, 'x'));
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.status, 408);
    EXPECT_EQ(answer.body, "408: The body of the request came too slowly.");
}

TEST(Bodies, that_are_slow_but_keep_coming_are_waited_for) {
    auto settings = loopback();
    settings.limits.body_deadline = Milliseconds{500};
    settings.limits.body_bytes_per_s = 1;
    TestFront front(echo, settings);
    Client client(front.address());
    client.send("POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1200);
    std::string sent;
    while (std::chrono::steady_clock::now() < end && !client.readable_within(Milliseconds{1})) {
        client.send("1\r\nx\r\n");
        sent += 'x';
    }
    client.send("0\r\n\r\n");
    EXPECT_EQ(client.read_answer().body, "POST /a " + sent);
}

}  // namespace
}  // namespace windlass::api::test
