#include "api/sse.h"

#include <gtest/gtest.h>

#include <random>

#include "api/byte_range.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr auto out_stream = OutputStream::standard_output;
constexpr auto err_stream = OutputStream::standard_error;

struct Seen {
    std::string id;
    std::int64_t attempt = 0;
    std::int64_t offset = 0;
    std::string stream;
    std::string text;
};

// Reads the events of a log as a client does.
std::vector<Seen> read(std::string_view text) {
    std::vector<Seen> all;
    while (!text.empty()) {
        const auto end = text.find("\n\n");
        EXPECT_NE(end, std::string_view::npos);
        auto event = text.substr(0, end);
        text.remove_prefix(end + 2);
        EXPECT_TRUE(event.starts_with("event: output\nid: ")) << event;
        event.remove_prefix(18);
        const auto data = event.find("\ndata: ");
        JsonRules rules;
        rules.allow_nul = true;
        const auto json = parse_json(event.substr(data + 7), rules);
        EXPECT_TRUE(json) << event;
        const char* const key = json->HasMember("text") ? "text" : "base64";
        all.push_back({std::string(event.substr(0, data)), (*json)["attempt"].GetInt64(), (*json)["offset"].GetInt64(),
                       (*json)["stream"].GetString(), std::string(text_of((*json)[key]))});
    }
    return all;
}

TEST(Sse, output_says_attempt_stream_and_offset_and_its_id_is_what_comes_after) {
    std::string out;
    SseLog log({1, {}, false}, LogEncoding::text);
    log.set_output(out);
    log.output(1, out_stream, 0, "one\n\"two\"\r\n");
    log.output(1, err_stream, 0, "oh");
    log.output(2, out_stream, 0, "again");
    const auto seen = read(out);
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].text, "one\n\"two\"\r\n");
    EXPECT_EQ(seen[0].id, "1:out:11:err:0");
    EXPECT_EQ(seen[1].stream, "stderr");
    EXPECT_EQ(seen[1].id, "1:out:11:err:2");
    EXPECT_EQ(seen[2].attempt, 2);
    EXPECT_EQ(seen[2].id, "2:out:5:err:0");
}

TEST(Sse, characters_cut_by_pieces_come_whole_and_resuming_is_exact) {
    std::string text;
    for (int i = 0; i < 200; ++i) text += "aä€😀";
    std::mt19937 random(7);
    for (int round = 0; round < 50; ++round) {
        std::string got;
        std::string out;
        LogPosition at{1, {}, false};
        auto log = std::make_unique<SseLog>(at, LogEncoding::text);
        std::size_t next = 0;
        while (next < text.size()) {
            out.clear();
            log->set_output(out);
            const auto size = std::min<std::size_t>(1 + random() % 7, text.size() - next);
            log->output(1, out_stream, static_cast<std::int64_t>(next), std::string_view(text).substr(next, size));
            next += size;
            for (const auto& event : read(out)) {
                EXPECT_EQ(event.offset, static_cast<std::int64_t>(got.size()));
                got += event.text;
                at = *LogPosition::parse(event.id);
            }
            if (random() % 5 == 0) {  // the connection breaks; the client comes back with the last id it has
                log = std::make_unique<SseLog>(at, LogEncoding::text);
                next = static_cast<std::size_t>(at.of(out_stream));
            }
        }
        ASSERT_EQ(got, text);
    }
}

TEST(Sse, character_that_is_never_finished_comes_with_the_end) {
    std::string out;
    SseLog log({1, {}, false}, LogEncoding::text);
    log.set_output(out);
    log.output(1, out_stream, 0, "x\xe2\x82");
    EXPECT_EQ(read(out).size(), 1u);
    EXPECT_EQ(log.told().of(out_stream), 1);
    log.flush();
    const auto seen = read(out);
    ASSERT_EQ(seen.size(), 2u);
    EXPECT_EQ(seen[1].id, "1:out:3:err:0");
    EXPECT_TRUE(seen[1].text.starts_with("\xef\xbf\xbd")) << "the sign of replacement";
}

TEST(Sse, bytes_that_are_no_text_are_made_text_and_base64_keeps_them) {
    initialise_crypto();
    const std::string bytes("\xff\x00\xfe\x80", 4);
    std::string out;
    SseLog text({1, {}, false}, LogEncoding::text);
    text.set_output(out);
    text.output(1, out_stream, 0, bytes);
    ASSERT_EQ(read(out).size(), 1u);
    EXPECT_TRUE(is_valid_utf8(out));
    out.clear();
    SseLog base64({1, {}, false}, LogEncoding::base64);
    base64.set_output(out);
    base64.output(1, out_stream, 0, bytes);
    EXPECT_EQ(read(out).at(0).text, "/wD+gA==");
    EXPECT_EQ(read(out).at(0).id, "1:out:4:err:0");
}

TEST(Sse, unfinished_characters_are_known) {
    EXPECT_EQ(unfinished_character(""), 0u);
    EXPECT_EQ(unfinished_character("ä"), 0u);
    EXPECT_EQ(unfinished_character("a\xc3"), 1u);
    EXPECT_EQ(unfinished_character("a\xe2\x82"), 2u);
    EXPECT_EQ(unfinished_character("\xf0\x9f\x98"), 3u);
    EXPECT_EQ(unfinished_character("\xf0\x9f\x98\x80"), 0u);
    EXPECT_EQ(unfinished_character("\x80\x80\x80\x80"), 0u) << "no beginning: nothing to wait for";
    EXPECT_EQ(unfinished_character("\xff"), 0u);
}

TEST(Sse, accept_is_understood) {
    EXPECT_TRUE(accepts_events("text/event-stream"));
    EXPECT_TRUE(accepts_events("application/json, Text/Event-Stream;q=0.5"));
    EXPECT_FALSE(accepts_events("text/event-stream; q=0"));
    EXPECT_FALSE(accepts_events("*/*"));
    EXPECT_FALSE(accepts_events(""));
    EXPECT_FALSE(accepts_events("text/event-streams"));
}

TEST(ByteRange, single_and_suffix_ranges_are_cut_to_what_is_there) {
    using Is = decltype(parse_range("", 0));
    EXPECT_EQ(parse_range("bytes=0-0", 10), Is(ByteRange{0, 0}));
    EXPECT_EQ(parse_range("bytes=5-", 10), Is(ByteRange{5, 9}));
    EXPECT_EQ(parse_range("BYTES=5-99", 10), Is(ByteRange{5, 9}));
    EXPECT_EQ(parse_range("bytes=-3", 10), Is(ByteRange{7, 9}));
    EXPECT_EQ(parse_range("bytes=-30", 10), Is(ByteRange{0, 9}));
    EXPECT_EQ(parse_range("bytes=10-", 10), Is(Unsatisfiable{}));
    EXPECT_EQ(parse_range("bytes=-0", 10), Is(Unsatisfiable{}));
    EXPECT_EQ(parse_range("bytes=-1", 0), Is(Unsatisfiable{}));
    EXPECT_EQ(parse_range("bytes=0-", 0), Is(Unsatisfiable{}));
    for (const char* whole : {"", "lines=1-2", "bytes=", "bytes=-", "bytes=5-4", "bytes=1-2,4-5", "bytes=a-b",
                              "bytes= 1-2", "bytes=+1-2", "bytes=99999999999999999999-"})
        EXPECT_EQ(parse_range(whole, 10), Is(WholeThing{})) << whole;
}

}  // namespace
}  // namespace windlass::api
