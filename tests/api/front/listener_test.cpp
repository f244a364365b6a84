#include "api/front/listener.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <vector>

#include "tests/api/front/test_front.h"

namespace windlass::api {
namespace {

// What accept4() says next, before it does its work: errors of clients that have gone while they waited.
std::deque<int> errors_to_come;
int calls = 0;

int failing_accept(int descriptor, sockaddr* from, socklen_t* size, int flags) {
    ++calls;
    if (errors_to_come.empty()) return ::accept4(descriptor, from, size, flags);
    errno = errors_to_come.front();
    errors_to_come.pop_front();
    return -1;
}

class Accepting : public ::testing::Test {
  protected:
    Accepting() {
        ::uv_loop_init(&loop_);
        auto socket = ListeningSocket::bind("127.0.0.1:0", 0600);
        EXPECT_TRUE(socket.ok());
        listener_ = std::make_unique<Listener>(std::move(socket).value(), failing_accept);
        errors_to_come.clear();
        calls = 0;
        EXPECT_TRUE(listener_->open(&loop_, [this](const AcceptedSocket& client) {
            taken_.push_back(client);
            ::close(client.descriptor);
        }));
    }
    ~Accepting() override {
        listener_->close([] {});
        ::uv_run(&loop_, UV_RUN_DEFAULT);
        EXPECT_EQ(::uv_loop_close(&loop_), 0);
    }
    void run_until_taken(std::size_t clients) {
        while (taken_.size() < clients) ::uv_run(&loop_, UV_RUN_ONCE);
    }

    uv_loop_t loop_{};
    std::unique_ptr<Listener> listener_;
    std::vector<AcceptedSocket> taken_;
};

TEST_F(Accepting, goes_on_after_clients_that_have_gone_while_they_waited) {
    for (const int error : {ECONNABORTED, EPROTO, EINTR, EHOSTUNREACH, ETIMEDOUT, EPERM, ECONNABORTED}) {
        errors_to_come.push_back(error);
        const test::Client client(listener_->address());
        run_until_taken(taken_.size() + 1);
        EXPECT_TRUE(errors_to_come.empty()) << error;
        EXPECT_EQ(taken_.back().address, "127.0.0.1") << error;
    }
}

TEST_F(Accepting, goes_on_after_a_hundred_of_them_at_once) {
    errors_to_come.assign(100, ECONNABORTED);
    const test::Client first(listener_->address());
    const test::Client second(listener_->address());
    run_until_taken(2);
    EXPECT_GE(calls, 102);
}

TEST_F(Accepting, waits_when_there_is_nothing_to_make_a_connection_of_and_then_takes_it) {
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EIO}) {
        errors_to_come.push_back(error);
        const int before = calls;
        const test::Client client(listener_->address());
        run_until_taken(taken_.size() + 1);
        EXPECT_LE(calls - before, 4) << error << ": it paused instead of asking again and again";
    }
}

TEST(CountingKey, this_machine_is_not_counted) {
    for (const char* local : {"", "unix", "127.0.0.1", "127.9.9.9", "::1"}) EXPECT_EQ(counting_key(local), "") << local;
}

TEST(CountingKey, ipv4_is_counted_by_address_and_ipv6_by_subscriber) {
    EXPECT_NE(counting_key("192.0.2.1"), counting_key("192.0.2.2"));
    EXPECT_EQ(counting_key("2001:db8:0:1::1"), counting_key("2001:db8:0:1:ffff::2"));
    EXPECT_NE(counting_key("2001:db8:0:1::1"), counting_key("2001:db8:0:2::1"));
}

}  // namespace
}  // namespace windlass::api
