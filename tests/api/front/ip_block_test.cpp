#include "api/front/ip_block.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

bool holds(const char* block, const char* address) {
    const auto parsed = IpBlock::parse(block);
    EXPECT_TRUE(parsed.ok()) << block;
    return parsed->contains(IpAddress::parse(address).value());
}

TEST(IpAddress, has_one_form_however_it_is_written) {
    EXPECT_EQ(IpAddress::parse("2001:DB8:0:0:0:0:0:1")->text(), "2001:db8::1");
    EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.7")->text(), "192.0.2.7");
    EXPECT_EQ(*IpAddress::parse("::ffff:c000:207"), *IpAddress::parse("192.0.2.7"));
    EXPECT_EQ(IpAddress::parse("::1")->text(), "::1");
}

TEST(IpAddress, what_is_none_is_none) {
    for (const char* bad :
         {"", " ", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4", "0x1.2.3.4",
          "1.2.3.4:80", "[::1]", "::1%lo", ":::", "1:2:3:4:5:6:7:8:9", "g::1", "localhost", "unknown",
          "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff"}) {
        EXPECT_FALSE(IpAddress::parse(bad).has_value()) << bad;
    }
    EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)).has_value());
}

TEST(IpBlock, contains_what_begins_with_its_bits) {
    EXPECT_TRUE(holds("10.0.0.0/8", "10.255.0.1"));
    EXPECT_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    EXPECT_TRUE(holds("192.0.2.128/25", "192.0.2.200"));
    EXPECT_FALSE(holds("192.0.2.128/25", "192.0.2.127"));
    EXPECT_TRUE(holds("192.0.2.7", "192.0.2.7"));
    EXPECT_FALSE(holds("192.0.2.7", "192.0.2.6"));
    EXPECT_TRUE(holds("2001:db8::/33", "2001:db8:7fff::1"));
    EXPECT_FALSE(holds("2001:db8::/33", "2001:db8:8000::1"));
    EXPECT_TRUE(holds("10.0.0.0/8", "::ffff:10.1.2.3"));
    EXPECT_TRUE(holds("0.0.0.0/0", "203.0.113.9"));
    EXPECT_FALSE(holds("0.0.0.0/0", "2001:db8::1"));
    EXPECT_TRUE(holds("::/0", "203.0.113.9"));
}

TEST(IpBlock, what_is_none_is_refused_with_a_sentence) {
    for (const char* bad :
         {"", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "proxy.example", "/8"}) {
        EXPECT_FALSE(IpBlock::parse(bad).ok()) << bad;
    }
    const auto inside = IpBlock::parse("10.1.2.3/8");
    ASSERT_FALSE(inside.ok());
    EXPECT_EQ(inside.error().message, "\"10.1.2.3/8\" begins inside its block; write 10.0.0.0/8");
}

}  // namespace
}  // namespace windlass::api
