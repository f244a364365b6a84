// WebSockets over real sockets: order, threads, limits, deadlines, the end.
#include "api/front/websocket.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>

#include "tests/api/front/test_tls.h"
#include "tests/api/front/websocket_client.h"

namespace windlass::api::test {
namespace {

using Kind = WebSocketMessage::Kind;

// What a handler is told, and the peer for the test to speak through.
class Record {
  public:
    void opened(const WebSocketPeer& peer) {
        const std::lock_guard lock(mutex_);
        peers_.push_back(peer);
    }
    void note(std::string line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
    }
    std::vector<std::string> lines() {
        const std::lock_guard lock(mutex_);
        return lines_;
    }
    bool has(const std::string& line) {
        return eventually([&] {
            const auto all = lines();
            return std::find(all.begin(), all.end(), line) != all.end();
        });
    }
    std::size_t open() {
        const std::lock_guard lock(mutex_);
        return peers_.size();
    }
    WebSocketPeer peer(std::size_t number = 0) {
        EXPECT_TRUE(eventually([&] { return open() > number; }));
        const std::lock_guard lock(mutex_);
        return peers_.at(number);
    }

  private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
    std::vector<WebSocketPeer> peers_;
};

// Sends back what it gets.
class Echo : public WebSocketHandler {
  public:
    explicit Echo(std::shared_ptr<Record> record) : record_(std::move(record)) {}
    void on_open(const WebSocketPeer& peer) override {
        peer_.emplace(peer);
        record_->opened(peer);
    }
    void on_message(WebSocketMessage message) override {
        if (message.kind == Kind::text) {
            peer_->send_text(std::move(message.data));
        } else {
            peer_->send_binary(std::move(message.data));
        }
    }
    void on_wake() override { record_->note("woken"); }
    void on_heartbeat() override { record_->note("heartbeat"); }
    void on_close(std::uint16_t code, std::string_view reason) override {
        record_->note("closed " + std::to_string(code) + (reason.empty() ? "" : " " + std::string(reason)));
    }

  protected:
    std::shared_ptr<Record> record_;
    std::optional<WebSocketPeer> peer_;
};

template <class Handler = Echo>
api::Handler serving(std::shared_ptr<Record> record) {
    return [record](const Request& request) -> Reply {
        if (request.path == "/plain") return text_response("plain");
        if (request.path == "/absent") return text_response("nothing here", 404);
        return Upgrade{std::make_shared<Handler>(record), {"windlass.v1"}};
    };
}

class WebSocketFront : public ::testing::Test {
  protected:
    std::shared_ptr<Record> record_ = std::make_shared<Record>();
    FrontSettings settings_ = loopback();
};

TEST_F(WebSocketFront, opens_on_the_port_and_the_connection_of_ordinary_requests) {
    TestFront front(serving(record_));
    Client client(front.address());
    EXPECT_EQ(client.get("/plain").body, "plain");
    EXPECT_EQ(client.get("/absent").status, 404);
    const auto answer = open_websocket(client);
    EXPECT_EQ(answer.header("Upgrade"), "websocket");
    EXPECT_TRUE(answer.has("X-Request-Id"));
    EXPECT_FALSE(answer.has("Content-Length"));
    client.send(text("hello") + binary(std::string("\x00\xff", 2)));
    EXPECT_EQ(read_text(client), "hello");
    const auto got = read_frame(client);
    EXPECT_EQ(got.opcode, 2U);
    EXPECT_EQ(got.payload, std::string("\x00\xff", 2));
    EXPECT_EQ(front.statistics().websockets_open, 1U);
    EXPECT_EQ(front.statistics().connections_accepted, 1U);
}

TEST_F(WebSocketFront, what_comes_behind_the_handshake_without_waiting_is_not_lost) {
    TestFront front(serving(record_));
    Client client(front.address());
    client.send(handshake("/") + text("early") + ping("p"));
    EXPECT_EQ(client.read_answer(true).status, 101);
    auto first = read_frame(client);
    auto second = read_frame(client);
    if (first.opcode == 1) std::swap(first, second);  // the pong needs no handler, and may overtake it
    EXPECT_EQ(first.opcode, 10U);
    EXPECT_EQ(second.payload, "early");
}

TEST_F(WebSocketFront, a_request_behind_a_refused_handshake_is_served) {
    TestFront front(serving(record_));
    Client client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: test\r\nUpgrade: websocket\r\n\r\nGET /plain HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 400);
    EXPECT_EQ(client.read_answer().body, "plain");
    client.send(handshake("/absent") + "GET /plain HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_EQ(client.read_answer().status, 404);
    EXPECT_EQ(client.read_answer().body, "plain");
    EXPECT_EQ(record_->open(), 0U);
}

TEST_F(WebSocketFront, an_ordinary_request_is_told_to_upgrade) {
    TestFront front(serving(record_));
    Client client(front.address());
    const auto answer = client.get("/");
    EXPECT_EQ(answer.status, 426);
    EXPECT_EQ(answer.header("Upgrade"), "websocket");
    EXPECT_EQ(answer.header("Connection"), "Upgrade");
    EXPECT_EQ(answer.header("Sec-WebSocket-Version"), "13");
    EXPECT_NE(answer.body.find("426: "), std::string::npos);
    EXPECT_EQ(client.get("/plain").status, 200);
}

TEST_F(WebSocketFront, a_page_of_another_site_needs_to_be_in_the_list) {
    settings_.allowed_origins = {"https://lab.example"};
    TestFront front(serving(record_), settings_);
    const auto status_for = [&](std::string_view headers) {
        Client client(front.address());
        client.send(handshake("/", headers));
        return client.read_answer(true).status;
    };
    EXPECT_EQ(status_for("Origin: https://evil.example\r\n"), 403);
    EXPECT_EQ(status_for("Origin: null\r\n"), 403);
    EXPECT_EQ(status_for("Cookie: access_token=x\r\n"), 403);
    EXPECT_EQ(record_->open(), 0U);
    EXPECT_EQ(status_for("Origin: https://lab.example\r\nCookie: access_token=x\r\n"), 101);
    EXPECT_EQ(status_for("Origin: http://test\r\n"), 101);
}

TEST_F(WebSocketFront, a_subprotocol_is_chosen_and_an_extension_is_not) {
    TestFront front(serving(record_));
    Client client(front.address());
    client.send(handshake(
        "/", "Sec-WebSocket-Protocol: other, windlass.v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"));
    const auto answer = client.read_answer(true);
    EXPECT_EQ(answer.status, 101);
    EXPECT_EQ(answer.header("Sec-WebSocket-Protocol"), "windlass.v1");
    EXPECT_FALSE(answer.has("Sec-WebSocket-Extensions"));
}

TEST_F(WebSocketFront, speaks_through_tls) {
    const TestCertificate certificate;
    TestFront front(serving(record_), tls_loopback(certificate));
    TlsClient client(front.address());
    open_websocket(client);
    const std::string large(60'000, 'x');
    client.send(text("hello") + text(large));
    EXPECT_EQ(read_text(client), "hello");
    EXPECT_EQ(read_text(client), large);
    client.send(close_frame(1000, "enough"));
    EXPECT_EQ(read_frame(client).close_code(), 1000U);
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(client.ended_cleanly());
    EXPECT_TRUE(record_->has("closed 1000 enough"));
}

// Fails the test when two of its calls overlap.
class InOrder final : public Echo {
  public:
    using Echo::Echo;
    void on_message(WebSocketMessage message) override {
        EXPECT_FALSE(busy_.exchange(true));
        EXPECT_EQ(message.data, std::to_string(expected_++));
        std::this_thread::yield();
        busy_ = false;
        Echo::on_message(std::move(message));
    }

  private:
    std::atomic<bool> busy_{false};
    int expected_ = 0;
};

TEST_F(WebSocketFront, messages_of_one_client_come_one_at_a_time_and_in_order) {
    settings_.threads = 4;
    TestFront front(serving<InOrder>(record_), settings_);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        open_websocket(*clients.back());
    }
    constexpr int count = 2000;
    std::string all;
    for (int i = 0; i < count; ++i) all += text(std::to_string(i));
    for (auto& client : clients) client->send(all);
    for (auto& client : clients) {
        for (int i = 0; i < count; ++i) ASSERT_EQ(read_text(*client), std::to_string(i));
    }
}

TEST_F(WebSocketFront, anybody_may_send_at_any_time_until_it_is_closed) {
    TestFront front(serving(record_));
    Client client(front.address());
    open_websocket(client);
    const auto peer = record_->peer();
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([peer] {
            for (int j = 0; j < 250; ++j) EXPECT_TRUE(peer.send_text("x"));
        });
    }
    for (auto& thread : threads) thread.join();
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(read_text(client), "x");
    peer.send_text("last");
    peer.close(4001, "enough");
    EXPECT_FALSE(peer.send_text("too late"));
    EXPECT_EQ(read_text(client), "last");
    const auto closed = read_frame(client);
    EXPECT_EQ(closed.close_code(), 4001U);
    EXPECT_EQ(closed.close_reason(), "enough");
    client.send(text("ignored") + close_frame(4001));
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(record_->has("closed 4001 enough"));
    EXPECT_TRUE(eventually([&] { return front.statistics().websockets_open == 0; }));
}

TEST_F(WebSocketFront, the_handler_learns_how_it_ended) {
    const auto told_after = [&](const std::function<void(Client&)>& what, const std::string& line) {
        auto record = std::make_shared<Record>();
        TestFront front(serving(record), settings_);
        Client client(front.address());
        open_websocket(client);
        record->peer();
        what(client);
        EXPECT_TRUE(record->has(line)) << line;
        EXPECT_EQ(record->lines().size(), 1U) << line;
        EXPECT_FALSE(record->peer().send_text("anybody?"));
        client.close();
        EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; })) << line;
    };
    told_after([](Client& client) { client.send(close_frame(1001, "bye")); }, "closed 1001 bye");
    told_after([](Client& client) { client.send(frame(8)); }, "closed 1005");
    told_after([](Client& client) { client.close(); }, "closed 1006");
    told_after([](Client& client) { client.half_close(); }, "closed 1006");
    told_after(
        [](Client& client) {
            client.reset_on_close();
            client.close();
        },
        "closed 1006");
    told_after(
        [](Client& client) {
            client.send(frame(3));
            EXPECT_EQ(read_close(client), 1002U);
            EXPECT_TRUE(client.wait_closed());
        },
        "closed 1002");
    told_after(
        [](Client& client) {
            client.send(binary(std::string(70'000, 'x')));
            EXPECT_EQ(read_close(client), 1009U);
            EXPECT_TRUE(client.wait_closed());
        },
        "closed 1009 a message here has at most 65536 bytes");
}

class Throwing final : public Echo {
  public:
    using Echo::Echo;
    void on_message(WebSocketMessage) override { throw std::runtime_error("it broke"); }
};

TEST_F(WebSocketFront, a_handler_that_throws_ends_the_conversation_and_nothing_else) {
    TestFront front(serving<Throwing>(record_));
    Client client(front.address());
    open_websocket(client);
    client.send(text("a") + text("b"));
    EXPECT_EQ(read_close(client), 1011U);
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(record_->has("closed 1011 something went wrong on our side"));
    EXPECT_EQ(Client(front.address()).get("/plain").status, 200);
}

TEST_F(WebSocketFront, a_client_that_answers_pings_is_pinged_again_and_again) {
    settings_.limits.websocket_ping = Milliseconds{10};
    settings_.limits.websocket_pong_deadline = Milliseconds{60'000};
    TestFront front(serving(record_), settings_);
    Client client(front.address());
    open_websocket(client);
    for (int i = 0; i < 5; ++i) {
        const auto got = read_frame(client);
        ASSERT_EQ(got.opcode, 9U);
        client.send(pong(got.payload));
    }
    EXPECT_TRUE(record_->has("heartbeat"));
    EXPECT_EQ(front.statistics().websockets_open, 1U);
}

TEST_F(WebSocketFront, a_client_that_answers_no_ping_is_dropped) {
    settings_.limits.websocket_ping = Milliseconds{10};
    settings_.limits.websocket_pong_deadline = Milliseconds{10};
    TestFront front(serving(record_), settings_);
    Client client(front.address());
    open_websocket(client);
    while (read_frame(client).opcode == 9) {
    }
    EXPECT_TRUE(record_->has("closed 1006 the client did not answer a ping"));
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST_F(WebSocketFront, a_client_that_does_not_answer_our_close_is_cut_off) {
    settings_.limits.websocket_close_deadline = Milliseconds{20};
    TestFront front(serving(record_), settings_);
    Client client(front.address());
    open_websocket(client);
    record_->peer().close(1000, "done");
    EXPECT_EQ(read_frame(client).close_code(), 1000U);
    EXPECT_TRUE(client.wait_closed());
    EXPECT_TRUE(record_->has("closed 1000 done"));
}

TEST_F(WebSocketFront, a_client_that_does_not_read_is_dropped_beyond_the_bound) {
    settings_.limits.websocket_unsent_bytes = 256 * 1024;
    TestFront front(serving(record_), settings_);
    Client client(front.address(), 4096);
    open_websocket(client);
    const auto peer = record_->peer();
    const std::string piece(16 * 1024, 'x');
    std::uint64_t most = 0;
    EXPECT_TRUE(eventually([&] {
        most = std::max(most, front.statistics().unsent_bytes);
        return !peer.send_text(piece);
    }));
    EXPECT_GT(most, 0U);
    EXPECT_LE(most, 256U * 1024 + 1024);
    EXPECT_TRUE(record_->has("closed 1008 the client does not take what it is sent"));
    EXPECT_TRUE(eventually([&] { return front.statistics().unsent_bytes == 0; }));
    EXPECT_EQ(front.statistics().websockets_open, 0U);
}

TEST_F(WebSocketFront, wake_comes_when_the_client_has_taken_everything) {
    settings_.limits.websocket_unsent_bytes = 64 * 1024 * 1024;
    TestFront front(serving(record_), settings_);
    Client client(front.address(), 4096);
    open_websocket(client);
    const auto peer = record_->peer();
    peer.wake();
    EXPECT_TRUE(record_->has("woken"));
    const std::string large(16 * 1024 * 1024, 'x');  // more than the buffers of both kernels' ends
    EXPECT_TRUE(peer.send_text(large));
    for (int i = 0; i < 100; ++i) peer.wake();
    EXPECT_TRUE(eventually([&] { return front.statistics().unsent_bytes > 0; }));
    EXPECT_EQ(record_->lines().size(), 1U);
    EXPECT_EQ(read_text(client), large);
    EXPECT_TRUE(eventually([&] { return record_->lines().size() == 2; }));
}

// Does not come back before it is told to.
class Blocking final : public Echo {
  public:
    using Echo::Echo;
    void on_message(WebSocketMessage) override {
        std::unique_lock lock(mutex);
        changed.wait(lock, [] { return go; });
        ++handled;
    }
    static inline std::mutex mutex;
    static inline std::condition_variable changed;
    static inline bool go = false;
    static inline int handled = 0;
};

TEST_F(WebSocketFront, a_client_that_sends_faster_than_its_handler_works_is_held_back) {
    Blocking::go = false;
    Blocking::handled = 0;
    TestFront front(serving<Blocking>(record_));
    Client client(front.address());
    open_websocket(client);
    constexpr int count = 400;
    const auto message = binary(std::string(60'000, 'x'));
    std::thread sender([&] {
        for (int i = 0; i < count; ++i) client.send(message);
    });
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes > 200'000; }));
    EXPECT_EQ(Client(front.address()).get("/plain").status, 200);
    EXPECT_LT(front.statistics().buffered_bytes, 600'000U);
    {
        const std::lock_guard lock(Blocking::mutex);
        Blocking::go = true;
    }
    Blocking::changed.notify_all();
    sender.join();
    EXPECT_TRUE(eventually([&] {
        const std::lock_guard lock(Blocking::mutex);
        return Blocking::handled == count;
    }));
    EXPECT_TRUE(eventually([&] { return front.statistics().buffered_bytes < 10'000; }));
}

TEST_F(WebSocketFront, drain_says_going_away_and_waits_for_the_answer) {
    TestFront front(serving(record_));
    Client polite(front.address());
    Client silent(front.address());
    open_websocket(polite);
    open_websocket(silent);
    record_->peer(1);
    auto drained = front.drain(Milliseconds{20'000});
    EXPECT_EQ(read_close(polite), 1001U);
    EXPECT_TRUE(polite.wait_closed());
    polite.close();
    EXPECT_EQ(read_frame(silent).close_code(), 1001U);
    silent.close();
    drained.get();
    EXPECT_TRUE(record_->has("closed 1001 the server is going down"));
    EXPECT_TRUE(eventually([&] { return record_->lines().size() == 2; }));
}

TEST_F(WebSocketFront, drain_cuts_off_who_does_not_answer) {
    TestFront front(serving(record_));
    Client silent(front.address());
    open_websocket(silent);
    record_->peer();
    front.drain(Milliseconds{20}).get();
    EXPECT_EQ(read_frame(silent).close_code(), 1001U);
    EXPECT_TRUE(silent.wait_closed());
    EXPECT_TRUE(record_->has("closed 1001 the server is going down"));
}

TEST_F(WebSocketFront, the_front_goes_down_with_open_websockets) {
    TestFront front(serving(record_));
    Client client(front.address());
    open_websocket(client);
    const auto peer = record_->peer();
    front.stop();
    EXPECT_TRUE(client.wait_closed());
    EXPECT_FALSE(peer.send_text("nobody there"));
    peer.wake();
    peer.close();
}

std::size_t thread_count() {
    std::size_t out = 0;
    for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task")) ++out;
    return out;
}

TEST_F(WebSocketFront, a_thousand_idle_ones_cost_no_thread_and_share_what_all_are_sent) {
    TestFront front(serving(record_));
    const auto threads = thread_count();
    constexpr std::size_t count = 1000;
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t i = 0; i < count; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        clients.back()->send(handshake("/"));
    }
    for (auto& client : clients) ASSERT_EQ(client->read_answer(true).status, 101);
    record_->peer(count - 1);
    EXPECT_EQ(thread_count(), threads);
    EXPECT_EQ(front.statistics().websockets_open, count);
    const auto news = std::make_shared<const std::string>("to all");
    for (std::size_t i = 0; i < count; ++i) record_->peer(i).send_text(news);
    for (auto& client : clients) ASSERT_EQ(read_text(*client), "to all");
    EXPECT_EQ(front.statistics().unsent_bytes, 0U);
}

}  // namespace
}  // namespace windlass::api::test
