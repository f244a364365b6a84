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

}  // namespace
}  // namespace windlass::api
