// Answers in pieces: in order, at the pace of the client, in constant memory.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "tests/api/front/test_front.h"

namespace windlass::api::test {
namespace {

class Pieces final : public ChunkSource {
  public:
    Pieces(std::size_t count, std::size_t size, std::atomic<std::size_t>* produced = nullptr)
        : left_(count), size_(size), produced_(produced) {}
    bool next(std::string& out) override {
        out.append(size_, static_cast<char>('a' + left_ % 26));
        if (produced_) *produced_ += size_;
        return --left_ > 0;
    }

  private:
    std::size_t left_;
    std::size_t size_;
    std::atomic<std::size_t>* produced_;
};

class Breaking final : public ChunkSource {
  public:
    explicit Breaking(int good) : good_(good) {}
    bool next(std::string& out) override {
        if (good_-- == 0) throw std::runtime_error("hunter2");
        out += "good";
        return true;
    }

  private:
    int good_;
};

// Says that it was the last without a byte, as a list does that ends at a page's boundary.
class EmptyEnd final : public ChunkSource {
  public:
    bool next(std::string& out) override {
        if (std::exchange(said_, true)) return false;
        out += "only";
        return true;
    }

  private:
    bool said_ = false;
};

Response streaming(std::shared_ptr<ChunkSource> source) {
    auto out = text_response("");
    out.stream = std::move(source);
    return out;
}

TEST(Stream, pieces_arrive_chunked_in_order_and_the_connection_goes_on) {
    TestFront front([](const Request& request) -> Reply {
        return request.path == "/s" ? streaming(std::make_shared<Pieces>(3, 2)) : echo(request);
    });
    Client client(front.address());
    const auto answer = client.get("/s");
    EXPECT_EQ(answer.header("Transfer-Encoding"), "chunked");
    EXPECT_FALSE(answer.has("Content-Length"));
    EXPECT_EQ(answer.body, "ddccbb");
    EXPECT_EQ(client.get("/after").body, "GET /after ");
}

TEST(Stream, source_that_ends_without_bytes_ends_well) {
    TestFront front([](const Request&) -> Reply { return streaming(std::make_shared<EmptyEnd>()); });
    Client client(front.address());
    EXPECT_EQ(client.get("/").body, "only");
    EXPECT_EQ(client.get("/").body, "only");
}

TEST(Stream, head_of_a_stream_has_no_pieces) {
    TestFront front([](const Request& request) -> Reply {
        return request.path == "/s" ? streaming(std::make_shared<Pieces>(3, 2)) : echo(request);
    });
    Client client(front.address());
    client.send("HEAD /s HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(client.read_answer(true).status, 200);
    EXPECT_EQ(client.get("/after").body, "GET /after ");
}

TEST(Stream, http_1_0_gets_plain_bytes_until_the_end_of_the_connection) {
    TestFront front([](const Request&) -> Reply { return streaming(std::make_shared<Pieces>(3, 2)); });
    for (const std::string extra : {"", "Connection: keep-alive\r\n"}) {
        Client client(front.address());
        client.send("GET /s HTTP/1.0\r\n" + extra + "\r\n");
        const auto answer = client.read_answer();
        EXPECT_FALSE(answer.has("Transfer-Encoding"));
        EXPECT_EQ(answer.header("Connection"), "close");
        EXPECT_EQ(answer.body, "ddccbb");
    }
}

TEST(Stream, source_that_throws_breaks_off_without_a_last_chunk) {
    TestFront front([](const Request&) -> Reply { return streaming(std::make_shared<Breaking>(2)); });
    Client client(front.address());
    EXPECT_EQ(client.get("/").body, "goodgood<broken off>");
}

TEST(Stream, source_that_throws_before_its_first_piece_is_a_500) {
    TestFront front([](const Request&) -> Reply { return streaming(std::make_shared<Breaking>(0)); });
    Client client(front.address());
    const auto answer = client.get("/");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body.find("hunter2"), std::string::npos);
}

TEST(Stream, stream_after_a_wait_works_too) {
    Parking parking;
    TestFront front([&](const Request&) -> Reply { return parking.later(); });
    Client client(front.address());
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    parking.take()([]() -> Reply { return streaming(std::make_shared<Pieces>(3, 2)); });
    EXPECT_EQ(client.read_answer().body, "ddccbb");
}

TEST(Stream, fifty_megabytes_at_a_slow_reader_stay_few_in_memory) {
    constexpr std::size_t piece = 64 * 1024;
    constexpr std::size_t count = 800;
    // What may lie between source and reader: the kernel's buffers on both sides (at most 6 and 4 MiB) and one piece.
    constexpr std::size_t between = 12 * 1024 * 1024;
    std::atomic<std::size_t> produced = 0;
    TestFront front(
        [&](const Request&) -> Reply { return streaming(std::make_shared<Pieces>(count, piece, &produced)); });
    Client client(front.address(), 64 * 1024);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return produced > piece; }));
    while (!client.read_line().empty()) {
    }
    std::size_t read = 0;
    std::size_t most_ahead = 0;
    for (std::size_t i = 0; i < count; ++i) {
        EXPECT_EQ(client.read_line(), "10000");
        const auto bytes = client.read_bytes(piece);
        EXPECT_EQ(bytes, std::string(piece, static_cast<char>('a' + (count - i) % 26)));
        EXPECT_EQ(client.read_line(), "");
        read += bytes.size();
        most_ahead = std::max(most_ahead, produced - std::min<std::size_t>(read, produced));
    }
    EXPECT_EQ(client.read_line(), "0");
    EXPECT_EQ(read, piece * count);
    EXPECT_LT(most_ahead, between);
}

TEST(Stream, reader_that_stops_is_cut_after_the_write_deadline) {
    auto settings = loopback();
    settings.limits.write_deadline = Milliseconds{100};
    TestFront front([&](const Request&) -> Reply { return streaming(std::make_shared<Pieces>(100'000, 64 * 1024)); },
                    settings);
    Client client(front.address(), 4096);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_TRUE(eventually([&] { return front.statistics().requests == 1; }));
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

TEST(Stream, reader_that_is_slow_but_reads_is_not_cut) {
    auto settings = loopback();
    settings.limits.write_deadline = Milliseconds{100};
    const std::string body(2 * 1024 * 1024, 'y');
    TestFront front([&](const Request&) -> Reply { return text_response(body); }, settings);
    Client client(front.address(), 4096);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    while (!client.read_line().empty()) {
    }
    const auto begin = std::chrono::steady_clock::now();
    std::string read;
    for (int i = 1; i <= 32; ++i) {  // 64 KiB per 20 ms: several write deadlines in all
        EXPECT_TRUE(
            eventually([&] { return std::chrono::steady_clock::now() >= begin + std::chrono::milliseconds(20 * i); }));
        read += client.read_bytes(64 * 1024);
    }
    EXPECT_EQ(read, body);
}

TEST(Stream, client_that_leaves_ends_the_stream) {
    auto source = std::make_shared<Pieces>(1'000'000, 64 * 1024);
    std::weak_ptr<Pieces> alive = source;
    TestFront front(
        [source = std::move(source)](const Request&) mutable -> Reply { return streaming(std::move(source)); });
    {
        Client client(front.address());
        client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(client.read_line(), "HTTP/1.1 200 OK");
    }
    EXPECT_TRUE(eventually([&] { return alive.expired(); }));
    EXPECT_TRUE(eventually([&] { return front.statistics().connections_open == 0; }));
}

}  // namespace
}  // namespace windlass::api::test
