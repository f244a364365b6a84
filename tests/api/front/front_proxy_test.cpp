#include <gtest/gtest.h>

#include "tests/api/front/test_tls.h"

namespace windlass::api::test {
namespace {

Reply seen(const Request& request) {
    return text_response(request.remote_address + " " + request.scheme + "://" + request.host +
                         (request.secure ? " secure" : ""));
}

FrontSettings behind(const std::string& proxy) {
    auto out = loopback();
    out.proxies = TrustedProxies::parse({proxy}, "x-forwarded").value();
    out.hsts_s = 3600;
    return out;
}

const std::string asked =
    "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
    "X-Forwarded-Host: site.org\r\nREMOTE_ADDR: 6.6.6.6\r\n\r\n";

TEST(FrontProxy, a_listed_proxy_is_believed) {
    TestFront front(seen, behind("127.0.0.1"));
    Client client(front.address());
    client.send(asked);
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.body, "203.0.113.9 https://site.org secure");
    EXPECT_EQ(answer.header("Strict-Transport-Security"), "max-age=3600");
    // Each request of one connection on its own: the next one is of another client.
    client.send("GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 203.0.113.10\r\n\r\n");
    const auto next = client.read_answer();
    EXPECT_EQ(next.body, "203.0.113.10 http://inner");
    EXPECT_FALSE(next.has("Strict-Transport-Security"));
}

TEST(FrontProxy, anybody_else_is_not) {
    TestFront front(seen, behind("192.0.2.1"));
    Client client(front.address());
    client.send(asked);
    const auto answer = client.read_answer();
    EXPECT_EQ(answer.body, "127.0.0.1 http://inner");
    EXPECT_FALSE(answer.has("Strict-Transport-Security"));
}

TEST(FrontProxy, strict_transport_is_said_under_tls_also_by_the_front_itself) {
    const TestCertificate certificate;
    auto settings = tls_loopback(certificate);
    settings.hsts_s = 60;
    TestFront front(echo, settings);
    TlsClient client(front.address());
    EXPECT_EQ(client.get("/").header("Strict-Transport-Security"), "max-age=60");
    client.send("NONSENSE\r\n\r\n");
    const auto refused = client.read_answer();
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.header("Strict-Transport-Security"), "max-age=60");
}

}  // namespace
}  // namespace windlass::api::test
