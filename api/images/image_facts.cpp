#include "api/images/image_facts.h"

#include <zlib.h>

#include <algorithm>
#include <optional>

namespace windlass::api {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view png_signature = "\x89PNG\r\n\x1a\n"sv;
constexpr std::string_view jpeg_signature = "\xff\xd8\xff"sv;
constexpr std::int64_t largest_png_side = 0x7fffffff;

Error bad(const char* sentence) {
    return make_error(ErrorKind::invalid, sentence);
}
Error cut_off() {
    return bad("The image is not whole: the file ends in the middle of it.");
}

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}
// The caller has looked that they are there.
std::uint32_t big_endian(std::string_view bytes, std::size_t at, int size) {
    std::uint32_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | byte_at(bytes, at + static_cast<std::size_t>(i));
    return value;
}

// ---- EXIF: a TIFF file of which the first directory is read -------------------------------------------------------

class Tiff {
  public:
    explicit Tiff(std::string_view bytes) : bytes_(bytes), little_(bytes.starts_with("II*\0"sv)) {}
    bool good() const { return little_ || bytes_.starts_with("MM\0*"sv); }
    std::optional<std::uint32_t> number(std::size_t at, int size) const {
        if (at > bytes_.size() || bytes_.size() - at < static_cast<std::size_t>(size)) return std::nullopt;
        std::uint32_t value = 0;
        for (int i = 0; i < size; ++i)
            value = value << 8 | byte_at(bytes_, at + static_cast<std::size_t>(little_ ? size - 1 - i : i));
        return value;
    }

  private:
    std::string_view bytes_;
    bool little_;
};

// 1 where nothing is said, or nothing that can be read: as decoders do.
int orientation_of(std::string_view exif) {
    constexpr std::uint32_t orientation_tag = 0x0112, short_type = 3;
    const Tiff tiff(exif);
    if (!tiff.good()) return 1;
    const auto directory = tiff.number(4, 4);
    if (!directory) return 1;
    const auto entries = tiff.number(*directory, 2);
    for (std::uint32_t i = 0; entries && i < *entries; ++i) {
        const std::size_t entry = std::size_t{*directory} + 2 + std::size_t{i} * 12;
        const auto tag = tiff.number(entry, 2), type = tiff.number(entry + 2, 2), value = tiff.number(entry + 8, 2);
        if (!tag || !type || !value) return 1;
        if (*tag != orientation_tag) continue;
        return *type == short_type && *value >= 1 && *value <= 8 ? static_cast<int>(*value) : 1;
    }
    return 1;
}

// From 5 on the picture lies on its side.
ImageFacts upright(ImageFacts facts) {
    if (facts.orientation >= 5) std::swap(facts.width, facts.height);
    return facts;
}

// ---- PNG -----------------------------------------------------------------------------------------------------------

Status read_png_header(std::string_view data, ImageFacts& facts) {
    if (data.size() != 13) return bad("The PNG has a header that is none.");
    facts.width = big_endian(data, 0, 4);
    facts.height = big_endian(data, 4, 4);
    if (facts.width < 1 || facts.height < 1 || facts.width > largest_png_side || facts.height > largest_png_side)
        return bad("The PNG says that it has no width or no height.");
    if (byte_at(data, 12) > 1) return bad("The PNG has a header that is none.");
    facts.heavy = byte_at(data, 12) == 1;  // Adam7
    return {};
}

Result<ImageFacts> read_png(std::string_view bytes) {
    ImageFacts facts{Media::png};
    bool data_seen = false;
    for (std::size_t at = png_signature.size(); true;) {
        if (bytes.size() - at < 12) return cut_off();
        const std::size_t size = big_endian(bytes, at, 4);
        if (size > bytes.size() - at - 12) return cut_off();
        const auto kind = bytes.substr(at + 4, 4);
        const auto data = bytes.substr(at + 8, size);
        const auto checked = bytes.substr(at + 4, size + 4);
        if (::crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size())) !=
            big_endian(bytes, at + 8 + size, 4))
            return bad("The PNG is damaged: a checksum in it is wrong.");
        if ((at == png_signature.size()) != (kind == "IHDR")) return bad("The PNG does not begin with its header.");
        if (kind == "IHDR") WINDLASS_TRY_STATUS(read_png_header(data, facts));
        // After the pixels it comes too late for a decoder that reads in one go.
        if (kind == "eXIf" && !data_seen) facts.orientation = orientation_of(data);
        data_seen = data_seen || kind == "IDAT";
        at += 12 + size;
        if (kind == "IEND") break;
    }
    if (!data_seen) return bad("The PNG has no picture in it.");
    return upright(facts);
}

// ---- JPEG ----------------------------------------------------------------------------------------------------------

constexpr std::uint32_t start_of_scan = 0xda, end_of_image = 0xd9, app1 = 0xe1;

bool stands_alone(std::uint32_t marker) {
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}
bool is_frame(std::uint32_t marker) {
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

Status read_frame(std::uint32_t marker, std::string_view data, ImageFacts& facts) {
    if (facts.width != 0) return bad("The JPEG has more than one picture in it.");
    if (marker > 0xc2) return bad("This kind of JPEG (lossless, hierarchical or arithmetic) is not taken.");
    if (data.size() < 6) return bad("The JPEG has a header that is none.");
    if (byte_at(data, 0) != 8) return bad("Only JPEGs of 8 bits per sample are taken.");
    facts.height = big_endian(data, 1, 2);
    facts.width = big_endian(data, 3, 2);
    if (facts.width < 1 || facts.height < 1) return bad("The JPEG says that it has no width or no height.");
    facts.heavy = marker == 0xc2;
    return {};
}

// Past the coded pixels: to the next marker that is neither a stuffed byte nor a restart.
std::size_t after_scan(std::string_view bytes, std::size_t at) {
    while ((at = bytes.find('\xff', at)) != std::string_view::npos && at + 1 < bytes.size()) {
        const auto next = byte_at(bytes, at + 1);
        if (next == 0xff) {
            ++at;
            continue;
        }
        if (next != 0 && !(next >= 0xd0 && next <= 0xd7)) return at;
        at += 2;
    }
    return bytes.size();
}

Result<ImageFacts> read_jpeg(std::string_view bytes) {
    ImageFacts facts{Media::jpeg};
    bool scanned = false, exif_seen = false;
    for (std::size_t at = 2; true;) {
        while (at + 1 < bytes.size() && byte_at(bytes, at) == 0xff && byte_at(bytes, at + 1) == 0xff) ++at;  // fill
        if (bytes.size() - at < 2) return cut_off();
        if (byte_at(bytes, at) != 0xff) return bad("The JPEG is damaged: something stands where a segment begins.");
        const auto marker = byte_at(bytes, at + 1);
        at += 2;
        if (marker == end_of_image) break;
        if (stands_alone(marker)) continue;
        if (bytes.size() - at < 2) return cut_off();
        const std::size_t size = big_endian(bytes, at, 2);
        if (size < 2) return bad("The JPEG is damaged: a segment has no size.");
        if (bytes.size() - at < size) return cut_off();
        const auto data = bytes.substr(at + 2, size - 2);
        if (is_frame(marker)) WINDLASS_TRY_STATUS(read_frame(marker, data, facts));
        if (marker == app1 && data.starts_with("Exif\0\0"sv) && !std::exchange(exif_seen, true))
            facts.orientation = orientation_of(data.substr(6));
        at += size;
        if (marker != start_of_scan) continue;
        if (facts.width == 0) return bad("The JPEG has pixels before its header.");
        scanned = true;
        at = after_scan(bytes, at);
    }
    if (!scanned) return bad("The JPEG has no picture in it.");
    return upright(facts);
}

}  // namespace

std::string_view content_type_of(Media media) {
    return media == Media::png ? "image/png" : "image/jpeg";
}
std::string_view suffix_of(Media media) {
    return media == Media::png ? "png" : "jpg";
}

Result<ImageFacts> read_image_facts(std::string_view bytes) {
    if (bytes.empty()) return bad("The submitted file is empty.");
    if (bytes.starts_with(png_signature)) return read_png(bytes);
    if (bytes.starts_with(jpeg_signature)) return read_jpeg(bytes);
    return bad("Upload a valid image. The file is neither a PNG nor a JPEG.");
}

std::int64_t thumbnail_width(std::int64_t width, std::int64_t height, std::int64_t thumbnail_height) {
    return std::max<std::int64_t>((2 * width * thumbnail_height + height) / (2 * height), 1);
}

}  // namespace windlass::api
