#include "cli/upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "cli/progress.h"
#include "shared/digest.h"

namespace windlass::cli {
namespace {

constexpr std::int64_t piece_bytes = 8 << 20;

Result<std::string> read_piece(std::ifstream& file, std::int64_t offset, std::int64_t size, const std::string& path) {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    file.clear();
    file.seekg(offset);
    file.read(bytes.data(), size);
    if (file.gcount() != size)
        return make_error(ErrorKind::conflict, path + " could not be read whole: it changed, or it is no longer there");
    return bytes;
}

// How much of it the server has; all of it when it is there.
Result<std::int64_t> bytes_there(Server& server, const std::string& address, std::int64_t size) {
    const auto there = server.head(address);
    if (!there && there.error().kind == ErrorKind::not_found) return std::int64_t{0};
    if (!there) return there.error();
    const std::string offset = there->header("upload-offset");
    std::int64_t value = size;
    if (!offset.empty()) std::from_chars(offset.data(), offset.data() + offset.size(), value);
    return std::clamp<std::int64_t>(value, 0, size);
}

}  // namespace

Result<std::string> upload(Server& server, const std::string& path, bool show) {
    std::error_code failure;
    if (!std::filesystem::is_regular_file(path, failure))
        return make_error(ErrorKind::not_found, path + (failure ? ": " + failure.message() : " is no regular file"));
    const auto size = static_cast<std::int64_t>(std::filesystem::file_size(path, failure));
    std::ifstream file(path, std::ios::binary);
    if (!file || failure) return make_error(ErrorKind::not_found, path + " cannot be read");
    Sha256 hash;
    for (std::int64_t at = 0; at < size; at += piece_bytes) {
        WINDLASS_TRY(const std::string piece, read_piece(file, at, std::min(piece_bytes, size - at), path));
        hash.add(piece);
    }
    const std::string sha256 = hash.hex();
    const std::string address = "/api/blobs/" + sha256 + "/";
    WINDLASS_TRY(std::int64_t at, bytes_there(server, address, size));
    if (size == 0) {
        WINDLASS_TRY_STATUS(server.put_bytes(address, {}, {}));
        return sha256;
    }
    Progress progress("uploading " + std::filesystem::path(path).filename().string(), size, true, show);
    while (at < size) {
        const std::int64_t count = std::min(piece_bytes, size - at);
        WINDLASS_TRY(const std::string piece, read_piece(file, at, count, path));
        const std::string range =
            count == size ? std::string() : fmt::format("bytes {}-{}/{}", at, at + count - 1, size);
        WINDLASS_TRY_STATUS(server.put_bytes(address, piece, range));
        at += count;
        progress.at(at);
    }
    return sha256;
}

}  // namespace windlass::cli
