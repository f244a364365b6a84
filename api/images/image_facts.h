// What the bytes of an image say about themselves, without decoding one pixel: the few numbers that decide whether it
// is taken and what its thumbnails will measure. Decoding is left to a job in the sandbox.
//
// What is checked: the kind, by its own marks and never by a name; that the file is whole (every chunk of a PNG with
// its checksum up to IEND, every segment of a JPEG up to EOI); that the size is one that a decoder can have. What
// follows the end is somebody else's and not looked at. Formats: PNG (ISO/IEC 15948, with the chunk eXIf), JPEG
// (ISO/IEC 10918-1), EXIF orientation (JEITA CP-3451, tag 0x0112).
//
// Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "shared/result.h"

namespace windlass::api {

// Stored (image.media): never renumber, only append.
enum class Media : std::int16_t { png = 1, jpeg = 2 };

std::string_view content_type_of(Media media);
std::string_view suffix_of(Media media);  // "png", "jpg"

struct ImageFacts {
    Media media = Media::png;
    std::int64_t width = 0;  // as it is to be seen: with the orientation applied
    std::int64_t height = 0;
    int orientation = 1;  // 1..8, of EXIF
    bool heavy = false;   // interlaced or progressive: a decoder holds all of it in memory

    bool operator==(const ImageFacts&) const = default;
};

// invalid: a sentence for whoever uploaded it.
Result<ImageFacts> read_image_facts(std::string_view bytes);

// Of a thumbnail of this height: the width that keeps the shape, rounded, at least 1.
std::int64_t thumbnail_width(std::int64_t width, std::int64_t height, std::int64_t thumbnail_height);

}  // namespace windlass::api
