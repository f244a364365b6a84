#include "shared/wire/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "tests/support/loop.h"
#include "tests/support/temporary_directory.h"

namespace windlass::wire {
namespace {

using testing::HasSubstr;

class ConnectionTest : public testing::Test {
  protected:
    ~ConnectionTest() override {
        for (auto& connection : connections_) connection->close("the test is over");
        connections_.clear();
        listener_.reset();
        loop_.finish();
    }
    template <class Condition>
    bool run_until(Condition holds) {
        return loop_.run_until(holds);
    }
    void listen(const std::string& text) {
        auto opened =
            Listener::open(loop_.get(), parse_endpoint(text).value(), [this](std::shared_ptr<Connection> connection) {
                connection->trust();
                auto* raw = connection.get();
                connections_.push_back(connection);
                connection->set_handlers({[this, raw](protocol::Message message, std::string body) {
                                              if (echo_) raw->send(message, body);
                                              received_ += 1;
                                              received_bytes_ += body.size();
                                          },
                                          [this](const std::string& reason) { server_closed_ = reason; }});
            });
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        listener_ = std::move(opened).value();
    }
    std::shared_ptr<Connection> dial() {
        std::shared_ptr<Connection> made;
        bool answered = false;
        connect(loop_.get(), listener_->endpoint(), [&](Result<std::shared_ptr<Connection>> result) {
            answered = true;
            if (result) made = std::move(result).value();
        });
        run_until([&] { return answered; });
        if (made) connections_.push_back(made);
        return made;
    }

    test::TemporaryDirectory temporary_;
    const std::string directory_ = temporary_.path();
    test::TestLoop loop_;
    std::unique_ptr<Listener> listener_;
    std::vector<std::shared_ptr<Connection>> connections_;
    bool echo_ = true;
    std::size_t received_ = 0, received_bytes_ = 0;
    std::string server_closed_;
};

TEST_F(ConnectionTest, messages_come_back_in_order_with_their_bodies) {
    for (const std::string& where : {"unix:" + directory_ + "/s", std::string("127.0.0.1:0")}) {
        listen(where);
        auto client = dial();
        ASSERT_NE(client, nullptr) << where;
        client->trust();
        std::vector<std::string> bodies;
        client->set_handlers({[&](protocol::Message, std::string body) { bodies.push_back(std::move(body)); }, {}});
        for (int i = 0; i < 100; ++i)
            client->send(protocol::CancelJobs{RequestId{i}, {JobId{1}}, {}},
                         std::string(static_cast<std::size_t>(i * 1000), 'x'));
        ASSERT_TRUE(run_until([&] { return bodies.size() == 100; })) << where << ": " << bodies.size();
        for (std::size_t i = 0; i < 100; ++i) EXPECT_EQ(bodies[i].size(), i * 1000);
        EXPECT_EQ(client->unsent_bytes(), 0u);
    }
}

TEST_F(ConnectionTest, a_handler_may_close_its_own_connection_and_go_on) {
    listen("unix:" + directory_ + "/s");
    auto client = dial();
    ASSERT_NE(client, nullptr);
    std::string after;
    const std::string word(100,
                           'w');  // on the heap, owned by the handler: gone if the handler were destroyed while it runs
    client->set_handlers({[&after, word, raw = client.get()](protocol::Message, std::string) {
                              raw->close("enough");
                              after = word;
                          },
                          {}});
    client->send(protocol::WorkerDraining{});
    EXPECT_TRUE(run_until([&] { return !after.empty() && !server_closed_.empty(); }));
    EXPECT_EQ(after, word);
}

TEST_F(ConnectionTest, closing_sends_what_is_queued_first) {
    echo_ = false;
    listen("unix:" + directory_ + "/s");
    auto client = dial();
    ASSERT_NE(client, nullptr);
    client->set_handlers({});
    client->send(protocol::WorkerDraining{}, std::string(3'000'000, 'x'));
    client->close("done");
    EXPECT_TRUE(run_until([&] { return received_ == 1 && !server_closed_.empty(); }));
    EXPECT_EQ(received_bytes_, 3'000'000u);
}

TEST_F(ConnectionTest, garbage_closes_the_connection_with_a_reason) {
    listen("unix:" + directory_ + "/s");
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (directory_ + "/s").c_str());
    ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
    EXPECT_TRUE(run_until([&] { return !server_closed_.empty(); }));
    EXPECT_THAT(server_closed_, HasSubstr("larger than"));
    ::close(fd);
}

TEST_F(ConnectionTest, dialling_where_nobody_listens_says_so) {
    std::string reason;
    connect(loop_.get(), parse_endpoint("unix:" + directory_ + "/nobody").value(),
            [&](Result<std::shared_ptr<Connection>> result) { reason = result.error().message; });
    EXPECT_TRUE(run_until([&] { return !reason.empty(); }));
    EXPECT_THAT(reason, HasSubstr("cannot reach unix:"));
}

TEST_F(ConnectionTest, a_second_listener_on_a_living_socket_is_refused_and_a_dead_one_is_replaced) {
    listen("unix:" + directory_ + "/s");
    const auto endpoint = listener_->endpoint();
    const auto second = Listener::open(loop_.get(), endpoint, [](auto) {});
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);

    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (directory_ + "/dead").c_str());
    ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(fd);  // the file stays, as after kill -9
    const auto replaced =
        Listener::open(loop_.get(), parse_endpoint("unix:" + directory_ + "/dead").value(), [](auto) {});
    EXPECT_TRUE(replaced.ok());
}

TEST(Endpoint, is_read_in_all_its_forms) {
    EXPECT_EQ(parse_endpoint("127.0.0.1:80")->text(), "127.0.0.1:80");
    EXPECT_EQ(parse_endpoint("[::1]:80")->text(), "[::1]:80");
    EXPECT_EQ(parse_endpoint("unix:/run/x")->text(), "unix:/run/x");
    EXPECT_EQ(parse_endpoint("localhost:0")->host, "127.0.0.1");
    EXPECT_TRUE(parse_endpoint("[::1]:80")->is_loopback());
    EXPECT_FALSE(parse_endpoint("10.0.0.1:80")->is_loopback());
    for (const char* bad : {"", "80", "a:b", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:-1", "unix:", "unix:relative",
                            "host.example:80", "127.0.0.1:80x"})
        EXPECT_FALSE(parse_endpoint(bad).ok()) << bad;
}

}  // namespace
}  // namespace windlass::wire
