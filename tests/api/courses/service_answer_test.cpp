#include "api/courses/service_answer.h"

#include <gtest/gtest.h>

namespace windlass::api {
namespace {

using State = ServiceAnswer::State;

struct Read {
    State state;
    std::string body;
    int status;
};
// The same however it is cut into pieces.
Read read(const std::string& bytes, bool ended = true, bool head_only = false) {
    Read whole{};
    for (const std::size_t step : {bytes.size(), std::size_t{1}, std::size_t{7}}) {
        ServiceAnswer answer(head_only);
        std::string body;
        for (std::size_t at = 0; at < bytes.size(); at += step) answer.feed(bytes.substr(at, step), body);
        if (ended) answer.end();
        if (step != bytes.size()) {
            EXPECT_EQ(answer.state(), whole.state) << step << " " << bytes;
            EXPECT_EQ(body, whole.body) << step << " " << bytes;
        }
        whole = {answer.state(), body, answer.status()};
    }
    return whole;
}

TEST(ServiceAnswer, reads_bodies_in_every_framing) {
    EXPECT_EQ(read("ok\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").body, "hello");
    EXPECT_EQ(read("ok\nHTTP/1.0 200 OK\r\n\r\nuntil the end").body, "until the end");
    const auto chunked = read(
        "ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: 1\r\n\r\n",
        false);
    EXPECT_EQ(chunked.body, "hello!");
    EXPECT_EQ(chunked.state, State::complete);
    EXPECT_EQ(read("ok\nHTTP/1.1 204 No Content\r\n\r\n", false).state, State::complete);
    EXPECT_EQ(read("ok\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, true).state, State::complete);
    EXPECT_EQ(read("ok\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", false).status, 404);
    EXPECT_EQ(read("ok\nHTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nrest", false).state,
              State::switched);
}

TEST(ServiceAnswer, what_breaks_off_is_broken_and_never_complete) {
    for (const char* bytes :
         {"", "ok\n", "ok\nHTTP/1.1 200 OK\r\n", "ok\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
          "ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
          "ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"}) {
        ServiceAnswer answer(false);
        std::string body;
        answer.feed(bytes, body);
        EXPECT_EQ(answer.end(), State::broken) << bytes;
    }
}

TEST(ServiceAnswer, what_is_no_http_is_refused_and_says_why) {
    for (const char* bytes :
         {"welcome\n", "ok\nSSH-2.0-OpenSSH\r\n\r\n", "ok\nHTTP/1.1 20 OK\r\n\r\n", "ok\nHTTP/1.1 999 OK\r\n\r\n",
          "ok\nHTTP/1.1 200 OK\r\nbad header: 1\r\n\r\n", "ok\nHTTP/1.1 200 OK\r\nno colon\r\n\r\n",
          "ok\nHTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n",
          "ok\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
          "ok\nHTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
          "ok\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"})
        EXPECT_EQ(read(bytes).state, State::broken) << bytes;
    EXPECT_EQ(read("ok\nHTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'a')).state, State::broken);
    ServiceAnswer refused(false);
    std::string body;
    EXPECT_EQ(refused.feed("no it does not run here\n", body), State::refused);
    EXPECT_EQ(refused.why(), "it does not run here");
}

}  // namespace
}  // namespace windlass::api
