#include "api/front/listener.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

TEST(CountingKey, this_machine_is_not_counted) {
    for (const char* local : {"", "unix", "127.0.0.1", "127.9.9.9", "::1"}) EXPECT_EQ(counting_key(local), "") << local;
}

TEST(CountingKey, ipv4_is_counted_by_address_and_ipv6_by_subscriber) {
    EXPECT_NE(counting_key("192.0.2.1"), counting_key("192.0.2.2"));
    EXPECT_EQ(counting_key("2001:db8:0:1::1"), counting_key("2001:db8:0:1:ffff::2"));
    EXPECT_NE(counting_key("2001:db8:0:1::1"), counting_key("2001:db8:0:2::1"));
}

TEST(Listener, addresses_that_are_none_are_refused_with_a_sentence) {
    uv_loop_t loop;
    ::uv_loop_init(&loop);
    for (const char* bad :
         {"", "8080", ":80", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:http", "127.0.0.1:-1", "::1:80", "unix:"}) {
        Listener listener;
        const auto opened = listener.open(&loop, bad, [] {});
        ASSERT_FALSE(opened.ok()) << bad;
        EXPECT_TRUE(opened.error().message.starts_with("Cannot listen on ")) << opened.error().message;
        bool closed = false;
        listener.close([&] { closed = true; });
        ::uv_run(&loop, UV_RUN_DEFAULT);
        EXPECT_TRUE(closed);
    }
    const std::string too_long = "unix:/" + std::string(200, 'x');
    Listener listener;
    EXPECT_FALSE(listener.open(&loop, too_long, [] {}).ok());
    listener.close([] {});
    ::uv_run(&loop, UV_RUN_DEFAULT);
    EXPECT_EQ(::uv_loop_close(&loop), 0);
}

}  // namespace
}  // namespace windlass::api
