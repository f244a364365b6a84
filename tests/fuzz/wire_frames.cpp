// Bytes from a peer, as frames (shared/frame.h).
//
// Promises: the cuts into reads change nothing; frames keep to the bounds; what is read, put into a frame again, gives
// the bytes that were read.
#include "shared/frame.h"

#include <vector>

#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

constexpr std::size_t header_bound = 64, body_bound = 256;

struct Reading {
    std::vector<Frame> frames;
    std::string error;
};

void take_frames(FrameReader& reader, Reading& reading) {
    while (reading.error.empty()) {
        auto frame = reader.next();
        if (!frame) {
            reading.error = frame.error().message;
            const auto after = reader.next();
            require(!after.ok(), "a reader in error stays in error");
            return;
        }
        if (!*frame) return;
        require((*frame)->header.size() <= header_bound && (*frame)->body.size() <= body_bound,
                "a frame keeps to the bounds");
        reading.frames.push_back(std::move(**frame));
    }
}

}  // namespace

void fuzz_wire_frames(std::string_view input) {
    Reading whole, cut;
    FrameReader whole_reader, cut_reader;
    whole_reader.set_bounds(header_bound, body_bound);
    cut_reader.set_bounds(header_bound, body_bound);
    whole_reader.feed(input);
    take_frames(whole_reader, whole);
    in_cuts(input, [&](std::string_view piece) {
        cut_reader.feed(piece);
        take_frames(cut_reader, cut);
        return cut.error.empty();
    });
    require(whole.error == cut.error && whole.frames.size() == cut.frames.size(), "the cuts do not change the frames");
    std::string bytes;
    for (std::size_t i = 0; i < whole.frames.size(); ++i) {
        require(whole.frames[i].header == cut.frames[i].header && whole.frames[i].body == cut.frames[i].body,
                "the cuts do not change a frame");
        append_frame(bytes, whole.frames[i].header, whole.frames[i].body);
    }
    require(input.starts_with(bytes), "frames put together again are what was read");
}

}  // namespace windlass::fuzz
