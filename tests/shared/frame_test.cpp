#include "shared/frame.h"

#include <gtest/gtest.h>

namespace windlass {
namespace {

FrameReader trusting() {
    FrameReader reader;
    reader.set_bounds(1024, 1024);
    return reader;
}

TEST(Frame, comes_out_as_it_went_in_however_the_bytes_are_cut) {
    std::string wire;
    append_frame(wire, R"({"a":1})", std::string("b\0dy", 4));
    append_frame(wire, "{}", "");
    for (std::size_t cut = 0; cut <= wire.size(); ++cut) {
        FrameReader reader = trusting();
        reader.feed(std::string_view(wire).substr(0, cut));
        std::vector<Frame> frames;
        const auto drain = [&] {
            for (auto next = reader.next(); next.ok() && next->has_value(); next = reader.next())
                frames.push_back(**next);
        };
        drain();
        reader.feed(std::string_view(wire).substr(cut));
        drain();
        ASSERT_EQ(frames.size(), 2u) << "cut at " << cut;
        EXPECT_EQ(frames[0].header, R"({"a":1})");
        EXPECT_EQ(frames[0].body, std::string("b\0dy", 4));
        EXPECT_EQ(frames[1].header, "{}");
    }
}

TEST(Frame, larger_than_the_bound_is_an_error_before_its_bytes_arrive) {
    FrameReader reader = trusting();
    reader.feed(std::string("\xff\xff\xff\xff\0\0\0\0", 8));
    EXPECT_FALSE(reader.next().ok());
    FrameReader body = trusting();
    body.feed(std::string("\2\0\0\0\xff\xff\xff\x7f", 8));
    EXPECT_FALSE(body.next().ok());
}

TEST(Frame, a_stranger_may_not_send_a_body) {
    std::string wire;
    append_frame(wire, "{}", "x");
    FrameReader reader;
    reader.feed(wire);
    EXPECT_FALSE(reader.next().ok());
}

}  // namespace
}  // namespace windlass
