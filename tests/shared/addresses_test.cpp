#include "shared/wire/addresses.h"

#include <gtest/gtest.h>

namespace windlass::wire {
namespace {

Addresses two() {
    return Addresses(parse_addresses({"unix:/a", "127.0.0.1:7"}, "unix:/unused").value());
}

TEST(Addresses, are_where_the_scheduler_listens_unless_a_list_is_given) {
    const auto alone = parse_addresses({}, "unix:/run/s.sock");
    ASSERT_TRUE(alone);
    ASSERT_EQ(alone->size(), 1U);
    EXPECT_EQ(alone->front().text(), "unix:/run/s.sock");
    EXPECT_TRUE(Addresses(*alone).alone());
    EXPECT_FALSE(two().alone());
}

TEST(Addresses, that_cannot_be_are_refused) {
    EXPECT_EQ(parse_addresses({"unix:/a", "nonsense"}, "unix:/b").error().kind, ErrorKind::invalid);
}

TEST(Addresses, are_tried_in_turn_with_a_pause_after_each_round) {
    Addresses list = two();
    EXPECT_EQ(list.current().text(), "unix:/a");
    EXPECT_FALSE(list.next());
    EXPECT_EQ(list.current().text(), "127.0.0.1:7");
    EXPECT_TRUE(list.next());
    EXPECT_EQ(list.current().text(), "unix:/a");
    EXPECT_FALSE(list.next());
}

TEST(Addresses, begin_with_the_other_one_when_the_one_that_was_good_is_lost) {
    Addresses list = two();
    EXPECT_FALSE(list.next());
    ASSERT_TRUE(list.take(1));
    EXPECT_FALSE(list.next()) << "the first one has not been tried since";
    EXPECT_EQ(list.current().text(), "unix:/a");
    EXPECT_TRUE(list.next());
}

TEST(Addresses, of_one_alone_make_a_pause_after_each_try) {
    Addresses list({Endpoint{"/a", "", 0}});
    EXPECT_TRUE(list.next());
    EXPECT_TRUE(list.next());
}

TEST(Addresses, are_not_taken_from_one_who_led_before_the_last_one) {
    Addresses list = two();
    ASSERT_TRUE(list.take(7));
    EXPECT_FALSE(list.take(6));
    EXPECT_TRUE(list.take(7));
    EXPECT_TRUE(list.take(8));
    Addresses alone({Endpoint{"/a", "", 0}});
    ASSERT_TRUE(alone.take(7));
    EXPECT_TRUE(alone.take(1)) << "the database may come from a backup";
}

TEST(Addresses, of_tls_may_have_a_name) {
    const auto list =
        parse_addresses({"tls://scheduler.example:7433", "tls://[::1]:1", "tls://10.0.0.1:65535", "unix:/a"}, "");
    ASSERT_TRUE(list.ok()) << list.error().message;
    EXPECT_TRUE((*list)[0].tls);
    EXPECT_EQ((*list)[0].host, "scheduler.example");
    EXPECT_EQ((*list)[0].port, 7433);
    EXPECT_EQ((*list)[1].host, "::1");
    EXPECT_EQ((*list)[1].text(), "tls://[::1]:1");
    EXPECT_EQ((*list)[2].text(), "tls://10.0.0.1:65535");
    EXPECT_FALSE((*list)[3].tls);
    for (const char* wrong : {"tls://", "tls://a", "tls://a:", "tls://a:0", "tls://a:65536", "tls://:1", "tls://a b:1",
                              "tls://::1:1", "tls://[]:1", "tls://a:1x", "TLS://a:1"})
        EXPECT_FALSE(parse_addresses({wrong}, "").ok()) << wrong;
    EXPECT_FALSE(parse_endpoint("tls://10.0.0.1:1").ok()) << "only where a worker dials";
}

}  // namespace
}  // namespace windlass::wire
