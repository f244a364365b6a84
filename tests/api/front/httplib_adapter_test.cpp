#include "api/front/httplib_adapter.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

namespace windlass::api {
namespace {

Response plain_error(int status, std::string_view detail, std::string_view path, std::string_view id) {
    return {status, "text/plain", std::string(detail) + "|" + std::string(path) + "|" + std::string(id), {}, nullptr};
}

const std::atomic<bool> not_draining{false};
const std::vector<std::string> no_origins;

FramedRequest get(const std::string& method = "GET") {
    FramedRequest out;
    out.request.method = method;
    out.request.path = out.request.target = out.raw_path = "/a";
    out.request.id = "id-1";
    return out;
}

struct Written {
    Answer answer;
    bool head_has(std::string_view text) const { return answer.head.find(text) != std::string::npos; }
};

Written write(const FramedRequest& framed, Handler handler, bool keep_alive = true) {
    const ErrorRenderer errors = plain_error;
    HttplibAdapter adapter(handler, errors, no_origins, not_draining);
    return {std::get<Answer>(adapter.run(framed, nullptr, keep_alive))};
}

Handler answering(Response response) {
    return [response](const Request&) -> Reply { return response; };
}

TEST(HttplibAdapter, writes_status_headers_and_keeps_the_body_beside_the_head) {
    const auto out = write(get(), answering({201, "application/json", "{}", {{"Location", "/x"}}, nullptr}));
    EXPECT_TRUE(out.answer.head.starts_with("HTTP/1.1 201 Created\r\n")) << out.answer.head;
    EXPECT_TRUE(out.answer.head.ends_with("\r\n\r\n"));
    EXPECT_TRUE(out.head_has("Location: /x\r\n"));
    EXPECT_TRUE(out.head_has("Content-Type: application/json\r\n"));
    EXPECT_TRUE(out.head_has("Content-Length: 2\r\n"));
    EXPECT_TRUE(out.head_has("X-Request-Id: id-1\r\n"));
    EXPECT_TRUE(out.head_has("\r\nDate: "));
    EXPECT_FALSE(out.head_has("Keep-Alive"));
    EXPECT_FALSE(out.head_has("Connection"));
    EXPECT_EQ(out.answer.body, "{}");
    EXPECT_TRUE(out.answer.keep_alive);
}

TEST(HttplibAdapter, says_close_when_the_connection_closes) {
    const auto out = write(get(), answering({200, "text/plain", "a", {}, nullptr}), false);
    EXPECT_TRUE(out.head_has("Connection: close\r\n"));
    EXPECT_FALSE(out.answer.keep_alive);
}

TEST(HttplibAdapter, head_has_the_length_and_no_body) {
    const auto out = write(get("HEAD"), answering({200, "text/plain", "12345", {}, nullptr}));
    EXPECT_TRUE(out.head_has("Content-Length: 5\r\n"));
    EXPECT_FALSE(out.head_has("Accept-Ranges"));
    EXPECT_EQ(out.answer.body, "");
}

TEST(HttplibAdapter, handler_may_say_that_it_serves_ranges) {
    const auto out = write(get(), answering({206, "text/plain", "12", {{"Accept-Ranges", "bytes"}}, nullptr}));
    EXPECT_TRUE(out.answer.head.starts_with("HTTP/1.1 206 "));
    EXPECT_EQ(out.answer.head.find("Accept-Ranges: bytes\r\n"), out.answer.head.rfind("Accept-Ranges"));
    EXPECT_TRUE(out.head_has("Accept-Ranges: bytes\r\n"));
}

TEST(HttplibAdapter, no_content_has_neither_length_nor_type) {
    const auto out = write(get(), answering({204, "application/json", "ignored", {}, nullptr}));
    EXPECT_TRUE(out.answer.head.starts_with("HTTP/1.1 204 "));
    EXPECT_FALSE(out.head_has("Content-"));
    EXPECT_EQ(out.answer.body, "");
}

TEST(HttplibAdapter, empty_answer_says_length_zero) {
    EXPECT_TRUE(write(get(), answering({200, "application/json", "", {}, nullptr})).head_has("Content-Length: 0\r\n"));
}

TEST(HttplibAdapter, several_cookies_stay_several_and_in_order) {
    const auto out =
        write(get(), answering({200, "text/plain", "a", {{"Set-Cookie", "a=1"}, {"Set-Cookie", "b=2"}}, nullptr}));
    const auto first = out.answer.head.find("Set-Cookie: a=1\r\n");
    const auto second = out.answer.head.find("Set-Cookie: b=2\r\n");
    EXPECT_NE(first, std::string::npos);
    EXPECT_NE(second, std::string::npos);
    EXPECT_LT(first, second);
}

TEST(HttplibAdapter, header_that_would_split_the_answer_is_left_out) {
    const auto out = write(
        get(), answering({200,
                          "text/plain",
                          "a",
                          {{"X-A", "1\r\nX-Evil: 2"}, {"X-B\r\nX-Evil", "1"}, {"X-C", "1\nX-Evil: 3"}, {"X-D", "ok"}},
                          nullptr}));
    EXPECT_FALSE(out.head_has("X-Evil"));
    EXPECT_TRUE(out.head_has("X-D: ok\r\n"));
}

TEST(HttplibAdapter, framing_headers_of_a_handler_do_not_count) {
    const auto out =
        write(get(), answering({200,
                                "text/plain",
                                "abc",
                                {{"Content-Length", "99"}, {"Transfer-Encoding", "chunked"}, {"connection", "close"}},
                                nullptr}));
    EXPECT_TRUE(out.head_has("Content-Length: 3\r\n"));
    EXPECT_FALSE(out.head_has("99"));
    EXPECT_FALSE(out.head_has("chunked"));
    EXPECT_FALSE(out.head_has("close"));
}

TEST(HttplibAdapter, exception_text_stays_out_of_the_answer) {
    for (const Handler& handler :
         {Handler([](const Request&) -> Reply { throw std::runtime_error("password=hunter2"); }),
          Handler([](const Request&) -> Reply { throw 42; })}) {
        const auto out = write(get(), handler);
        EXPECT_TRUE(out.answer.head.starts_with("HTTP/1.1 500 "));
        EXPECT_FALSE(out.head_has("hunter2"));
        EXPECT_FALSE(out.head_has("EXCEPTION"));
        EXPECT_EQ(out.answer.body.find("hunter2"), std::string::npos);
        EXPECT_NE(out.answer.body.find("id-1"), std::string::npos);
        EXPECT_NE(out.answer.body.find("|/a|"), std::string::npos);
    }
}

TEST(HttplibAdapter, status_that_is_none_becomes_500) {
    EXPECT_TRUE(write(get(), answering({99, "text/plain", "", {}, nullptr})).answer.head.starts_with("HTTP/1.1 500 "));
    EXPECT_TRUE(
        write(get(), answering({1000, "text/plain", "", {}, nullptr})).answer.head.starts_with("HTTP/1.1 500 "));
}

TEST(HttplibAdapter, error_renderer_that_throws_is_replaced_by_plain_text) {
    const Handler handler = answering({});
    const ErrorRenderer errors = [](int, std::string_view, std::string_view, std::string_view) -> Response {
        throw std::runtime_error("secret");
    };
    HttplibAdapter adapter(handler, errors, no_origins, not_draining);
    const auto answer = adapter.refuse(503, "too many", get(), true);
    EXPECT_TRUE(answer.head.starts_with("HTTP/1.1 503 "));
    EXPECT_NE(answer.head.find("Retry-After: 1\r\n"), std::string::npos);
    EXPECT_EQ(answer.body, "too many\n");
}

TEST(HttplibAdapter, later_is_handed_back_and_the_continuation_answers) {
    const Handler handler = [](const Request&) -> Reply { return Later{[](Resumer) {}, Milliseconds{7}, {}}; };
    const ErrorRenderer errors = plain_error;
    HttplibAdapter adapter(handler, errors, no_origins, not_draining);
    const auto framed = get();
    const auto first = adapter.run(framed, nullptr, true);
    ASSERT_TRUE(std::holds_alternative<Later>(first));
    EXPECT_EQ(std::get<Later>(first).deadline, Milliseconds{7});
    const Next next = []() -> Reply { return Response{202, "text/plain", "done", {}, nullptr}; };
    const auto second = adapter.run(framed, &next, true);
    ASSERT_TRUE(std::holds_alternative<Answer>(second));
    EXPECT_TRUE(std::get<Answer>(second).head.starts_with("HTTP/1.1 202 Accepted\r\n"));
    EXPECT_EQ(std::get<Answer>(second).body, "done");
}

TEST(Chunks, are_hex_sized) {
    std::string out;
    append_chunk(out, std::string(26, 'x'));
    append_last_chunk(out);
    EXPECT_EQ(out, "1a\r\n" + std::string(26, 'x') + "\r\n0\r\n\r\n");
}

}  // namespace
}  // namespace windlass::api
