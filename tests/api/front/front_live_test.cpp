// Answers that go on for as long as something happens: no thread, no cut while it is quiet, bounded memory.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

// Says what the test gives it.
class Live final : public ChunkSource {
  public:
    struct Feed {
        std::mutex mutex;
        std::string text;
        bool end = false;
        ChunkSource::Wake wake;
        std::atomic<int> asked{0};
        std::atomic<int> heartbeats{0};

        void say(std::string_view more) {
            const std::lock_guard lock(mutex);
            text += more;
            if (wake) wake();
        }
        void finish() {
            const std::lock_guard lock(mutex);
            end = true;
            if (wake) wake();
        }
    };
    explicit Live(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
    void attach(Wake wake) override {
        const std::lock_guard lock(feed_->mutex);
        feed_->wake = std::move(wake);
    }
    bool next(std::string& out) override {
        const std::lock_guard lock(feed_->mutex);
        ++feed_->asked;
        out += std::exchange(feed_->text, {});
        return !feed_->end;
    }
    bool heartbeat(std::string& out) override {
        ++feed_->heartbeats;
        out += "*";
        return true;
    }

  private:
    std::shared_ptr<Feed> feed_;
};

Response streaming(std::shared_ptr<ChunkSource> source) {
    auto out = text_response("");
    out.stream = std::move(source);
    return out;
}

class LiveStream : public ::testing::Test {
  protected:
    std::shared_ptr<Live::Feed> feed_ = std::make_shared<Live::Feed>();
    std::atomic<int> alive_{0};

    Handler handler() {
        return [this](const Request& request) -> Reply {
            if (request.path != "/s") return echo(request);
            ++alive_;
            return streaming(std::shared_ptr<ChunkSource>(new Live(feed_), [this](ChunkSource* source) {
                delete source;  // NOLINT: the deleter of a shared_ptr
                --alive_;
            }));
        };
    }
    static void ask(Client& client) { client.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n"); }
    static void read_head(Client& client) {
        while (!client.read_line().empty()) {
        }
    }
    static std::string read_piece(Client& client) {
        const auto size = client.read_line();
        if (size.empty()) return "<closed>";
        auto piece = client.read_bytes(std::stoul(size, nullptr, 16));
        client.read_line();
        return piece;
    }
};

TEST_F(LiveStream, head_comes_at_once_and_pieces_when_there_are_some) {
    TestFront front(handler());
    Client client(front.address());
    ask(client);
    read_head(client);
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    feed_->say("one");
    EXPECT_EQ(read_piece(client), "one");
    feed_->say("two");
    EXPECT_EQ(read_piece(client), "two");
    feed_->finish();
    EXPECT_EQ(read_piece(client), "");
    EXPECT_EQ(client.get("/after").body, "GET /after ") << "the connection goes on";
    EXPECT_EQ(alive_, 0);
    EXPECT_EQ(front.statistics().waiting, 0u);
}

TEST_F(LiveStream, no_wake_is_ever_lost_and_bytes_stay_in_order) {
    TestFront front(handler());
    Client client(front.address());
    ask(client);
    read_head(client);
    std::string said;
    for (int i = 0; i < 3000; ++i) said += "<" + std::to_string(i) + ">";
    std::thread teller([&] {
        for (std::size_t i = 0; i < said.size(); i += 7) feed_->say(std::string_view(said).substr(i, 7));
    });
    std::string heard;
    while (heard.size() < said.size()) heard += read_piece(client);
    teller.join();
    EXPECT_EQ(heard, said);
}

TEST_F(LiveStream, three_hundred_quiet_streams_hold_no_thread) {
    auto settings = loopback();
    settings.threads = 1;
    TestFront front(handler(), settings);
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 300; ++i) {
        clients.push_back(std::make_unique<Client>(front.address()));
        ask(*clients.back());
    }
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 300; }));
    Client other(front.address());
    EXPECT_EQ(other.get("/x").body, "GET /x ");
    clients.clear();
    EXPECT_TRUE(eventually([&] { return alive_ == 0 && front.statistics().waiting == 0; }));
}

TEST_F(LiveStream, quiet_stream_gives_signs_of_life_and_is_not_cut_as_idle) {
    auto settings = loopback();
    // Idle time begins before the request has come: it must be longer than a busy machine lets us wait for that.
    settings.limits.heartbeat = Milliseconds{60};
    settings.limits.idle_deadline = Milliseconds{1'000};
    TestFront front(handler(), settings);
    Client client(front.address());
    ask(client);
    read_head(client);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(read_piece(client), "*");
    feed_->say("still here");
    std::string heard;
    while (heard.find("still here") == std::string::npos && heard.find("<closed>") == std::string::npos)
        heard += read_piece(client);
    EXPECT_NE(heard.find("still here"), std::string::npos);
}

TEST_F(LiveStream, source_ends_promptly_when_the_client_leaves) {
    TestFront front(handler());
    {
        Client client(front.address());
        ask(client);
        read_head(client);
        EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    }
    EXPECT_TRUE(eventually([&] { return alive_ == 0; }));
    feed_->say("to nobody");
    feed_->finish();
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST_F(LiveStream, drain_breaks_a_quiet_stream_off_without_its_end) {
    TestFront front(handler());
    Client client(front.address());
    ask(client);
    read_head(client);
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    auto drained = front.drain(Milliseconds{60'000});
    EXPECT_EQ(read_piece(client), "<closed>");
    drained.get();
}

TEST_F(LiveStream, front_may_go_while_streams_wait) {
    TestFront front(handler());
    Client client(front.address());
    ask(client);
    read_head(client);
    EXPECT_TRUE(eventually([&] { return front.statistics().waiting == 1; }));
    front.stop();
    EXPECT_EQ(alive_, 0);
    feed_->say("late");
}

// A hundred megabytes for one who reads nothing: the source is not asked again before the piece is gone.
class Endless final : public ChunkSource {
  public:
    Endless(std::size_t total, std::atomic<std::size_t>& produced) : left_(total), produced_(produced) {}
    bool next(std::string& out) override {
        constexpr std::size_t piece = 256 * 1024;
        out.append(piece, 'x');
        produced_ += piece;
        left_ -= piece;
        return left_ > 0;
    }

  private:
    std::size_t left_;
    std::atomic<std::size_t>& produced_;
};

TEST_F(LiveStream, hundred_megabytes_for_one_who_reads_nothing_cost_one_piece_and_then_the_connection) {
    auto settings = loopback();
    settings.limits.write_deadline = Milliseconds{300};
    std::atomic<std::size_t> produced = 0;
    TestFront front(
        [&](const Request&) -> Reply {
            return streaming(std::make_shared<Endless>(std::size_t{400} * 256 * 1024, produced));
        },
        settings);
    Client client(front.address(), 4096);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return front.statistics().unsent_bytes > 0; }));
    std::uint64_t most = 0;
    EXPECT_TRUE(eventually([&] {
        most = std::max(most, front.statistics().unsent_bytes);
        return front.statistics().connections_open == 0;
    }));
    EXPECT_LE(most, 256u * 1024 + 1024) << "one piece in its framing";
    EXPECT_LT(produced, 12u * 1024 * 1024) << "what the kernel takes for both ends, and one piece";
    EXPECT_EQ(front.statistics().unsent_bytes, 0u);
}

}  // namespace
}  // namespace windlass::api::test
