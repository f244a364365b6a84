// TLS over real sockets: what the wire makes of it, and what each side is told when the other does not speak it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "shared/digest.h"
#include "shared/wire/addresses.h"
#include "shared/wire/connection.h"
#include "tests/support/loop.h"

namespace windlass::wire {
namespace {

using testing::HasSubstr;

class TlsConnection : public testing::Test {
  protected:
    TlsConnection() {
        initialise_crypto();
        std::signal(SIGPIPE, SIG_IGN);  // as in the daemons: some of these write to one who has gone
    }
    ~TlsConnection() override {
        for (auto& connection : connections_) {
            connection->set_handlers({});
            connection->close("the test is over");
        }
        connections_.clear();
        listener_.reset();
        loop_.finish();
    }
    void listen(bool with_tls) {
        Listener::Server server;
        if (with_tls) server = [this] { return server_; };
        auto opened = Listener::open(
            loop_.get(), parse_endpoint("127.0.0.1:0").value(),
            [this](std::shared_ptr<Connection> connection) {
                auto* raw = connection.get();
                connections_.push_back(connection);
                connection->set_handlers({[this, raw](protocol::Message message, std::string body) {
                                              raw->trust();
                                              if (const auto* shown = raw->certificate()) shown_ = *shown;
                                              received_bytes_ += body.size();
                                              if (echo_) raw->send(message, body);
                                          },
                                          [this](const std::string& reason) { server_closed_ = reason; }});
            },
            server);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        listener_ = std::move(opened).value();
    }
    std::shared_ptr<const trust::TlsClient> worker() const {
        const auto key = trust::PrivateKey::make();
        const auto certificate = authority_.certify_worker(trust::read_signing_request(key.signing_request()).value(),
                                                           {"node-1", 3}, now_, Seconds{3600});
        return trust::TlsClient::with(key, certificate, authority_.certificate()).value();
    }
    // Null: `failure_` says why.
    std::shared_ptr<Connection> dial(bool with_tls, std::shared_ptr<const trust::TlsClient> client,
                                     const std::string& host = "127.0.0.1") {
        Endpoint endpoint = listener_->endpoint();
        endpoint.tls = with_tls;
        endpoint.host = host;
        std::shared_ptr<Connection> made;
        bool answered = false;
        connect(
            loop_.get(), endpoint,
            [&](Result<std::shared_ptr<Connection>> result) {
                answered = true;
                if (!result) {
                    failure_ = result.error().message;
                    return;
                }
                made = std::move(result).value();
                made->trust();
                made->set_handlers({[this](const protocol::Message&, const std::string& body) {
                                        ++echoes_;
                                        echoed_bytes_ += body.size();
                                    },
                                    [this](const std::string& reason) { client_closed_ = reason; }});
            },
            std::move(client));
        EXPECT_TRUE(loop_.run_until([&] { return answered; }));
        if (made) connections_.push_back(made);
        return made;
    }

    test::TestLoop loop_;
    const WallTime now_ = SystemClock().now().wall;
    const trust::Authority authority_ = trust::Authority::make(now_);
    std::shared_ptr<const trust::TlsServer> server_ =
        trust::TlsServer::make(authority_, {"localhost", "127.0.0.1"}, Seconds{3600});
    std::unique_ptr<Listener> listener_;
    std::vector<std::shared_ptr<Connection>> connections_;
    trust::PeerCertificate shown_;
    bool echo_ = true;
    std::size_t received_bytes_ = 0, echoed_bytes_ = 0;
    int echoes_ = 0;
    std::string server_closed_, client_closed_, failure_;
};

TEST_F(TlsConnection, messages_go_both_ways_and_the_server_knows_who_speaks) {
    listen(true);
    const auto connection = dial(true, worker());
    ASSERT_NE(connection, nullptr) << failure_;
    EXPECT_EQ(connection->certificate(), nullptr) << "of the server nothing more is asked";
    connection->send(protocol::WorkerDraining{});
    ASSERT_TRUE(loop_.run_until([&] { return echoes_ == 1; }));
    EXPECT_EQ(shown_.worker, (trust::WorkerIdentity{"node-1", 3}));
    EXPECT_EQ(shown_.fault, "");
}

TEST_F(TlsConnection, a_name_is_resolved_and_checked) {
    server_ = trust::TlsServer::make(authority_, {"localhost"}, Seconds{3600});
    listen(true);
    ASSERT_NE(dial(true, worker(), "localhost"), nullptr) << failure_;
    EXPECT_EQ(dial(true, worker(), "127.0.0.1"), nullptr);
    EXPECT_THAT(failure_, HasSubstr("is for localhost, and not for 127.0.0.1"));
    ASSERT_TRUE(loop_.run_until([&] { return !server_closed_.empty(); }));
    EXPECT_THAT(server_closed_, HasSubstr("the TLS handshake failed"));
}

TEST_F(TlsConnection, large_bodies_arrive_whole_and_what_waits_is_counted) {
    listen(true);
    const auto connection = dial(true, worker());
    ASSERT_NE(connection, nullptr) << failure_;
    const std::string body(24u << 20, 'x');
    protocol::AttemptFinished finished;
    connection->send(protocol::WorkerDraining{});
    ASSERT_TRUE(loop_.run_until([&] { return echoes_ == 1; }));  // trusted now
    for (int i = 0; i < 3; ++i) connection->send(finished, body);
    EXPECT_GT(connection->unsent_bytes(), 3 * body.size() - (16u << 20));
    ASSERT_TRUE(loop_.run_until([&] { return echoes_ == 4; }));
    EXPECT_EQ(received_bytes_, 3 * body.size());
    EXPECT_EQ(echoed_bytes_, 3 * body.size());
    EXPECT_EQ(connection->unsent_bytes(), 0u);
}

TEST_F(TlsConnection, what_was_sent_before_a_close_still_arrives) {
    listen(true);
    const auto connection = dial(true, worker());
    ASSERT_NE(connection, nullptr) << failure_;
    connection->send(protocol::WorkerDraining{});
    ASSERT_TRUE(loop_.run_until([&] { return echoes_ == 1; }));
    echo_ = false;
    connection->send(protocol::AttemptFinished{}, std::string(4u << 20, 'x'));
    connection->close("done");
    ASSERT_TRUE(loop_.run_until([&] { return !server_closed_.empty(); }));
    EXPECT_EQ(received_bytes_, 4u << 20);
}

TEST_F(TlsConnection, a_plain_client_at_the_tls_port_and_the_server_both_say_so) {
    listen(true);
    const auto connection = dial(false, nullptr);
    ASSERT_NE(connection, nullptr) << failure_;
    connection->send(protocol::Hello{});
    ASSERT_TRUE(loop_.run_until([&] { return !server_closed_.empty() && !client_closed_.empty(); }));
    EXPECT_EQ(server_closed_, "it does not speak TLS: write tls:// before the address in scheduler.dial");
    EXPECT_THAT(client_closed_, HasSubstr("the peer speaks TLS and we do not: tls:// stands before"));
}

TEST_F(TlsConnection, a_tls_client_at_the_plain_port_and_the_server_both_say_so) {
    listen(false);
    EXPECT_EQ(dial(true, worker()), nullptr);
    EXPECT_THAT(failure_, HasSubstr("before TLS was agreed on: is this the address of scheduler.tls_listen?"));
    ASSERT_TRUE(loop_.run_until([&] { return !server_closed_.empty(); }));
    EXPECT_THAT(server_closed_, HasSubstr("the peer speaks TLS and we do not"));
}

TEST_F(TlsConnection, an_endpoint_of_tls_without_a_certificate_is_not_dialled) {
    listen(true);
    EXPECT_EQ(dial(true, nullptr), nullptr);
    EXPECT_THAT(failure_, HasSubstr("is for workers that are enrolled"));
}

TEST_F(TlsConnection, a_host_that_nobody_knows_is_an_error) {
    listen(true);
    EXPECT_EQ(dial(true, worker(), "nobody.invalid"), nullptr);
    EXPECT_THAT(failure_, HasSubstr("cannot reach tls://nobody.invalid"));
}

TEST_F(TlsConnection, a_stranger_may_not_send_more_than_an_enrolment_needs) {
    listen(true);
    const auto connection = dial(true, trust::TlsClient::pinned(authority_.certificate().fingerprint()));
    ASSERT_NE(connection, nullptr) << failure_;
    connection->send(protocol::Enrol{std::string(20'000, 'x'), "node-1", ""});
    ASSERT_TRUE(loop_.run_until([&] { return !server_closed_.empty(); }));
    EXPECT_EQ(echoes_, 0);
}

TEST_F(TlsConnection, certificate_without_one_is_told_from_no_tls) {
    listen(true);
    shown_.shown = true;
    const auto connection = dial(true, trust::TlsClient::pinned(authority_.certificate().fingerprint()));
    ASSERT_NE(connection, nullptr) << failure_;
    connection->send(protocol::WorkerDraining{});
    ASSERT_TRUE(loop_.run_until([&] { return echoes_ == 1; }));
    EXPECT_FALSE(shown_.shown);
}

}  // namespace
}  // namespace windlass::wire
