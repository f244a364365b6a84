// Frames of the wire: u32 header size, u32 body size (little-endian), header, body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass {

inline constexpr std::size_t frame_prefix_bytes = 8;
// A batch of some ten thousand jobs fits; a peer that sends more is broken or hostile and is cut off.
inline constexpr std::size_t max_frame_header_bytes = 64u << 20;
inline constexpr std::size_t max_frame_body_bytes = 256u << 20;

struct Frame {
    std::string header;
    std::string body;
};

// Appends one frame to `out`.
void append_frame(std::string& out, std::string_view header, std::string_view body);

// Puts frames together from bytes as they arrive. After an error it stays in error: close the connection.
class FrameReader {
  public:
    // Peers that have not said Hello yet get small bounds, so that a stranger costs little.
    void set_bounds(std::size_t header_bytes, std::size_t body_bytes);
    void feed(std::string_view bytes);
    // The next whole frame; nullopt: not yet. invalid: sizes beyond the bounds.
    Result<std::optional<Frame>> next();

  private:
    std::string buffer_;
    std::size_t begin_ = 0;  // of the unread part
    std::size_t header_bound_ = 64u << 10;
    std::size_t body_bound_ = 0;
};

}  // namespace windlass
