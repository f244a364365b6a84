#include "shared/frame.h"

#include <cstring>

namespace windlass {
namespace {

void append_u32(std::string& out, std::size_t value) {
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

std::size_t read_u32(const char* bytes) {
    std::size_t value = 0;
    for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
    return value;
}

}  // namespace

void append_frame(std::string& out, std::string_view header, std::string_view body) {
    WINDLASS_CHECK(header.size() <= max_frame_header_bytes && body.size() <= max_frame_body_bytes, "frame too large");
    out.reserve(out.size() + frame_prefix_bytes + header.size() + body.size());
    append_u32(out, header.size());
    append_u32(out, body.size());
    out.append(header).append(body);
}

void FrameReader::set_bounds(std::size_t header_bytes, std::size_t body_bytes) {
    header_bound_ = header_bytes;
    body_bound_ = body_bytes;
}

void FrameReader::feed(std::string_view bytes) {
    if (begin_ == buffer_.size()) {
        buffer_.clear();
        begin_ = 0;
    } else if (begin_ > (1u << 20)) {  // keep the dead part in front small without moving bytes at every frame
        buffer_.erase(0, begin_);
        begin_ = 0;
    }
    buffer_.append(bytes);
}

Result<std::optional<Frame>> FrameReader::next() {
    if (buffer_.size() - begin_ < frame_prefix_bytes) return std::optional<Frame>();
    const char* at = buffer_.data() + begin_;
    const std::size_t header = read_u32(at);
    const std::size_t body = read_u32(at + 4);
    if (header > header_bound_ || body > body_bound_)
        return make_error(ErrorKind::invalid, "a frame of " + std::to_string(header) + "+" + std::to_string(body) +
                                                  " bytes is larger than this connection allows");
    if (buffer_.size() - begin_ < frame_prefix_bytes + header + body) return std::optional<Frame>();
    Frame frame{std::string(at + frame_prefix_bytes, header), std::string(at + frame_prefix_bytes + header, body)};
    begin_ += frame_prefix_bytes + header + body;
    return std::optional<Frame>(std::move(frame));
}

}  // namespace windlass
