#include "worker/blob_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

#include "shared/digest.h"
#include "shared/log.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

bool is_digest(const std::string& name) {
    return name.size() == 64 &&
           std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

std::optional<std::string> read_whole(const std::string& path) {
    const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat about {};
    if (!file || fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return std::nullopt;
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t got = read(file.get(), bytes.data() + at, bytes.size() - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return std::nullopt;
        at += static_cast<std::size_t>(got);
    }
    return bytes;
}

}  // namespace

std::optional<std::string> read_blob(const std::string& path, const std::string& sha256) {
    auto bytes = read_whole(path);
    if (bytes && sha256_hex(*bytes) == sha256) return bytes;
    log::warning("an input file in the cache was damaged and is fetched again: {}", sha256);
    return std::nullopt;
}

Result<BlobCache> BlobCache::open(const std::string& directory, std::int64_t bound_bytes) {
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure || chmod(directory.c_str(), 0700) != 0)
        return make_error(ErrorKind::internal, "the cache of input files cannot be made at " + directory + ": " +
                                                   (failure ? failure.message() : std::strerror(errno)));
    BlobCache cache(directory, bound_bytes);
    struct Found {
        std::filesystem::file_time_type used;
        std::string name;
        std::int64_t bytes;
    };
    std::vector<Found> all;
    for (const auto& file : std::filesystem::directory_iterator(directory, failure)) {
        const std::string name = file.path().filename().string();
        std::error_code ignored;
        if (is_digest(name) && file.is_regular_file(ignored))
            all.push_back({file.last_write_time(ignored), name, static_cast<std::int64_t>(file.file_size(ignored))});
        else
            std::filesystem::remove(file.path(), ignored);  // half written
    }
    std::ranges::sort(all, {}, [](const Found& found) { return std::pair(found.used, found.name); });
    for (const Found& found : all) cache.add(found.name, found.bytes);
    cache.make_room(0);
    return cache;
}

void BlobCache::add(const std::string& sha256, std::int64_t bytes) {
    by_use_.push_back({sha256, bytes});
    index_.emplace(sha256, std::prev(by_use_.end()));
    bytes_ += bytes;
}

void BlobCache::remove(const std::string& sha256) {
    const auto found = index_.find(sha256);
    if (found == index_.end()) return;
    bytes_ -= found->second->bytes;
    by_use_.erase(found->second);
    index_.erase(found);
    unlink(path(sha256).c_str());
}

bool BlobCache::make_room(std::int64_t bytes) {
    for (auto entry = by_use_.begin(); entry != by_use_.end() && bytes_ + bytes > bound_bytes_;) {
        const std::string sha256 = (entry++)->sha256;
        if (!pinned_.contains(sha256)) remove(sha256);
    }
    return bytes_ + bytes <= bound_bytes_;
}

std::optional<std::string> BlobCache::get(const std::string& sha256) {
    if (!has(sha256)) return std::nullopt;
    auto bytes = read_blob(use(sha256), sha256);
    if (!bytes) remove(sha256);
    return bytes;
}

std::string BlobCache::use(const std::string& sha256) {
    by_use_.splice(by_use_.end(), by_use_, index_.at(sha256));
    std::string file = path(sha256);
    utimensat(AT_FDCWD, file.c_str(), nullptr, 0);  // the next life keeps the order
    return file;
}

Status BlobCache::put(const std::string& sha256, std::string_view bytes) {
    if (sha256_hex(bytes) != sha256)
        return make_error(ErrorKind::invalid, "the bytes of the input file " + sha256 + " are not those of its hash");
    const auto size = static_cast<std::int64_t>(bytes.size());
    if (has(sha256) || size > bound_bytes_) return Status();
    if (!make_room(size)) return Status();
    const std::string half = directory_ + "/new";
    const FileDescriptor file(::open(half.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file || !write_all(file.get(), bytes) || rename(half.c_str(), path(sha256).c_str()) != 0) {
        log::warning("an input file could not be kept in {}: {}", directory_, std::strerror(errno));
        unlink(half.c_str());
        return Status();
    }
    add(sha256, size);
    return Status();
}

}  // namespace windlass::worker
