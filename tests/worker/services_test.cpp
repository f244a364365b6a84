// The listener for services with real sockets on loopback; the service itself is a socket of the test, in no namespace.
#include "worker/services.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "shared/digest.h"
#include "shared/service_ticket.h"
#include "tests/support/temporary_directory.h"

namespace windlass::worker {
namespace {

constexpr AttemptRef ref{JobId{7}, 2};
const std::string secret = "the site's secret";

class ServicesTest : public ::testing::Test {
  protected:
    ServicesTest() {
        initialise_crypto();
        listening.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(::listen(listening.get(), 8), 0);
        ::getsockname(listening.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port.port = ntohs(address.sin_port);
        services = Services::open(wire::Endpoint{directory.path() + "/s.sock", "", 0}, secret).value();
        services->set_make_socket([](std::uint64_t) -> Result<int> {
            return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        });
    }

    // Lets the listener work until `done`, or ten seconds have passed.
    template <class Done>
    bool run_until(Done done) {
        for (int turn = 0; turn < 2000; ++turn) {
            if (done()) return true;
            pollfd waiting{services->fd(), POLLIN, 0};
            ::poll(&waiting, 1, 5);
            now += Milliseconds{5};
            for (const auto& event : services->on_readable(now)) events.push_back(event);
            for (const auto& event : services->on_time(now)) events.push_back(event);
        }
        return done();
    }
    FileDescriptor connect() {
        FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = directory.path() + "/s.sock";
        std::memcpy(address.sun_path, path.data(), path.size());
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        return fd;
    }
    static void say(const FileDescriptor& fd, const std::string& text) {
        EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
    }
    // What came until so many bytes are there, or the end.
    std::string hear(const FileDescriptor& fd, std::size_t bytes) {
        std::string text;
        bool ended = false;
        run_until([&] {
            char buffer[65536];
            ssize_t got = 0;
            while (text.size() < bytes && (got = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
                text.append(buffer, static_cast<std::size_t>(got));
            ended = ended || got == 0;
            return text.size() >= bytes || ended;
        });
        return text;
    }
    FileDescriptor accept_service() {
        int fd = -1;
        EXPECT_TRUE(run_until([&] {
            pollfd waiting{listening.get(), POLLIN, 0};
            if (::poll(&waiting, 1, 0) <= 0) return false;
            fd = ::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC);
            return true;
        }));
        return FileDescriptor(fd);
    }
    void make_ready() {
        services->add(ref, 1, port, now);
        const auto check = accept_service();
        EXPECT_TRUE(hear(check, 20).starts_with("GET /health HTTP/1.1"));
        say(check, "HTTP/1.1 200 OK\r\n\r\n");
        EXPECT_TRUE(run_until([&] { return !events.empty(); }));
        events.clear();
    }

    windlass::test::TemporaryDirectory directory;
    FileDescriptor listening;
    ServicePort port{0, "/health", Milliseconds{0}};
    std::unique_ptr<Services> services;
    std::vector<Services::Event> events;
    SteadyTime now{Seconds{100}};
};

TEST_F(ServicesTest, a_service_is_ready_when_it_answers_its_check_and_not_before) {
    services->add(ref, 1, port, now);
    for (const char* no : {"HTTP/1.1 503 Wait\r\n\r\n", "SSH-2.0-x\r\n\r\n\r\n", ""}) {
        const auto check = accept_service();
        EXPECT_FALSE(hear(check, 20).empty());
        say(check, no);
    }
    EXPECT_TRUE(events.empty());
    const auto check = accept_service();
    EXPECT_TRUE(hear(check, 20).starts_with("GET /health HTTP/1.1"));
    say(check, "HTTP/1.0 404 Not Found\r\n\r\n");
    EXPECT_TRUE(run_until([&] { return !events.empty(); }));
    EXPECT_EQ(events.front().attempt, ref);
    EXPECT_EQ(events.front().kind, Services::Event::Kind::ready);
}

TEST_F(ServicesTest, bytes_pass_both_ways_and_the_end_of_the_service_is_the_end) {
    make_ready();
    auto client = connect();
    say(client, service_greeting(secret, ref) + "first");
    auto service = accept_service();
    EXPECT_EQ(hear(client, 3), "ok\n");
    EXPECT_EQ(hear(service, 5), "first");
    say(service, "answer");
    EXPECT_EQ(hear(client, 6), "answer");
    service.reset();
    EXPECT_EQ(hear(client, 1), "");
    client.reset();
    EXPECT_TRUE(run_until([&] { return services->connections() == 0; }));
}

TEST_F(ServicesTest, who_does_not_read_costs_a_bounded_buffer_and_gets_all_in_the_end) {
    make_ready();
    const auto client = connect();
    say(client, service_greeting(secret, ref));
    auto service = accept_service();
    EXPECT_EQ(hear(client, 3), "ok\n");
    const std::string piece(100'000, 'x');
    std::size_t sent = 0;
    constexpr std::size_t all = 20'000'000;
    std::size_t stood_still = 0;
    run_until([&] {
        const ssize_t went = ::send(service.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (went > 0) sent += static_cast<std::size_t>(went);
        stood_still = went > 0 ? 0 : stood_still + 1;
        return sent >= all || stood_still > 20;
    });
    EXPECT_LT(sent, all) << "nobody reads, and yet everything is taken";
    service.reset();
    EXPECT_EQ(hear(client, sent + 1).size(), sent);
}

TEST_F(ServicesTest, without_the_ticket_of_this_attempt_nobody_comes_through) {
    make_ready();
    for (const std::string& line :
         {service_greeting("another secret", ref), std::string("GET / HTTP/1.1\r\n\r\n"), std::string(400, 'a'),
          std::string("windlass-service 1 7.2 \n"), std::string("windlass-service 1 7.2\n")}) {
        const auto stranger = connect();
        say(stranger, line);
        EXPECT_EQ(hear(stranger, 1), "") << line;
    }
    auto other = connect();
    say(other, service_greeting(secret, AttemptRef{JobId{7}, 1}));
    EXPECT_EQ(hear(other, 100), "no it does not run here\n");
    other.reset();
    EXPECT_TRUE(run_until([&] { return services->connections() == 0; }));
}

TEST_F(ServicesTest, what_is_withdrawn_ends_its_connections_at_once) {
    make_ready();
    const auto client = connect();
    say(client, service_greeting(secret, ref));
    const auto service = accept_service();
    EXPECT_EQ(hear(client, 3), "ok\n");
    services->remove(ref);
    EXPECT_EQ(hear(client, 1), "");
    EXPECT_EQ(hear(service, 1), "");
    EXPECT_EQ(services->connections(), 0U);
}

TEST_F(ServicesTest, a_service_that_nobody_uses_is_told_as_idle_once_and_traffic_puts_it_off) {
    port.idle = Milliseconds{3'600'000};
    make_ready();
    const auto client = connect();
    say(client, service_greeting(secret, ref));
    const auto service = accept_service();
    EXPECT_EQ(hear(client, 3), "ok\n");
    now += Milliseconds{3'500'000};
    say(client, "x");
    EXPECT_EQ(hear(service, 1), "x");
    EXPECT_TRUE(services->on_time(now + Milliseconds{200'000}).empty());
    const auto idle = services->on_time(now + Milliseconds{3'600'000});
    ASSERT_EQ(idle.size(), 1U);
    EXPECT_EQ(idle.front().kind, Services::Event::Kind::idle);
    EXPECT_TRUE(services->on_time(now + Milliseconds{3'700'000}).empty());
}

TEST(Services, refuse_addresses_that_protect_nothing) {
    EXPECT_FALSE(Services::open(wire::Endpoint{"", "0.0.0.0", 0}, secret));
    EXPECT_FALSE(Services::open(wire::Endpoint{"", "127.0.0.1", 0}, ""));
    const auto open = Services::open(wire::Endpoint{"", "127.0.0.1", 0}, secret);
    ASSERT_TRUE(open);
    EXPECT_NE((*open)->address(), "127.0.0.1:0");
}

}  // namespace
}  // namespace windlass::worker
