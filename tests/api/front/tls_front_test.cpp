#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "tests/api/front/test_tls.h"

namespace windlass::api::test {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

Reply what_the_client_saw(const Request& request) {
    return text_response((request.secure ? "secure " : "clear ") + request.scheme + "://" + request.host);
}

class OneMegabytePieces : public ChunkSource {
  public:
    explicit OneMegabytePieces(int count, bool breaks_off = false) : left_(count), breaks_off_(breaks_off) {}
    bool next(std::string& out) override {
        if (breaks_off_ && left_ == 1) throw std::runtime_error("the source broke");
        out.assign(megabyte, static_cast<char>('a' + left_ % 26));
        return --left_ > 0;
    }

  private:
    int left_;
    bool breaks_off_;
};

TEST(TlsFront, a_request_goes_there_and_an_answer_comes_back) {
    const TestCertificate certificate;
    TestFront front(what_the_client_saw, tls_loopback(certificate));
    TlsClient client(front.address());
    ASSERT_EQ(client.handshake_error(), "");
    EXPECT_STREQ(::SSL_get_version(client.native()), "TLSv1.3");
    EXPECT_EQ(client.chosen_protocol(), "http/1.1");
    for (int i = 0; i < 3; ++i) {
        const auto answer = client.get("/");
        EXPECT_EQ(answer.status, 200);
        EXPECT_EQ(answer.body, "secure https://test");
    }
    EXPECT_EQ(front.statistics().connections_accepted, 1u);
}

TEST(TlsFront, without_tls_a_request_is_not_secure) {
    TestFront front(what_the_client_saw);
    EXPECT_EQ(Client(front.address()).get("/").body, "clear http://test");
}

TEST(TlsFront, tls_1_2_is_spoken_and_what_is_older_is_not) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient client(front.address(), {.version = TLS1_2_VERSION});
    EXPECT_EQ(client.get("/a").body, "GET /a ");
    EXPECT_NE(std::string(::SSL_get_cipher_name(client.native())).find("ECDHE"), std::string::npos);
    for (const int old : {TLS1_1_VERSION, TLS1_VERSION}) {
        EXPECT_NE(TlsClient(front.address(), {.version = old}).handshake_error(), "") << old;
    }
}

TEST(TlsFront, a_client_that_offers_no_protocol_is_served_and_one_that_offers_only_others_is_not) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    EXPECT_EQ(TlsClient(front.address(), {.alpn = ""}).get("/a").body, "GET /a ");
    EXPECT_NE(TlsClient(front.address(), {.alpn = "h2"}).handshake_error(), "");
}

TEST(TlsFront, a_session_is_resumed_with_its_ticket) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient first(front.address());
    ASSERT_EQ(first.get("/").status, 200);  // the ticket comes with the answer
    auto* session = ::SSL_get1_session(first.native());
    TlsClient second(front.address(), {.session = session});
    EXPECT_EQ(second.get("/").status, 200);
    EXPECT_EQ(::SSL_session_reused(second.native()), 1);
    ::SSL_SESSION_free(session);
}

TEST(TlsFront, large_bodies_arrive_whole_in_both_directions) {
    const TestCertificate certificate;
    TestFront front([](const Request& request) -> Reply { return text_response(request.body + request.body); },
                    tls_loopback(certificate));
    TlsClient client(front.address());
    std::string body(5 * megabyte, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 7 + i / 4096);
    client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_EQ(client.read_answer().body, body + body);
    EXPECT_EQ(front.statistics().unsent_bytes, 0u);
}

TEST(TlsFront, many_requests_in_one_go_are_answered_in_order) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient client(front.address());
    std::string all;
    for (int i = 0; i < 500; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    std::thread sender([&] { client.send(all); });
    sender.join();
    for (int i = 0; i < 500; ++i) EXPECT_EQ(client.read_answer().body, "GET /" + std::to_string(i) + " ");
}

TEST(TlsFront, a_streamed_answer_ends_with_its_last_piece_and_a_goodbye) {
    const TestCertificate certificate;
    TestFront front(
        [](const Request&) -> Reply {
            Response out;
            out.stream = std::make_shared<OneMegabytePieces>(4);
            return out;
        },
        tls_loopback(certificate));
    TlsClient client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(client.read_answer().body.size(), 4 * megabyte);
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(client.ended_cleanly());
}

TEST(TlsFront, an_answer_that_breaks_off_ends_without_a_goodbye) {
    const TestCertificate certificate;
    TestFront front(
        [](const Request&) -> Reply {
            Response out;
            out.stream = std::make_shared<OneMegabytePieces>(3, true);
            return out;
        },
        tls_loopback(certificate));
    TlsClient client(front.address());
    client.send("GET / HTTP/1.0\r\n\r\n");  // no chunks: the end of the connection is the end of the answer
    client.read_answer();
    EXPECT_FALSE(client.ended_cleanly());
}

TEST(TlsFront, a_client_that_has_said_goodbye_still_gets_its_answer) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient polite(front.address());
    polite.send("POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody");
    polite.say_goodbye();
    EXPECT_EQ(polite.read_answer().body, "POST /p body");
    EXPECT_TRUE(polite.wait_closed());
    EXPECT_TRUE(polite.ended_cleanly());

    TlsClient rude(front.address());  // FIN alone
    rude.send("GET /g HTTP/1.1\r\nHost: h\r\n\r\n");
    rude.half_close();
    EXPECT_EQ(rude.read_answer().body, "GET /g ");
    EXPECT_TRUE(rude.wait_closed());
}

TEST(TlsFront, plain_http_is_told_to_use_https) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    Client client(front.address());
    const auto answer = client.get("/a");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(answer.body, "400: This port speaks HTTPS: use https:// in the address.");
    EXPECT_TRUE(client.wait_closed());
}

TEST(TlsFront, garbage_ends_its_own_connection_only) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient honest(front.address());
    for (const std::string& garbage :
         {std::string(100, '\0'), std::string("\x16\x03\x01\xff\xff", 5) + std::string(70'000, 'x'),
          std::string("SSH-2.0-OpenSSH_9.2\r\n"), std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)}) {
        Client client(front.address());
        client.send(garbage);
        while (!client.read_bytes(1).empty()) {
        }
    }
    EXPECT_EQ(honest.get("/a").body, "GET /a ");
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 1; }));
}

TEST(TlsFront, garbage_after_the_handshake_ends_the_connection) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient client(front.address());
    ASSERT_EQ(client.get("/a").status, 200);
    static_cast<void>(::send(::SSL_get_fd(client.native()), "not a record at all", 19, MSG_NOSIGNAL));
    EXPECT_EQ(client.read_bytes(1), "");
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST(TlsFront, a_handshake_that_does_not_come_to_an_end_is_cut_off) {
    const TestCertificate certificate;
    auto settings = tls_loopback(certificate);
    settings.limits.head_deadline = Milliseconds{50};
    TestFront front(echo, settings);
    Client silent(front.address());
    Client begun(front.address());
    begun.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
    EXPECT_TRUE(silent.wait_closed());
    EXPECT_TRUE(begun.wait_closed());
}

TEST(TlsFront, a_client_may_leave_in_the_middle_of_a_handshake) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    for (const bool reset : {false, true}) {
        Client client(front.address());
        client.send(std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9));
        if (reset) client.reset_on_close();
    }
    EXPECT_TRUE(eventually(
        [&] { return front.statistics().connections_accepted == 2 && front.statistics().connections_open == 0; }));
}

TEST(TlsFront, renegotiation_is_refused) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient client(front.address(), {.version = TLS1_2_VERSION});
    ASSERT_EQ(client.get("/a").status, 200);
    ASSERT_EQ(::SSL_renegotiate(client.native()), 1);
    EXPECT_NE(::SSL_do_handshake(client.native()), 1);
    ::ERR_clear_error();
}

TEST(TlsFront, a_client_that_only_asks_for_new_keys_is_cut_off) {
    const TestCertificate certificate;
    auto settings = tls_loopback(certificate);
    settings.listen = "unix:" + (certificate.directory() / "socket").string();  // its buffers are small
    TestFront front(echo, settings);
    TlsClient client(front.address());
    ASSERT_EQ(client.get("/a").status, 200);
    // Each of them makes the front answer, and the answers are never read.
    int asked = 0;
    while (::SSL_key_update(client.native(), SSL_KEY_UPDATE_REQUESTED) == 1 &&
           ::SSL_do_handshake(client.native()) == 1 && ++asked < 1'000'000) {
    }
    EXPECT_LT(asked, 1'000'000);
    ::ERR_clear_error();
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST(TlsFront, a_client_that_does_not_read_is_cut_off) {
    const TestCertificate certificate;
    auto settings = tls_loopback(certificate);
    settings.limits.write_deadline = Milliseconds{50};
    TestFront front([](const Request&) -> Reply { return text_response(std::string(64 * megabyte, 'x')); }, settings);
    TlsClient client(front.address(), {}, 4096);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return front.statistics().unsent_bytes > 0; }));
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
    EXPECT_EQ(front.statistics().unsent_bytes, 0u);
}

TEST(TlsFront, beyond_the_limit_a_connection_is_closed_before_its_handshake) {
    const TestCertificate certificate;
    auto settings = tls_loopback(certificate);
    settings.limits.connections = 1;
    TestFront front(echo, settings);
    TlsClient first(front.address());
    ASSERT_EQ(first.get("/a").status, 200);
    EXPECT_NE(TlsClient(front.address()).handshake_error(), "");
    EXPECT_EQ(front.statistics().connections_refused, 1u);
    EXPECT_EQ(first.get("/b").status, 200);
}

TEST(TlsFront, draining_says_goodbye_to_idle_connections) {
    const TestCertificate certificate;
    TestFront front(echo, tls_loopback(certificate));
    TlsClient idle(front.address());
    ASSERT_EQ(idle.get("/a").status, 200);
    front.drain(Milliseconds{30'000}).wait();
    EXPECT_TRUE(idle.wait_closed());
    EXPECT_TRUE(idle.ended_cleanly());
}

// ---- the certificate

TEST(TlsReload, new_connections_get_the_new_certificate_and_old_ones_go_on) {
    TestCertificate certificate("old.test");
    TestFront front(echo, tls_loopback(certificate));
    TlsClient before(front.address());
    EXPECT_EQ(before.certificate_name(), "old.test");

    std::atomic<bool> stop{false};
    std::atomic<int> failures{0};
    std::thread traffic([&] {
        while (!stop) failures += TlsClient(front.address()).get("/t").status != 200;
    });
    for (int i = 0; i < 20; ++i) {
        const std::string name = "new" + std::to_string(i) + ".test";
        certificate.renew(name);
        const auto reloaded = front.reload_tls();
        ASSERT_TRUE(reloaded.ok()) << reloaded.error().message;
        EXPECT_TRUE(reloaded.value().starts_with("CN=" + name + ", valid until ")) << reloaded.value();
        EXPECT_EQ(TlsClient(front.address()).certificate_name(), name);
    }
    stop = true;
    traffic.join();
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(before.get("/a").body, "GET /a ");
}

TEST(TlsReload, a_bad_file_keeps_the_old_certificate_and_says_what_to_do) {
    TestCertificate certificate("old.test");
    TestFront front(echo, tls_loopback(certificate));
    const TestCertificate other("other.test");
    const auto files = certificate.files();
    const auto good_key = std::filesystem::path(files.key).replace_filename("good.pem");
    std::filesystem::copy_file(files.key, good_key);
    const auto fault = [&] {
        const auto reloaded = front.reload_tls();
        EXPECT_EQ(TlsClient(front.address()).certificate_name(), "old.test");
        return reloaded.ok() ? std::string("none") : reloaded.error().message;
    };
    const auto overwrite = std::filesystem::copy_options::overwrite_existing;

    std::filesystem::copy_file(other.files().key, files.key, overwrite);
    EXPECT_NE(fault().find("key values mismatch"), std::string::npos) << fault();
    std::ofstream(files.key) << "rubbish";
    EXPECT_NE(fault().find("private key"), std::string::npos) << fault();
    std::filesystem::remove(files.key);
    EXPECT_NE(fault().find("No such file"), std::string::npos) << fault();
    std::filesystem::copy_file(good_key, files.key);
    ::chmod(files.key.c_str(), 0644);
    EXPECT_NE(fault().find("can be read by others; run: chmod 600"), std::string::npos) << fault();
    ::chmod(files.key.c_str(), 0600);
    std::ofstream(files.certificate) << "rubbish";
    EXPECT_NE(fault().find("api.tls_certificate_file"), std::string::npos) << fault();
    std::filesystem::remove(files.certificate);
    EXPECT_NE(fault().find("api.tls_certificate_file"), std::string::npos) << fault();
}

TEST(TlsContext, one_file_without_the_other_is_a_mistake) {
    const TestCertificate certificate;
    for (const TlsFiles& half :
         {TlsFiles{certificate.files().certificate, ""}, TlsFiles{"", certificate.files().key}}) {
        const auto loaded = TlsContext::load(half);
        ASSERT_FALSE(loaded.ok());
        EXPECT_NE(loaded.error().message.find("both"), std::string::npos);
    }
}

}  // namespace
}  // namespace windlass::api::test
