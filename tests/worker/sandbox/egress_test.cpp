// The text of the egress rule. What it does is seen in job_network_test.cpp.
#include "worker/sandbox/egress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string why_not(const EgressSettings& settings) {
    const Status checked = check_egress(settings);
    return checked.ok() ? "" : checked.error().message;
}

std::size_t place(const std::string& text, const std::string& part) {
    EXPECT_THAT(text, HasSubstr(part));
    return text.find(part);
}

// The elements of one of its sets.
std::string set_of(const std::string& ruleset, const std::string& name) {
    const std::size_t start = place(ruleset, "set " + name + " {");
    return ruleset.substr(start, ruleset.find("  }\n", start) - start);
}

TEST(EgressRule, keeps_every_special_range_and_every_metadata_address_out) {
    const std::string text = make_ruleset({}, {});
    const std::string sets = set_of(text, "never") + set_of(text, "refused");
    for (const char* block :
         {"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
          "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"}) {
        EXPECT_THAT(sets, HasSubstr(block));
    }
}

TEST(EgressRule, refuses_addresses_of_the_host_and_the_scheduler_without_exception) {
    const std::string never =
        set_of(make_ruleset({{"198.51.100.9"}, {}, {"10.0.0.0/8"}}, {"10.1.2.3", "198.51.100.7", "fe80::1"}), "never");
    EXPECT_THAT(never, AllOf(HasSubstr("10.1.2.3"), HasSubstr("198.51.100.7"), HasSubstr("198.51.100.9"),
                             Not(HasSubstr("fe80"))));
}

TEST(EgressRule, lets_what_has_no_exceptions_win_over_exceptions_and_those_over_the_table) {
    const std::string text = make_ruleset({{}, {"198.51.100.0/24"}, {"10.7.0.0/16"}}, {});
    EXPECT_THAT(set_of(text, "refused"), HasSubstr("198.51.100.0/24"));
    EXPECT_THAT(set_of(text, "allowed"), HasSubstr("10.7.0.0/16"));
    EXPECT_LT(place(text, "daddr @never"), place(text, "daddr @allowed"));
    EXPECT_LT(place(text, "daddr @allowed"), place(text, "daddr @refused"));
}

TEST(EgressRule, drops_by_default_and_lets_out_three_protocols_of_IPv4) {
    const std::string text = make_ruleset({}, {});
    EXPECT_THAT(text, HasSubstr("policy drop;"));
    EXPECT_THAT(text, HasSubstr("meta nfproto ipv6 reject"));
    EXPECT_LT(place(text, "daddr @refused reject"), text.rfind("meta l4proto { tcp, udp, icmp } accept"));
}

TEST(EgressRule, lets_the_resolver_be_asked_on_port_53_only) {
    const std::string text = make_ruleset({}, {});
    EXPECT_LT(place(text, "ip daddr 192.0.2.3 meta l4proto { tcp, udp } th dport 53 accept"),
              place(text, "daddr @never"));
    EXPECT_THAT(set_of(text, "never"), HasSubstr("192.0.2.0/24")) << "so any other port is refused";
}

TEST(EgressSettings, accept_blocks_and_single_addresses) {
    EXPECT_EQ(why_not({{}, {"198.51.100.0/24", "203.0.113.9"}, {"10.0.5.0/24", "192.168.1.1/32"}}), "");
    EXPECT_EQ(why_not({{}, {"0.0.0.0/0"}, {"10.0.0.1"}}), "") << "nothing but one mirror";
}

TEST(EgressSettings, refuse_what_is_no_block_and_say_which) {
    for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "10.1.2.3/8", "mirror.example", "fd00::/8",
                             "10.0.0.0/-1", "10.0.0.0/8; flush ruleset"}) {
        EXPECT_THAT(why_not({{}, {text}, {}}), AllOf(HasSubstr("worker.network_deny"), HasSubstr(text)));
        EXPECT_THAT(why_not({{}, {}, {text}}), AllOf(HasSubstr("worker.network_allow"), HasSubstr(text)));
    }
}

TEST(EgressSettings, refuse_exceptions_for_loopback_and_metadata_addresses) {
    for (const char* text :
         {"127.0.0.1", "169.254.169.254", "168.63.129.16", "192.0.2.2", "0.0.0.0/0", "224.0.0.0/4"}) {
        EXPECT_THAT(why_not({{}, {}, {text}}), HasSubstr("no exceptions")) << text;
    }
}

}  // namespace
}  // namespace windlass::worker
