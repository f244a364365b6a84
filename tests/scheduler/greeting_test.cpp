#include "scheduler/greeting.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::scheduler {
namespace {

using testing::HasSubstr;

protocol::Hello a_worker() {
    protocol::Hello hello;
    hello.role = "worker";
    hello.name = "node-1";
    hello.cpu_millis = 2000;
    hello.memory_bytes = 1 << 30;
    return hello;
}

TEST(Greeting, without_a_secret_only_our_own_user_and_root_come_in_by_the_unix_socket) {
    const Door door{"", 1000};
    EXPECT_EQ(reason_to_refuse(a_worker(), 1000, door), "");
    EXPECT_EQ(reason_to_refuse(a_worker(), 0, door), "");
    EXPECT_THAT(reason_to_refuse(a_worker(), 1001, door), HasSubstr("secret_file"));
    EXPECT_THAT(reason_to_refuse(a_worker(), -1, door), HasSubstr("secret_file"));
}

TEST(Greeting, with_a_secret_everybody_must_know_it) {
    const Door door{"0123456789abcdef", 1000};
    auto hello = a_worker();
    EXPECT_THAT(reason_to_refuse(hello, 1000, door), HasSubstr("secret is wrong"));
    hello.secret = "0123456789abcdeX";
    EXPECT_THAT(reason_to_refuse(hello, 0, door), HasSubstr("secret is wrong"));
    hello.secret = "0123456789abcdef";
    EXPECT_EQ(reason_to_refuse(hello, -1, door), "");
}

TEST(Greeting, a_certificate_stands_for_the_secret_and_lets_only_workers_in) {
    const Door door{"0123456789abcdef", 1000};
    auto hello = a_worker();
    EXPECT_EQ(reason_to_refuse(hello, -1, door, true), "");
    hello.name.clear();
    EXPECT_THAT(reason_to_refuse(hello, -1, door, true), HasSubstr("a worker needs a name"));
    hello.role = "api";
    hello.secret = door.secret;
    EXPECT_THAT(reason_to_refuse(hello, -1, door, true), HasSubstr("only workers come in over TLS"));
}

TEST(Greeting, another_protocol_version_is_told_what_to_do) {
    auto hello = a_worker();
    hello.version = 99;
    EXPECT_THAT(reason_to_refuse(hello, 0, {}), HasSubstr("same release"));
}

TEST(Greeting, a_worker_needs_a_name_and_something_to_offer) {
    for (const auto& spoil :
         {+[](protocol::Hello& h) { h.name.clear(); }, +[](protocol::Hello& h) { h.name = "\xff"; },
          +[](protocol::Hello& h) { h.cpu_millis = 0; }, +[](protocol::Hello& h) { h.memory_bytes = -1; },
          +[](protocol::Hello& h) { h.prefetch = -1; }, +[](protocol::Hello& h) { h.role = "king"; }}) {
        auto hello = a_worker();
        spoil(hello);
        EXPECT_NE(reason_to_refuse(hello, 0, {}), "");
    }
}

}  // namespace
}  // namespace windlass::scheduler
