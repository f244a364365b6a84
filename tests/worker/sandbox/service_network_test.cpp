// The network of a job with a service: loopback and nothing else, reached only by the sockets that its keeper makes.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::uint16_t service_port = 8080;

void offer_services(SandboxSettings& settings) {
    settings.network.service = true;
    settings.network.keeper_path = keeper_path();
}

BoxSpec with_service(const std::string& python) {
    BoxSpec spec = program({"/usr/bin/python3", "-c", python});
    spec.network = Network::service;
    return spec;
}

constexpr const char* echo_once = R"(
import socket, sys
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", 8080)); s.listen(); print("up", flush=True)
c, _ = s.accept(); c.sendall(b"you said " + c.recv(100)); c.close(); sys.stdin.read()
)";

// What the service at this port answers to `text`; empty: it does not take the connection.
std::string ask(TestBox& box, BoxId id, std::uint16_t port, const std::string& text) {
    const auto made = box.sandbox().service_socket(id);
    EXPECT_TRUE(made.ok()) << (made ? "" : made.error().message);
    if (!made) return {};
    const FileDescriptor fd(*made);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    pollfd waiting{fd.get(), POLLOUT, 0};
    ::poll(&waiting, 1, 10'000);
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return {};
    ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    std::string answer;
    for (;;) {
        waiting.events = POLLIN;
        ::poll(&waiting, 1, 10'000);
        char buffer[256];
        const ssize_t got = ::recv(fd.get(), buffer, sizeof buffer, 0);
        if (got <= 0) return answer;
        answer.append(buffer, static_cast<std::size_t>(got));
    }
}

TEST(ServiceNetwork, a_service_is_reached_by_the_sockets_of_its_keeper_and_two_never_meet) {
    TestBox box(2, offer_services);
    const BoxId one = box.start(with_service(echo_once));
    const BoxId two = box.start(with_service(echo_once));  // the same port, in another network
    box.wait_for_output(one, "up");
    box.wait_for_output(two, "up");
    EXPECT_EQ(ask(box, one, service_port, "a"), "you said a");
    EXPECT_EQ(ask(box, two, service_port, "b"), "you said b");
    EXPECT_EQ(ask(box, two, service_port + 1, "c"), "");
    EXPECT_EQ(box.finish(one).outcome.kind, OutcomeKind::exited);
    EXPECT_FALSE(box.sandbox().service_socket(one).ok());
    EXPECT_EQ(box.finish(two).outcome.kind, OutcomeKind::exited);
}

TEST(ServiceNetwork, there_is_nothing_in_it_but_loopback) {
    TestBox box(1, offer_services);
    const auto ended = box.run(with_service(R"(
import os, socket
print(sorted(line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line))
for target in (("192.0.2.1", 80), ("10.0.2.2", 80), ("169.254.169.254", 80), ("127.0.0.1", 22)):
    s = socket.socket(); s.settimeout(5)
    try:
        s.connect(target); print("reached", target)
    except OSError as e:
        print(e.errno)
)"));
    EXPECT_EQ(ended.out, "['lo']\n101\n101\n101\n111\n") << ended.err;
}

TEST(ServiceNetwork, a_job_without_a_service_gets_no_ip_socket_beside_it) {
    TestBox box(1, offer_services);
    const auto ended = box.run(program({"/usr/bin/python3", "-c", "import socket; socket.socket()"}));
    EXPECT_THAT(ended.err, HasSubstr("Address family not supported"));
}

TEST(ServiceNetwork, it_goes_with_its_job_and_its_keeper_too) {
    TestBox box(1, offer_services);
    const auto before = other_processes();
    const BoxId id = box.start(with_service(echo_once));
    box.wait_for_output(id, "up");
    const auto during = other_processes();
    EXPECT_GE(during.size(), before.size() + 2);
    std::vector<pid_t> of_it;
    for (const pid_t pid : during)
        if (std::find(before.begin(), before.end(), pid) == before.end()) of_it.push_back(pid);
    box.sandbox().stop(id, Milliseconds{0});
    EXPECT_EQ(box.finish(id).outcome.kind, OutcomeKind::signalled);
    EXPECT_EQ(box.run(program({"/bin/echo", "next"})).out, "next\n");  // the sandbox has seen the keeper's end
    EXPECT_TRUE(all_end(of_it));
}

TEST(ServiceNetwork, a_sandbox_that_offers_none_refuses_the_job_with_a_sentence) {
    TestBox box(1);
    const auto refused = box.sandbox().start(with_service("pass"));
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("worker.service_listen"));
}

TEST(ServiceNetwork, costs_as_much_as_is_printed_here) {
    TestBox box(1, offer_services);
    const auto milliseconds_per_job = [&](Network network, int jobs) {
        BoxSpec spec = program({"/bin/true"});
        spec.network = network;
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < jobs; i++) EXPECT_EQ(box.run(spec).outcome.kind, OutcomeKind::exited);
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / jobs;
    };
    const double without = milliseconds_per_job(Network::none, 50);
    const double with = milliseconds_per_job(Network::service, 50);
    fmt::print("one job after the other: {:.1f} ms without, {:.1f} ms with a network for a service\n", without, with);
}

}  // namespace
}  // namespace windlass::worker::testing
