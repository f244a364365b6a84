// Images of the tests' own making, byte by byte: nothing here needs a decoder.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace windlass::api::test {

inline std::string big_endian(std::uint32_t value, int bytes) {
    std::string out;
    for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
}

inline std::string png_chunk(const std::string& kind, const std::string& data) {
    const std::string checked = kind + data;
    const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
    return big_endian(static_cast<std::uint32_t>(data.size()), 4) + checked +
           big_endian(static_cast<std::uint32_t>(sum), 4);
}

// An EXIF directory of one entry.
inline std::string exif(int orientation) {
    return std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) + static_cast<char>(orientation) +
           std::string(6, '\0');
}

struct PngParts {
    int interlaced = 0;
    std::string before_data;
    std::string data = "pixels";
    std::string after;
};
inline std::string png(std::uint32_t width, std::uint32_t height, const PngParts& parts = {}) {
    const std::string header = big_endian(width, 4) + big_endian(height, 4) + std::string("\x08\x02\0\0", 4) +
                               static_cast<char>(parts.interlaced);
    return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) + parts.before_data + png_chunk("IDAT", parts.data) +
           png_chunk("IEND", "") + parts.after;
}

inline std::string jpeg_segment(int marker, const std::string& data) {
    return std::string("\xff") + static_cast<char>(marker) +
           big_endian(static_cast<std::uint32_t>(data.size() + 2), 2) + data;
}
inline std::string jpeg(std::uint32_t width, std::uint32_t height, int frame = 0xc0, const std::string& before = {}) {
    const std::string shape = "\x08" + big_endian(height, 2) + big_endian(width, 2) + std::string("\x01\x01\x11\0", 4);
    return "\xff\xd8" + before + jpeg_segment(frame, shape) + jpeg_segment(0xda, std::string("\x01\x01\0\0\x3f\0", 6)) +
           std::string("\x12\xff\0\x34\xff\xd0\x56", 7) + "\xff\xd9";
}

inline std::string form(std::string_view bytes, std::string_view field = "image", std::string_view file = "a.png") {
    return "--edge\r\nContent-Disposition: form-data; name=\"" + std::string(field) + "\"; filename=\"" +
           std::string(file) + "\"\r\nContent-Type: image/png\r\n\r\n" + std::string(bytes) + "\r\n--edge--\r\n";
}

}  // namespace windlass::api::test
