// The rules of RFC 6455 that a server keeps, one row each. The sections are numbered as the Autobahn suite numbers its
// cases, so that whoever knows it finds his way; the rows are our own. Of its groups 1 to 7, 9 and 10 each has rows
// here; 8 is not in the suite, 12 and 13 are of compression, which is never agreed on (3.3).
#include "api/front/websocket_session.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/api/front/websocket_frames.h"

namespace windlass::api {
namespace {

using namespace test;
using Phase = WebSocketSession::Phase;

constexpr std::size_t limit = 100'000;

std::string short_form(std::string_view data) {
    if (data.size() <= 24) return std::string(data);
    return std::to_string(data.size()) + " bytes";
}

std::string described(const ServerFrame& sent) {
    switch (sent.opcode) {
        case 1:
            return "text<" + short_form(sent.payload) + ">";
        case 2:
            return "binary<" + short_form(sent.payload) + ">";
        case 8:
            return sent.payload.empty() ? "close" : "close<" + std::to_string(sent.close_code()) + ">";
        case 9:
            return "ping<" + short_form(sent.payload) + ">";
        case 10:
            return "pong<" + short_form(sent.payload) + ">";
        default:
            return "opcode " + std::to_string(sent.opcode);
    }
}

// "got text(a) binary(b) | sent pong<c> close<1000> | closed 1000 reason"
std::string outcome(WebSocketSession& session, const std::vector<WebSocketMessage>& messages) {
    std::string out = "got";
    for (const auto& message : messages) {
        out += message.kind == WebSocketMessage::Kind::text ? " text(" : " binary(";
        out += short_form(message.data) + ")";
    }
    out += " | sent";
    std::string output = session.take_output();
    while (!output.empty()) {
        const auto sent = take_frame(output);
        if (!sent) return out + " something that is no frame";
        out += " " + described(*sent);
    }
    if (session.phase() == Phase::open) return out + " | open";
    out += session.phase() == Phase::closing ? " | closing " : " | closed ";
    out += std::to_string(session.end().code);
    return session.end().reason.empty() ? out : out + " " + session.end().reason;
}

std::string outcome_of(std::string_view bytes, std::size_t piece) {
    WebSocketSession session(limit);
    std::vector<WebSocketMessage> messages;
    while (!bytes.empty()) {
        session.receive(bytes.substr(0, piece), messages);
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    return outcome(session, messages);
}

std::string repeated(char c, std::size_t count) {
    return std::string(count, c);
}

std::string fragments(unsigned opcode, std::string_view data, std::size_t size) {
    std::string out;
    for (std::size_t at = 0; at < data.size(); at += size) {
        out += part(at == 0 ? opcode : 0, data.substr(at, size), at + size >= data.size());
    }
    return out;
}

std::string times(std::string_view what, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += what;
    return out;
}

// As the scheme would have it, also for what is no character.
std::string in_utf8(char32_t character) {
    const auto byte = [](char32_t bits) { return static_cast<char>(bits); };
    const auto more = [&](unsigned shift) { return byte(0x80U | ((character >> shift) & 0x3fU)); };
    if (character < 0x80) return {byte(character)};
    if (character < 0x800) return {byte(0xc0U | character >> 6U), more(0)};
    if (character < 0x10000) return {byte(0xe0U | character >> 12U), more(6), more(0)};
    return {byte(0xf0U | character >> 18U), more(12), more(6), more(0)};
}

struct Row {
    std::string name;
    std::string bytes;
    std::string expected;
};

const std::string failed = "got | sent close<1002> | closed 1002";
const std::string bad_text = "got | sent close<1007> | closed 1007";
const std::string too_big = "got | sent close<1009> | closed 1009 a message here has at most 100000 bytes";
// Valid UTF-8 of 1 to 4 bytes per character: "κόσμε" and a character beyond the basic plane.
const std::string greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5";
const std::string clef = "\xf0\x9d\x84\x9e";

std::vector<Row> rows() {
    std::vector<Row> out = {
        // 1 frames
        {"1.1.1 text of 0 bytes", text(""), "got text() | sent | open"},
        {"1.1.2 text of 125 bytes", text(repeated('*', 125)), "got text(125 bytes) | sent | open"},
        {"1.1.3 text of 126 bytes, length in 2 bytes", text(repeated('*', 126)), "got text(126 bytes) | sent | open"},
        {"1.1.4 text of 65535 bytes", text(repeated('*', 65535)), "got text(65535 bytes) | sent | open"},
        {"1.1.5 text of 65536 bytes, length in 8 bytes", text(repeated('*', 65536)),
         "got text(65536 bytes) | sent | open"},
        {"1.1.6 two texts in one read", text("a") + text("b"), "got text(a) text(b) | sent | open"},
        {"1.2.1 binary of 0 bytes", binary(""), "got binary() | sent | open"},
        {"1.2.2 binary of bytes that are no text", binary("\xfe\xff"), "got binary(\xfe\xff) | sent | open"},
        {"1.2.3 binary of 65536 bytes", binary(repeated('\xfe', 65536)), "got binary(65536 bytes) | sent | open"},
        {"1.3.1 125 bytes with the length in 2 bytes", frame(1, repeated('*', 125), {.length_bytes = 2}), failed},
        {"1.3.2 126 bytes with the length in 8 bytes", frame(1, repeated('*', 126), {.length_bytes = 8}), failed},
        {"1.3.3 a length with its highest bit set", frame(2, "", {.length_bytes = 8, .declared = 1ULL << 63U}), failed},
        {"1.3.4 the largest length there is, beyond our limit",
         frame(2, "x", {.length_bytes = 8, .declared = (1ULL << 63U) - 1}), "got | sent close<1009> | closed 1009"},
        {"1.4.1 text without a mask", frame(1, "hello", {.masked = false, .length_bytes = -1}), failed},
        {"1.4.2 ping without a mask", frame(9, "hello", {.masked = false, .length_bytes = -1}), failed},
        {"1.4.3 close without a mask", frame(8, close_payload(1000), {.masked = false, .length_bytes = -1}), failed},

        // 2 pings and pongs
        {"2.1 ping without a payload", ping(), "got | sent pong<> | open"},
        {"2.2 ping with a payload", ping("hello"), "got | sent pong<hello> | open"},
        {"2.3 ping with bytes that are no text", ping(std::string("\x00\xff\xfe", 3)),
         "got | sent pong<" + std::string("\x00\xff\xfe", 3) + "> | open"},
        {"2.4 ping of 125 bytes", ping(repeated('*', 125)), "got | sent pong<125 bytes> | open"},
        {"2.5 ping of 126 bytes", frame(9, repeated('*', 126)), failed},
        {"2.6 pong that nobody asked for, without a payload", pong(), "got | sent | open"},
        {"2.7 pong that nobody asked for, with a payload", pong("hello"), "got | sent | open"},
        {"2.8 pong, then ping", pong("a") + ping("b"), "got | sent pong<b> | open"},
        {"2.9 pong of 126 bytes", frame(10, repeated('*', 126)), failed},
        {"2.10 ten pings", times(ping("p"), 10), "got | sent" + times(" pong<p>", 10) + " | open"},

        {"2.11 ping before a frame that cannot be", ping("a") + ping("b") + frame(9, repeated('*', 126)),
         "got | sent pong<a> pong<b> close<1002> | closed 1002"},
        {"2.12 ping before a close that cannot be", ping("a") + frame(8, "x"),
         "got | sent pong<a> close<1002> | closed 1002"},
        {"2.13 ping before a close with a bad reason", ping("a") + close_frame(1000, "\xce"),
         "got | sent pong<a> close<1007> | closed 1007"},

        {"2.14 ping before a good close", ping("a") + close_frame(1000),
         "got | sent pong<a> close<1000> | closed 1000"},
        {"2.15 ping before a message that is too big",
         ping("a") + frame(2, "x", {.length_bytes = 8, .declared = limit + 1}),
         "got | sent pong<a> close<1009> | closed 1009 a message here has at most 100000 bytes"},

        // 3 reserved bits
        {"3.1 RSV3", frame(1, "hello", {.reserved = 1, .length_bytes = -1}), failed},
        {"3.2 RSV2 after a good text", text("a") + frame(1, "b", {.reserved = 2, .length_bytes = -1}) + ping(),
         "got text(a) | sent close<1002> | closed 1002"},
        {"3.3 RSV1, compression that was not agreed on", frame(1, "hello", {.reserved = 4, .length_bytes = -1}),
         failed},
        {"3.4 RSV1 and RSV3", frame(2, "hello", {.reserved = 5, .length_bytes = -1}), failed},
        {"3.5 RSV1 of a ping", frame(9, "", {.reserved = 4, .length_bytes = -1}), failed},
        {"3.6 all of them in a close", frame(8, close_payload(1000), {.reserved = 7, .length_bytes = -1}), failed},
        {"3.7 RSV1 of a continuation", part(1, "a", false) + frame(0, "b", {.reserved = 4, .length_bytes = -1}),
         failed},

        // 4 reserved opcodes: see below

        // 5 fragments
        {"5.1 ping in two fragments", part(9, "a", false) + part(0, "b", true), failed},
        {"5.2 pong in two fragments", part(10, "a", false) + part(0, "b", true), failed},
        {"5.3 text in two fragments", part(1, "a", false) + part(0, "b", true), "got text(ab) | sent | open"},
        {"5.4 binary in three fragments", part(2, "a", false) + part(0, "b", false) + part(0, "c", true),
         "got binary(abc) | sent | open"},
        {"5.5 ping between fragments", part(1, "a", false) + ping("p") + part(0, "b", true),
         "got text(ab) | sent pong<p> | open"},
        {"5.6 pong between fragments", part(1, "a", false) + pong("p") + part(0, "b", true),
         "got text(ab) | sent | open"},
        {"5.7 close between fragments", part(1, "a", false) + close_frame(1000) + part(0, "b", true),
         "got | sent close<1000> | closed 1000"},
        {"5.8 last fragment of nothing", part(0, "a", true), failed},
        {"5.9 first fragment of nothing", part(0, "a", false) + text("b"), failed},
        {"5.10 continuation after a whole message", text("a") + part(0, "b", true),
         "got text(a) | sent close<1002> | closed 1002"},
        {"5.11 a message inside another", part(1, "a", false) + text("b"), failed},
        {"5.12 a fragmented message inside another", part(1, "a", false) + part(2, "b", false), failed},
        {"5.13 fragments without a byte", part(1, "", false) + part(0, "", false) + part(0, "", true),
         "got text() | sent | open"},
        {"5.14 a byte between fragments without one", part(1, "", false) + part(0, "a", false) + part(0, "", true),
         "got text(a) | sent | open"},
        {"5.15 two fragmented messages with pings",
         times(part(1, "a", false) + ping("1") + part(0, "b", false) + ping("2") + part(0, "c", true), 2),
         "got text(abc) text(abc) | sent pong<1> pong<2> pong<1> pong<2> | open"},
        {"5.16 a thousand fragments of one byte", fragments(1, repeated('x', 1000), 1),
         "got text(1000 bytes) | sent | open"},

        // 6 UTF-8
        {"6.1 text of several bytes per character", text(greek + clef), "got text(" + greek + clef + ") | sent | open"},
        {"6.2 a fragment for each byte of it", fragments(1, greek + clef, 1),
         "got text(" + greek + clef + ") | sent | open"},
        {"6.3 the highest character", text("\xf4\x8f\xbf\xbf"), "got text(\xf4\x8f\xbf\xbf) | sent | open"},
        {"6.4 beyond the highest character", text("\xf4\x90\x80\x80"), bad_text},
        {"6.5 half of a surrogate pair", text("\xed\xa0\x80"), bad_text},
        {"6.6 a slash in two bytes", text("\xc0\xaf"), bad_text},
        {"6.7 a slash in three bytes", text("\xe0\x80\xaf"), bad_text},
        {"6.8 a byte that is in no text", text("a\xff"), bad_text},
        {"6.9 a continuation byte alone", text("\x80"), bad_text},
        {"6.10 the end in the middle of a character", text("\xce"), bad_text},
        {"6.11 invalid in the second fragment", part(1, greek, false) + part(0, "\xff", true), bad_text},
        {"6.12 invalid over two fragments", part(1, "\xce", false) + part(0, "\xff", true), bad_text},
        {"6.13 invalid in a fragment that is not the last: at once", part(1, "\xff", false), bad_text},
        {"6.14 invalid in the first bytes of a frame: before its end",
         frame(1, "\xff", {.length_bytes = 2, .declared = 1000}), bad_text},
        {"6.15 the same bytes in a binary", binary("\xed\xa0\x80"), "got binary(\xed\xa0\x80) | sent | open"},
        {"6.16 a zero is a character", text(std::string(1, '\0')),
         "got text(" + std::string(1, '\0') + ") | sent | open"},
        {"6.17 a character cut by a ping", part(1, "\xce", false) + ping("p") + part(0, "\xba", true),
         "got text(\xce\xba) | sent pong<p> | open"},

        // 7 close
        {"7.1.1 text, then close", text("a") + close_frame(1000), "got text(a) | sent close<1000> | closed 1000"},
        {"7.1.2 close twice", close_frame(1000) + close_frame(1000), "got | sent close<1000> | closed 1000"},
        {"7.1.3 ping after close", close_frame(1000) + ping("p"), "got | sent close<1000> | closed 1000"},
        {"7.1.4 text after close", close_frame(1000) + text("a"), "got | sent close<1000> | closed 1000"},
        {"7.1.5 a large text, then close", text(repeated('x', 90'000)) + close_frame(1000),
         "got text(90000 bytes) | sent close<1000> | closed 1000"},
        {"7.1.6 garbage after close", close_frame(1000) + repeated('\xff', 50), "got | sent close<1000> | closed 1000"},
        {"7.3.1 close without a code", frame(8), "got | sent close | closed 1005"},
        {"7.3.2 close of one byte", frame(8, "a"), failed},
        {"7.3.3 close with a code", close_frame(1000), "got | sent close<1000> | closed 1000"},
        {"7.3.4 close with a reason", close_frame(1001, "bye"), "got | sent close<1001> | closed 1001 bye"},
        {"7.3.5 close with the longest reason", close_frame(1000, repeated('x', 123)),
         "got | sent close<1000> | closed 1000 " + repeated('x', 123)},
        {"7.3.6 close with a reason that is too long", frame(8, close_payload(1000, repeated('x', 124))), failed},
        {"7.3.7 close in two fragments", part(8, close_payload(1000), false) + part(0, "a", true), failed},
        {"7.5.1 close with a reason that is no UTF-8", close_frame(1000, "\xff"), bad_text},
        {"7.5.2 close with a reason that ends in a character", close_frame(1000, "\xce"), bad_text},
        {"7.5.3 close with a reason of several bytes per character", close_frame(1000, greek + clef),
         "got | sent close<1000> | closed 1000 " + greek + clef},
        {"7.5.4 close with a reason that is wrong in its middle",
         close_frame(1000,
                     "a\xff"
                     "bc"),
         bad_text},

        // 9 sizes
        {"9.1 a message of exactly the limit", binary(repeated('x', limit)), "got binary(100000 bytes) | sent | open"},
        {"9.2 a message of a byte more", binary(repeated('x', limit + 1)), too_big},
        {"9.3 refused by its first byte, before it is sent", frame(2, "x", {.length_bytes = 8, .declared = limit + 1}),
         too_big},
        {"9.4 fragments of exactly the limit", fragments(2, repeated('x', limit), 1000),
         "got binary(100000 bytes) | sent | open"},
        {"9.5 fragments of a byte more", fragments(2, repeated('x', limit + 1), 1000), too_big},
        {"9.6 fragments that never end",
         times(part(2, "x", false) + part(0, repeated('x', 999), false), 1) +
             times(part(0, repeated('x', 1000), false), 100),
         too_big},
        {"9.7 a thousand messages behind one another, of 0 bytes", times(text(""), 1000),
         "got" + times(" text()", 1000) + " | sent | open"},
        {"9.8 a thousand messages behind one another, of 64 bytes", times(binary(repeated('x', 64)), 1000),
         "got" + times(" binary(64 bytes)", 1000) + " | sent | open"},
        {"9.9 the limit is of each message", binary(repeated('x', limit)) + binary(repeated('x', limit)),
         "got binary(100000 bytes) binary(100000 bytes) | sent | open"},

        // 10 fragments as a library makes them by itself
        {"10.1 text of 65536 bytes in fragments of 1300", fragments(1, repeated('*', 65536), 1300),
         "got text(65536 bytes) | sent | open"},
    };
    for (const unsigned opcode : {3U, 4U, 5U, 6U, 7U}) {
        out.push_back({"4.1 reserved opcode " + std::to_string(opcode), frame(opcode, "a"), failed});
    }
    for (const unsigned opcode : {11U, 12U, 13U, 14U, 15U}) {
        out.push_back({"4.2 reserved control opcode " + std::to_string(opcode), text("a") + frame(opcode),
                       "got text(a) | sent close<1002> | closed 1002"});
    }
    for (const unsigned code :
         {1000U, 1001U, 1002U, 1003U, 1007U, 1008U, 1009U, 1010U, 1011U, 3000U, 3999U, 4000U, 4999U}) {
        const auto number = std::to_string(code);
        out.push_back({"7.7 close with the code " + number, close_frame(code),
                       "got | sent close<" + number + "> | closed " + number});
    }
    for (const unsigned code : {0U, 1U, 999U, 1004U, 1005U, 1006U, 1015U, 1016U, 1100U, 2000U, 2999U, 5000U, 65535U}) {
        out.push_back(
            {"7.9 close with the code " + std::to_string(code) + ", which is none", close_frame(code), failed});
    }
    // 6 goes on: the classes of bytes that a decoder of UTF-8 can get wrong. The edges of each length, and the
    // characters that stand for none but are UTF-8 all the same.
    for (const char32_t character : {0x7fU, 0x80U, 0x7ffU, 0x800U, 0xd7ffU, 0xe000U, 0xfdd0U, 0xfffdU, 0xfffeU, 0xffffU,
                                     0x10000U, 0x1fffeU, 0x1ffffU, 0x10fffeU, 0x10ffffU}) {
        const std::string bytes = in_utf8(character);
        out.push_back({"6.18 the character " + std::to_string(character), text("a" + bytes + "b"),
                       "got text(a" + bytes + "b) | sent | open"});
    }
    // Halves of pairs alone and together, in three bytes each.
    for (const char32_t half : {0xd800U, 0xdb7fU, 0xdb80U, 0xdbffU, 0xdc00U, 0xdf80U, 0xdfffU}) {
        out.push_back({"6.19 the half " + std::to_string(half), text("a" + in_utf8(half)), bad_text});
        out.push_back(
            {"6.20 a pair of " + std::to_string(half), text("a" + in_utf8(half) + in_utf8(0xdc00)), bad_text});
    }
    // One to seven continuation bytes; first bytes with a blank, or nothing, behind them; bytes that are never first.
    for (const int count : {1, 2, 3, 4, 5, 6, 7})
        out.push_back(
            {"6.21 continuation bytes alone, " + std::to_string(count), text(times("\x80", count)), bad_text});
    for (unsigned first = 0xc0; first <= 0xff; ++first) {
        const std::string byte(1, static_cast<char>(first));
        out.push_back({"6.22 a blank behind the byte " + std::to_string(first), text(byte + " "), bad_text});
        out.push_back({"6.23 the end behind the byte " + std::to_string(first), text("a" + byte), bad_text});
    }
    // More bytes than needed, at both ends of what could be said so; and lengths that are no more.
    for (const char* overlong :
         {"\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
          "\xf8\x88\x80\x80\x80", "\xfb\xbf\xbf\xbf\xbf", "\xfc\x84\x80\x80\x80\x80", "\xfd\xbf\xbf\xbf\xbf\xbf"})
        out.push_back({"6.24 too many bytes", text(overlong), bad_text});
    out.push_back({"6.25 a zero in two bytes", text("\xc0\x80"), bad_text});
    // All that must be there of a character but its last byte.
    for (const char* cut : {"\xdf", "\xef\xbf", "\xf0\x90\x80", "\xf4\x8f\xbf"}) {
        out.push_back({"6.26 a character without its last byte", text(cut), bad_text});
        out.push_back({"6.27 the same before a character", text(std::string(cut) + greek), bad_text});
        out.push_back(
            {"6.28 the same, and a last fragment without a byte", part(1, cut, false) + part(0, "", true), bad_text});
    }
    return out;
}

TEST(WebSocketSession, keeps_the_rules_however_the_bytes_are_cut) {
    const auto all = rows();
    EXPECT_GE(all.size(), 250U);
    for (const auto& row : all) {
        EXPECT_EQ(outcome_of(row.bytes, row.bytes.size()), row.expected) << row.name;
        EXPECT_EQ(outcome_of(row.bytes, 1), row.expected) << row.name << ", byte by byte";
        EXPECT_EQ(outcome_of(row.bytes, 7), row.expected) << row.name << ", seven bytes at a time";
        EXPECT_EQ(outcome_of(row.bytes, 997), row.expected) << row.name << ", 997 bytes at a time";
    }
}

TEST(WebSocketSession, sends_whole_frames_without_mask) {
    WebSocketSession session(limit);
    session.send(WebSocketMessage::Kind::text, "hello");
    EXPECT_EQ(session.take_output(), "\x81\x05hello");
    session.send(WebSocketMessage::Kind::binary, "");
    EXPECT_EQ(session.take_output(), std::string("\x82\x00", 2));
    session.ping();
    EXPECT_EQ(session.take_output(), std::string("\x89\x00", 2));
    for (const std::size_t size : {125U, 126U, 65535U, 65536U, 1'000'000U}) {
        session.send(WebSocketMessage::Kind::text, repeated('x', size));
        auto output = session.take_output();
        const auto sent = take_frame(output);
        ASSERT_TRUE(sent);
        EXPECT_EQ(sent->payload.size(), size);
        EXPECT_TRUE(output.empty());
    }
}

TEST(WebSocketSession, our_close_waits_for_theirs) {
    WebSocketSession session(limit);
    std::vector<WebSocketMessage> messages;
    session.send(WebSocketMessage::Kind::text, "last");
    session.close(websocket_close::going_away, "over");
    session.send(WebSocketMessage::Kind::text, "too late");
    session.ping();
    session.close(websocket_close::normal, "again");
    EXPECT_EQ(outcome(session, messages), "got | sent text<last> close<1001> | closing 1001 over");
    // What was under way counts no more, and a ping is answered by nothing.
    session.receive(text("a") + ping("p") + part(1, "b", false), messages);
    EXPECT_EQ(outcome(session, messages), "got | sent | closing 1001 over");
    session.receive(close_frame(1001, "their word"), messages);
    EXPECT_EQ(outcome(session, messages), "got | sent | closed 1001 over");
}

TEST(WebSocketSession, a_fault_after_our_close_ends_it_without_another_close) {
    for (const auto& fault :
         {frame(3), frame(1, "\xff"), frame(9, repeated('x', 126)), frame(1, "a", {.masked = false})}) {
        WebSocketSession session(limit);
        std::vector<WebSocketMessage> messages;
        session.close(websocket_close::normal, "");
        session.take_output();
        session.receive(fault, messages);
        EXPECT_EQ(outcome(session, messages), "got | sent | closed 1000");
    }
}

TEST(WebSocketSession, cuts_a_long_reason_between_characters) {
    WebSocketSession session(limit);
    session.close(websocket_close::policy_violation, repeated('x', 122) + "\xce\xba" + "rest");
    auto output = session.take_output();
    const auto sent = take_frame(output);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->close_code(), 1008U);
    EXPECT_EQ(sent->close_reason(), repeated('x', 122));
}

TEST(WebSocketSession, holds_no_more_than_the_message_itself) {
    WebSocketSession session(limit);
    std::vector<WebSocketMessage> messages;
    session.receive(part(2, "x", false) + times(part(0, "x", false), 999), messages);
    EXPECT_EQ(session.held_bytes(), 1000U);
    session.receive(part(0, "x", true), messages);
    EXPECT_EQ(session.held_bytes(), 0U);
    ASSERT_EQ(messages.size(), 1U);
    EXPECT_EQ(messages[0].data.size(), 1001U);
}

TEST(WebSocketSession, counts_frames_so_that_silence_is_noticed) {
    WebSocketSession session(limit);
    std::vector<WebSocketMessage> messages;
    session.receive(pong() + text("a").substr(0, 5), messages);
    EXPECT_EQ(session.frames_received(), 1U);
    session.receive(text("a").substr(5), messages);
    EXPECT_EQ(session.frames_received(), 2U);
}

}  // namespace
}  // namespace windlass::api
