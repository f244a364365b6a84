#include "api/front/http_framer.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace windlass::api {
namespace {

FrontLimits small_limits() {
    FrontLimits out;
    out.request_line_bytes = 300;
    out.target_bytes = 200;
    out.head_bytes = 1000;
    out.header_count = 10;
    out.body_bytes = 100;
    return out;
}

// What the framer makes of bytes that come in pieces: "GET /a [body] GET /b [] more" or "... 400: why".
std::string outcome(const std::vector<std::string_view>& pieces) {
    const FrontLimits limits = small_limits();
    HttpFramer framer(limits);
    std::string out;
    for (auto piece : pieces) {
        while (!piece.empty()) {
            const auto step = framer.feed(piece);
            piece.remove_prefix(step.consumed);
            if (step.progress == HttpFramer::Progress::refused) {
                return out + std::to_string(framer.refusal().status) + ": " + framer.refusal().detail;
            }
            if (step.progress == HttpFramer::Progress::complete) {
                const auto framed = framer.take();
                out += framed.request.method + " " + framed.request.target + " [" + framed.request.body + "] ";
            }
        }
    }
    return out + (framer.phase() == HttpFramer::Phase::idle ? "idle" : "more");
}

// Whole, byte by byte, and cut in two at every place: always the same.
std::string outcome_of(std::string_view bytes) {
    const auto whole = outcome({bytes});
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        EXPECT_EQ(outcome({bytes.substr(0, cut), bytes.substr(cut)}), whole) << "cut at " << cut << " of: " << bytes;
    }
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
    EXPECT_EQ(outcome(single), whole) << "byte by byte: " << bytes;
    return whole;
}

std::string head(const std::string& lines, const std::string& first = "POST /a HTTP/1.1") {
    return first + "\r\nHost: h\r\n" + lines + "\r\n";
}

struct Case {
    const char* name;
    std::string bytes;
    std::string expected;  // beginning of the outcome
};

void expect_all(const std::vector<Case>& cases) {
    for (const auto& one : cases) {
        const auto got = outcome_of(one.bytes);
        EXPECT_TRUE(got.starts_with(one.expected)) << one.name << ": expected " << one.expected << ", got " << got;
    }
}

TEST(HttpFramer, takes_what_is_plain) {
    expect_all({
        {"get", head("", "GET /a?b=c HTTP/1.1"), "GET /a?b=c [] idle"},
        {"get 1.0 without host", "GET / HTTP/1.0\r\n\r\n", "GET / [] idle"},
        {"post without a length has no body", head(""), "POST /a [] idle"},
        {"sized body", head("Content-Length: 5\r\n") + "hello", "POST /a [hello] idle"},
        {"length zero", head("content-length: 0\r\n"), "POST /a [] idle"},
        {"leading zeros", head("Content-Length: 0005\r\n") + "hello", "POST /a [hello] idle"},
        {"get with a body keeps it", head("Content-Length: 4\r\n", "GET /a HTTP/1.1") + "body", "GET /a [body] idle"},
        {"chunked", head("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
         "POST /a [hello world] idle"},
        {"chunked, case and hex",
         head("Transfer-Encoding: Chunked\r\n") + "0A\r\n0123456789\r\nb\r\nabcdefghijk\r\n000\r\n\r\n",
         "POST /a [0123456789abcdefghijk] idle"},
        {"empty chunked body", head("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", "POST /a [] idle"},
        {"one stray CRLF before a request", "\r\n" + head(""), "POST /a [] idle"},
        {"spaces around a value", head("X:  a b \t\r\nContent-Length:\t3 \r\n") + "abc", "POST /a [abc] idle"},
        {"empty value", head("X:\r\n"), "POST /a [] idle"},
        {"identity encoding", head("Content-Encoding: identity\r\n"), "POST /a [] idle"},
        {"pipelined", head("") + head("Content-Length: 2\r\n") + "xy" + head("", "GET /c HTTP/1.1"),
         "POST /a [] POST /a [xy] GET /c [] idle"},
        {"every method",
         head("", "PUT /a HTTP/1.1") + head("", "PATCH /a HTTP/1.1") + head("", "DELETE /a HTTP/1.1") +
             head("", "HEAD /a HTTP/1.1") + head("", "OPTIONS /a HTTP/1.1"),
         "PUT /a [] PATCH /a [] DELETE /a [] HEAD /a [] OPTIONS /a [] idle"},
    });
}

TEST(HttpFramer, waits_for_what_is_missing) {
    expect_all({
        {"half a request line", "GET /a HT", "more"},
        {"no end of the head", "GET /a HTTP/1.1\r\nHost: h\r\n", "more"},
        {"half a body", head("Content-Length: 5\r\n") + "hel", "more"},
        {"no last chunk", head("Transfer-Encoding: chunked\r\n") + "5\r\nhello\r\n", "more"},
        {"no end after the last chunk", head("Transfer-Encoding: chunked\r\n") + "0\r\n", "more"},
    });
}

TEST(HttpFramer, refuses_what_is_no_http_by_its_first_byte) {
    expect_all({
        {"TLS", "\x16\x03\x01", "400: This port speaks plain HTTP"},
        {"TLS after an empty line", "\r\n\x16\x03\x01", "400: This port speaks plain HTTP"},
        {"TLS after a request", head("") + "\x16", "POST /a [] 400: This port speaks plain HTTP"},
        {"other bytes", "\x80\x01", "400: The request line does not begin with a method."},
        {"a blank", " GET", "400: The request line does not begin with a method."},
    });
}

TEST(HttpFramer, refuses_line_ends_that_two_parsers_read_differently) {
    expect_all({
        {"bare LF after the request line", "GET /a HTTP/1.1\nHost: h\r\n\r\n", "400"},
        {"bare LF after a header", "GET /a HTTP/1.1\r\nHost: h\n\r\n", "400"},
        {"bare LF as end of the head", "GET /a HTTP/1.1\r\nHost: h\r\n\n", "400"},
        {"bare CR in a value", "GET /a HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n", "400"},
        {"bare CR in the request line", "GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n", "400"},
        {"CR CR LF", "GET /a HTTP/1.1\r\nHost: h\r\r\n\r\n", "400"},
        {"folded line", head("X: a\r\n b\r\n"), "400"},
        {"folded with a tab", head("X: a\r\n\tb\r\n"), "400"},
        {"two empty lines first", "\r\n\r\n" + head(""), "400"},
        {"bare LF after a chunk size", head("Transfer-Encoding: chunked\r\n") + "5\nhello\r\n0\r\n\r\n", "400"},
        {"bare LF after a chunk", head("Transfer-Encoding: chunked\r\n") + "5\r\nhello\n0\r\n\r\n", "400"},
    });
}

TEST(HttpFramer, refuses_headers_that_are_none) {
    using namespace std::string_literals;
    expect_all({
        {"space before the colon", head("Content-Length : 3\r\n") + "abc", "400"},
        {"no colon", head("Nonsense\r\n"), "400"},
        {"empty name", head(": a\r\n"), "400"},
        {"space in a name", head("A B: c\r\n"), "400"},
        {"bracket in a name", head("A(B): c\r\n"), "400"},
        {"NUL in a value", head("X: a\0b\r\n"s), "400"},
        {"NUL in a name", head("X\0: b\r\n"s), "400"},
        {"escape in a value", head("X: \x1b[0m\r\n"), "400"},
        {"DEL in a value", head("X: \x7f\r\n"), "400"},
        {"high byte in a name", head("\xC3\xA9: a\r\n"), "400"},
        {"no Host on 1.1", "GET /a HTTP/1.1\r\n\r\n", "400"},
        {"two Hosts", head("Host: h\r\n"), "400"},
        {"list of Hosts", "GET /a HTTP/1.1\r\nHost: a, b\r\n\r\n", "400"},
        {"Host with a path", "GET /a HTTP/1.1\r\nHost: a/b\r\n\r\n", "400"},
        {"Host with a user", "GET /a HTTP/1.1\r\nHost: u@a\r\n\r\n", "400"},
        {"two Content-Type", head("Content-Type: a/b\r\nContent-Type: c/d\r\n"), "400"},
        {"two Authorization", head("Authorization: Bearer a\r\nauthorization: Bearer b\r\n"), "400"},
    });
}

TEST(HttpFramer, refuses_lengths_that_are_not_one_number) {
    expect_all({
        {"negative", head("Content-Length: -1\r\n"), "400"},
        {"plus", head("Content-Length: +1\r\n"), "400"},
        {"hex", head("Content-Length: 0x10\r\n"), "400"},
        {"empty", head("Content-Length:\r\n"), "400"},
        {"list of equals", head("Content-Length: 5, 5\r\n"), "400"},
        {"inner space", head("Content-Length: 1 2\r\n"), "400"},
        {"fraction", head("Content-Length: 1.0\r\n"), "400"},
        {"twice, different", head("Content-Length: 5\r\nContent-Length: 6\r\n"), "400"},
        {"twice, equal", head("Content-Length: 5\r\nContent-Length: 5\r\n"), "400"},
        {"beyond 64 bits", head("Content-Length: 99999999999999999999999999\r\n"), "413"},
        {"one above the limit", head("Content-Length: 101\r\n"), "413"},
        {"with Transfer-Encoding", head("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), "400"},
        {"with Transfer-Encoding, other order", head("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), "400"},
    });
}

TEST(HttpFramer, refuses_codings_other_than_chunked) {
    expect_all({
        {"gzip", head("Transfer-Encoding: gzip\r\n"), "501"},
        {"identity", head("Transfer-Encoding: identity\r\n"), "501"},
        {"gzip, chunked", head("Transfer-Encoding: gzip, chunked\r\n"), "400"},
        {"chunked, chunked", head("Transfer-Encoding: chunked, chunked\r\n"), "400"},
        {"chunked twice", head("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), "400"},
        {"quoted", head("Transfer-Encoding: \"chunked\"\r\n"), "400"},
        {"empty", head("Transfer-Encoding:\r\n"), "400"},
        {"on 1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
        {"vertical tab before it",
         head("Transfer-Encoding: \x0b"
              "chunked\r\n"),
         "400"},
        {"compressed content", head("Content-Encoding: gzip\r\nContent-Length: 5\r\n"), "415"},
        {"compressed content, br", head("content-encoding: br\r\n"), "415"},
        {"unknown expectation", head("Expect: 200-ok\r\n"), "417"},
    });
}

TEST(HttpFramer, refuses_chunks_that_are_not_exact) {
    const auto chunked = head("Transfer-Encoding: chunked\r\n");
    expect_all({
        {"extension", chunked + "5;a=b\r\nhello\r\n0\r\n\r\n", "400"},
        {"no digits", chunked + "\r\nhello", "400"},
        {"not hex", chunked + "g\r\n", "400"},
        {"minus", chunked + "-5\r\nhello", "400"},
        {"0x", chunked + "0x5\r\nhello", "400"},
        {"space", chunked + "5 \r\nhello", "400"},
        {"longer than said", chunked + "4\r\nhello\r\n0\r\n\r\n", "400"},
        {"too many digits", chunked + "0000000000000005\r\nhello\r\n0\r\n\r\n", "400"},
        {"endless size line", chunked + "00000000000000000000000000000000000000", "400"},
        {"trailer", chunked + "0\r\nX: y\r\n\r\n", "400"},
        {"one chunk above the limit", chunked + "65\r\n", "413"},
        {"sum above the limit", chunked + "60\r\n" + std::string(96, 'x') + "\r\n5\r\n", "413"},
        {"huge chunk", chunked + "fffffffffffffff\r\n", "413"},
    });
}

TEST(HttpFramer, refuses_request_lines_that_are_none) {
    const auto with = [](const std::string& line) { return line + "\r\nHost: h\r\n\r\n"; };
    expect_all({
        {"no version", with("GET /a"), "400"},
        {"two spaces", with("GET  /a HTTP/1.1"), "400"},
        {"tab", with("GET\t/a HTTP/1.1"), "400"},
        {"space in the target", with("GET /a b HTTP/1.1"), "400"},
        {"leading space", with(" GET /a HTTP/1.1"), "400"},
        {"trailing space", with("GET /a HTTP/1.1 "), "400"},
        {"lower case version", with("GET /a http/1.1"), "400"},
        {"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", "505"},
        {"HTTP/0.9", with("GET /a HTTP/0.9"), "505"},
        {"HTTP/1.2", with("GET /a HTTP/1.2"), "505"},
        {"HTTP/1.10", with("GET /a HTTP/1.10"), "400"},
        {"unknown method", with("BREW /a HTTP/1.1"), "501"},
        {"lower case method", with("get /a HTTP/1.1"), "501"},
        {"method that is no token", with("G@T /a HTTP/1.1"), "400"},
        {"CONNECT", with("CONNECT h:443 HTTP/1.1"), "405"},
        {"TRACE", with("TRACE /a HTTP/1.1"), "405"},
        {"absolute form", with("GET http://h/a HTTP/1.1"), "400"},
        {"asterisk form", with("OPTIONS * HTTP/1.1"), "400"},
        {"bad escape", with("GET /%zz HTTP/1.1"), "400"},
        {"TLS hello", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n", 13), "400"},
    });
}

TEST(HttpFramer, keeps_its_limits_wherever_the_reads_are_cut) {
    const std::string long_target = "/" + std::string(200, 'a');
    expect_all({
        {"target at the limit", head("", "GET " + long_target.substr(0, 200) + " HTTP/1.1"), "GET /aa"},
        {"target beyond", head("", "GET " + long_target + " HTTP/1.1"), "414"},
        {"request line beyond", "GET /" + std::string(400, 'a'), "414"},
        {"request line beyond, with its end", head("", "GET /" + std::string(400, 'a') + " HTTP/1.1"), "414"},
        {"ten headers", head("A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\nA: 8\r\nA: 9\r\n"),
         "POST /a [] idle"},
        {"eleven headers", head("A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\nA: 8\r\nA: 9\r\nA: 10\r\n"),
         "431"},
        {"endless header", head("").substr(0, 20) + std::string(1100, 'x'), "431"},
        {"long header with its end", head("X: " + std::string(1100, 'x') + "\r\n"), "431"},
        {"body at the limit", head("Content-Length: 100\r\n") + std::string(100, 'x'), "POST /a [xxx"},
        {"chunked body at the limit",
         head("Transfer-Encoding: chunked\r\n") + "64\r\n" + std::string(100, 'x') + "\r\n0\r\n\r\n", "POST /a [xxx"},
    });
}

TEST(HttpFramer, keeps_headers_as_sent_and_in_order_but_for_the_names_of_our_own) {
    const FrontLimits limits;
    HttpFramer framer(limits);
    framer.feed(
        "GET /a%2Fb?c=%20 HTTP/1.1\r\nhOst: h:80\r\nB:  x%0dy \r\nREMOTE_ADDR: 6.6.6.6\r\nremote_port: 1\r\n"
        "Local_Addr: a\r\nLOCAL_PORT: 2\r\nA: \xC3\xA9\r\nB: z\r\n\r\n");
    const auto framed = framer.take();
    using Headers = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(framed.request.headers, (Headers{{"hOst", "h:80"}, {"B", "x%0dy"}, {"A", "\xC3\xA9"}, {"B", "z"}}));
    EXPECT_EQ(framed.request.path, "/a/b");
    EXPECT_EQ(framed.raw_path, "/a%2Fb");
    EXPECT_EQ(framed.request.query, (Headers{{"c", " "}}));
    EXPECT_EQ(framer.phase(), HttpFramer::Phase::idle);
    EXPECT_EQ(framer.buffered(), 0u);
}

bool keeps_alive(const std::string& bytes) {
    const FrontLimits limits;
    HttpFramer framer(limits);
    EXPECT_EQ(framer.feed(bytes).progress, HttpFramer::Progress::complete) << bytes;
    return framer.take().keep_alive;
}

TEST(HttpFramer, knows_who_wants_the_connection_to_stay) {
    EXPECT_TRUE(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"));
    EXPECT_FALSE(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: TE, Close\r\n\r\n"));
    EXPECT_TRUE(keeps_alive("GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\n\r\n"));
    EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_TRUE(keeps_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    EXPECT_FALSE(keeps_alive("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

TEST(HttpFramer, continue_is_due_once_and_only_while_the_body_is_missing) {
    const FrontLimits limits;
    HttpFramer framer(limits);
    const std::string expecting = "POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    framer.feed(expecting);
    EXPECT_TRUE(framer.take_continue());
    EXPECT_FALSE(framer.take_continue());
    EXPECT_EQ(framer.feed("ab").progress, HttpFramer::Progress::complete);
    framer.take();
    framer.feed(expecting + "a");
    EXPECT_FALSE(framer.take_continue());
    framer.feed("b");
    framer.take();
    framer.feed("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_FALSE(framer.take_continue()) << "no body, nothing to continue";
}

TEST(HttpFramer, declared_length_alone_costs_no_memory) {
    const FrontLimits limits;
    HttpFramer framer(limits);
    framer.feed("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 60000000\r\n\r\nx");
    EXPECT_EQ(framer.phase(), HttpFramer::Phase::body);
    EXPECT_LT(framer.buffered(), 1000u);
}

// Not a proof but a cheap hunt: broken variants of good requests, cut at random, must give one answer and stay in
// bounds.
TEST(HttpFramer, broken_variants_of_requests_give_the_same_answer_however_they_are_cut) {
    const std::vector<std::string> seeds{
        head("Content-Length: 5\r\n") + "hello" + head("", "GET /b?c=%20 HTTP/1.1"),
        head("Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n") + "5\r\nhello\r\n0\r\n\r\n" + head(""),
        "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nPOST /x HTTP/1.0\r\nContent-Length: 1\r\n\r\nx",
    };
    const std::string spice = std::string("\r\n\t :;,%0aF-GH/\xff") + '\0';
    std::mt19937 random(20'240'131);
    const auto below = [&](std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
    };
    for (int i = 0; i < 20'000; ++i) {
        std::string bytes = seeds[below(seeds.size())];
        for (std::size_t edits = 1 + below(3); edits > 0; --edits) {
            const auto at = below(bytes.size());
            const auto what = below(4);
            if (what == 0) bytes[at] = spice[below(spice.size())];
            if (what == 1) bytes.insert(at, 1, spice[below(spice.size())]);
            if (what == 2) bytes.erase(at, 1 + below(3));
            if (what == 3) bytes.insert(at, bytes.substr(below(bytes.size()), below(20)));
            if (bytes.empty()) bytes = "G";
        }
        const auto whole = outcome({bytes});
        std::vector<std::string_view> pieces;
        for (std::string_view rest = bytes; !rest.empty();) {
            const auto size = std::min(rest.size(), 1 + below(12));
            pieces.push_back(rest.substr(0, size));
            rest.remove_prefix(size);
        }
        ASSERT_EQ(outcome(pieces), whole) << bytes;
    }
}

}  // namespace
}  // namespace windlass::api
