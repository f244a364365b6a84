#include "api/front/forwarded.h"

#include <gtest/gtest.h>

#include <random>

namespace windlass::api {
namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Case {
    const char* why;
    const char* socket;
    Headers headers;
    const char* address;
    bool secure;
    const char* host;
};

void check(const char* kind, const std::vector<Case>& cases) {
    const auto proxies = TrustedProxies::parse({"10.0.0.0/8", "192.0.2.1", "2001:db8:aa::/48", "unix"}, kind);
    ASSERT_TRUE(proxies.ok());
    for (const auto& one : cases) {
        const auto seen = client_behind(*proxies, {one.socket, false, "socket.host"}, one.headers);
        EXPECT_EQ(seen.address, one.address) << one.why;
        EXPECT_EQ(seen.secure, one.secure) << one.why;
        EXPECT_EQ(seen.host, one.host) << one.why;
    }
}

TEST(XForwarded, is_read_from_its_end_over_trusted_hops) {
    const std::string f = "X-Forwarded-For", p = "X-Forwarded-Proto", h = "X-Forwarded-Host";
    check("x-forwarded",
          {
              {"nothing said", "10.0.0.1", {}, "10.0.0.1", false, "socket.host"},
              {"one proxy",
               "10.0.0.1",
               {{f, "203.0.113.9"}, {p, "https"}, {h, "site.org"}},
               "203.0.113.9",
               true,
               "site.org"},
              {"over a unix socket", "unix", {{f, "203.0.113.9"}, {p, "https"}}, "203.0.113.9", true, "socket.host"},
              {"names without case",
               "10.0.0.1",
               {{"x-forwarded-for", "203.0.113.9"}, {"X-FORWARDED-PROTO", "HTTPS"}},
               "203.0.113.9",
               true,
               "socket.host"},
              {"a stranger is not believed",
               "203.0.113.5",
               {{f, "127.0.0.1"}, {p, "https"}, {h, "evil.org"}},
               "203.0.113.5",
               false,
               "socket.host"},
              {"what the client put before",
               "10.0.0.1",
               {{f, "127.0.0.1, 10.9.9.9, 203.0.113.9"}},
               "203.0.113.9",
               false,
               "socket.host"},
              {"in a line of its own",
               "10.0.0.1",
               {{f, "127.0.0.1"}, {f, "203.0.113.9"}},
               "203.0.113.9",
               false,
               "socket.host"},
              {"two proxies",
               "10.0.0.1",
               {{f, "203.0.113.9, 192.0.2.1"}, {p, "https"}},
               "203.0.113.9",
               true,
               "socket.host"},
              {"two proxies that both append",
               "10.0.0.1",
               {{f, "1.1.1.1, 203.0.113.9, 192.0.2.1"}, {p, "http, https, http"}, {h, "evil.org, site.org, inner"}},
               "203.0.113.9",
               true,
               "site.org"},
              {"all are trusted: the first", "10.0.0.1", {{f, "10.0.0.3, 10.0.0.2"}}, "10.0.0.3", false, "socket.host"},
              {"a port", "10.0.0.1", {{f, "203.0.113.9:4711"}}, "203.0.113.9", false, "socket.host"},
              {"IPv6", "2001:db8:aa::1", {{f, "2001:DB8::9"}}, "2001:db8::9", false, "socket.host"},
              {"IPv6 in brackets", "10.0.0.1", {{f, "[2001:db8::9]"}}, "2001:db8::9", false, "socket.host"},
              {"IPv6 in brackets, port", "10.0.0.1", {{f, "[2001:db8::9]:4711"}}, "2001:db8::9", false, "socket.host"},
              {"IPv4 in IPv6", "::ffff:10.0.0.1", {{f, "::ffff:203.0.113.9"}}, "203.0.113.9", false, "socket.host"},
              {"garbage is no client", "10.0.0.1", {{f, "203.0.113.9, garbage"}}, "10.0.0.1", false, "socket.host"},
              {"nor is a name", "10.0.0.1", {{f, "localhost"}}, "10.0.0.1", false, "socket.host"},
              {"nor half a bracket", "10.0.0.1", {{f, "[::1"}}, "10.0.0.1", false, "socket.host"},
              {"nor a bad port", "10.0.0.1", {{f, "203.0.113.9:99999"}}, "10.0.0.1", false, "socket.host"},
              {"nor IPv4 in brackets", "10.0.0.1", {{f, "[203.0.113.9]"}}, "10.0.0.1", false, "socket.host"},
              {"nor an empty entry", "10.0.0.1", {{f, "203.0.113.9,"}}, "10.0.0.1", false, "socket.host"},
              {"nor unix", "10.0.0.1", {{f, "unix"}}, "10.0.0.1", false, "socket.host"},
              {"garbage behind a second proxy",
               "10.0.0.1",
               {{f, "garbage, 192.0.2.1"}},
               "192.0.2.1",
               false,
               "socket.host"},
              {"an open quote of the client hides nothing",
               "10.0.0.1",
               {{f, "\", 203.0.113.9"}},
               "203.0.113.9",
               false,
               "socket.host"},
              {"no scheme we know", "10.0.0.1", {{f, "203.0.113.9"}, {p, "wss"}}, "203.0.113.9", false, "socket.host"},
              {"no host", "10.0.0.1", {{f, "203.0.113.9"}, {h, "a b<script>"}}, "203.0.113.9", false, "socket.host"},
              {"the other kind is the client's own",
               "10.0.0.1",
               {{f, "203.0.113.9"}, {"Forwarded", "for=127.0.0.1;proto=https;host=evil.org"}},
               "203.0.113.9",
               false,
               "socket.host"},
          });
}

TEST(Forwarded, is_read_from_its_end_over_trusted_hops) {
    const std::string f = "Forwarded";
    check(
        "forwarded",
        {
            {"one proxy",
             "10.0.0.1",
             {{f, "for=203.0.113.9;proto=https;host=site.org"}},
             "203.0.113.9",
             true,
             "site.org"},
            {"any case, other parameters",
             "10.0.0.1",
             {{f, "For=203.0.113.9; BY=10.0.0.1 ;Proto=HTTPS;x=\"a,b;c\""}},
             "203.0.113.9",
             true,
             "socket.host"},
            {"quoted, with port",
             "10.0.0.1",
             {{f, "for=\"203.0.113.9:47011\";host=\"site.org:8443\""}},
             "203.0.113.9",
             false,
             "site.org:8443"},
            {"IPv6", "10.0.0.1", {{f, "for=\"[2001:db8:cafe::17]:4711\""}}, "2001:db8:cafe::17", false, "socket.host"},
            {"two proxies",
             "10.0.0.1",
             {{f, "for=203.0.113.9;proto=https;host=site.org, for=192.0.2.1;proto=http"}},
             "203.0.113.9",
             true,
             "site.org"},
            {"two lines",
             "10.0.0.1",
             {{f, "for=203.0.113.9"}, {f, "for=192.0.2.1;proto=https"}},
             "203.0.113.9",
             true,
             "socket.host"},
            {"what the client put before",
             "10.0.0.1",
             {{f, "for=127.0.0.1;proto=https;host=evil.org, for=203.0.113.9;proto=http"}},
             "203.0.113.9",
             false,
             "socket.host"},
            {"an open quote of the client hides nothing",
             "10.0.0.1",
             {{f, "for=\", for=203.0.113.9;proto=https"}},
             "203.0.113.9",
             true,
             "socket.host"},
            {"a comma in quotes is no end",
             "10.0.0.1",
             {{f, "for=1.1.1.1;x=\"a, for=127.0.0.1\""}},
             "1.1.1.1",
             false,
             "socket.host"},
            {"an escaped quote is no end",
             "10.0.0.1",
             {{f, "for=203.0.113.9;x=\"\\\", for=127.0.0.1\""}},
             "203.0.113.9",
             false,
             "socket.host"},
            {"unknown client: the proxy, and what it says",
             "10.0.0.1",
             {{f, "for=unknown;proto=https"}},
             "10.0.0.1",
             true,
             "socket.host"},
            {"obfuscated client", "10.0.0.1", {{f, "for=1.2.3.4, for=_hidden"}}, "10.0.0.1", false, "socket.host"},
            {"twice the same parameter",
             "10.0.0.1",
             {{f, "for=1.1.1.1;for=203.0.113.9"}},
             "10.0.0.1",
             false,
             "socket.host"},
            {"no pair", "10.0.0.1", {{f, "203.0.113.9"}}, "10.0.0.1", false, "socket.host"},
            {"no value", "10.0.0.1", {{f, "for=;proto=https"}}, "10.0.0.1", false, "socket.host"},
            {"empty", "10.0.0.1", {{f, ""}}, "10.0.0.1", false, "socket.host"},
            {"only commas", "10.0.0.1", {{f, ",,,"}}, "10.0.0.1", false, "socket.host"},
            {"a stranger is not believed",
             "203.0.113.5",
             {{f, "for=127.0.0.1;proto=https"}},
             "203.0.113.5",
             false,
             "socket.host"},
            {"the other kind is the client's own",
             "10.0.0.1",
             {{f, "for=203.0.113.9"}, {"X-Forwarded-For", "127.0.0.1"}, {"X-Forwarded-Proto", "https"}},
             "203.0.113.9",
             false,
             "socket.host"},
        });
}

TEST(Forwarded, nothing_that_a_client_writes_changes_what_the_proxy_wrote_after_it) {
    constexpr std::string_view alphabet = "\"\\,;=: []for10.unixhttps\t";
    const auto x_forwarded = TrustedProxies::parse({"10.0.0.0/8"}, "x-forwarded");
    const auto forwarded = TrustedProxies::parse({"10.0.0.0/8"}, "forwarded");
    std::mt19937 random(20'261'122);  // NOLINT: the same every time
    for (int i = 0; i < 20'000; ++i) {
        std::string invented(random() % 40, ' ');
        for (char& c : invented) c = alphabet[random() % alphabet.size()];
        const auto a = client_behind(
            *x_forwarded, {"10.0.0.1", false, "h"},
            {{"X-Forwarded-For", invented + ", 203.0.113.9"}, {"X-Forwarded-Proto", invented + ", https"}});
        EXPECT_EQ(a.address, "203.0.113.9") << invented;
        EXPECT_TRUE(a.secure) << invented;
        const auto b = client_behind(*forwarded, {"10.0.0.1", false, "h"},
                                     {{"Forwarded", invented + ", for=\"203.0.113.9:1\";proto=https;host=\"a:1\""}});
        EXPECT_EQ(b.address, "203.0.113.9") << invented;
        EXPECT_TRUE(b.secure) << invented;
        EXPECT_EQ(b.host, "a:1") << invented;
    }
}

TEST(TrustedProxies, mistakes_are_refused_with_a_sentence) {
    EXPECT_FALSE(TrustedProxies::parse({"proxy.example.org"}, "x-forwarded").ok());
    EXPECT_FALSE(TrustedProxies::parse({"10.0.0.0/8"}, "both").ok());
    EXPECT_TRUE(TrustedProxies::parse({}, "forwarded").ok());
    EXPECT_FALSE(TrustedProxies().trusts("127.0.0.1"));
    EXPECT_FALSE(TrustedProxies().trusts("unix"));
    EXPECT_FALSE(TrustedProxies().trusts(""));
}

}  // namespace
}  // namespace windlass::api
