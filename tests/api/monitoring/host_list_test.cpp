#include "api/monitoring/host_list.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

std::string expanded(std::string_view text) {
    const auto hosts = expand_host_list(text);
    return hosts ? joined_hosts(*hosts) : "refused: " + hosts.error().message;
}

TEST(HostList, ranges_are_expanded_and_keep_their_width) {
    EXPECT_EQ(expanded("node[01-04,7]"), "node01|node02|node03|node04|node7");
    EXPECT_EQ(expanded("node[8-11]"), "node8|node9|node10|node11");
    EXPECT_EQ(expanded("node[098-101]"), "node098|node099|node100|node101");
    EXPECT_EQ(expanded("a[1-2]b[3-4]c,login"), "a1b3c|a1b4c|a2b3c|a2b4c|login");
    EXPECT_EQ(expanded("localhost"), "localhost");
    EXPECT_EQ(expanded(""), "");
}

TEST(HostList, what_is_joined_already_stays_as_it_is) {
    EXPECT_EQ(expanded("n1|n2|n3"), "n1|n2|n3");
    EXPECT_EQ(expanded("n1.example.org,n[2-3]|knoten-ü"), "n1.example.org|n2|n3|knoten-ü");
}

TEST(HostList, what_is_none_is_refused) {
    for (const char* bad : {",",       "a,",
                            ",a",      "a||b",
                            "a[",      "a]",
                            "a[]",     "a[1",
                            "a[x]",    "a[1-]",
                            "a[-1]",   "a[3-1]",
                            "a[1,,2]", "a[1-2-3]",
                            "a b",     "a\nb",
                            "a[[1]]",  "a[1]]",
                            "a[1|2]",  "a[ 1]",
                            "a[+1]",   "a[1234567890123]"})
        EXPECT_EQ(expanded(bad).substr(0, 8), "refused:") << bad;
    EXPECT_FALSE(expand_host_list(std::string_view("a\0b", 3)));
}

TEST(HostList, a_hostile_list_is_refused_before_it_is_made) {
    for (const char* hostile :
         {"n[0-999999999]", "n[0-65536]", "a[0-9999]b[0-9999]c[0-9999]d[0-9999]", "n[0-60000],m[0-60000]",
          "a[0-65535]b[0-65535]c[0-65535]d[0-65535]e[0-65535]f[0-65535]g[0-65535]"})
        EXPECT_NE(expanded(hostile).find("more than 65536 hosts"), std::string::npos) << hostile;
    EXPECT_EQ(expand_host_list("n[0-65535]").value().size(), 65'536u);
    EXPECT_FALSE(expand_host_list(std::string(3'000, 'x') + "[0-65000]")) << "200 MB of names";
    EXPECT_FALSE(expand_host_list(std::string(2 * longest_host_list, 'x')));
    std::string many = "n";
    for (int i = 0; i < 100; ++i) many += "[1]";
    EXPECT_FALSE(expand_host_list(many));
}

}  // namespace
}  // namespace windlass::api
