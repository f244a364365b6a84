// Input files of jobs, kept on disk under their SHA-256 so that a thousand jobs fetch a data set once. Bounded in
// bytes: what was used longest ago goes first.
//
// One thread. The directory (0700) is ours alone; what a former life left in it is used again.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "shared/result.h"

namespace windlass::worker {

// The bytes of a file in the cache, if they are those of the hash. Any thread.
std::optional<std::string> read_blob(const std::string& path, const std::string& sha256);

class BlobCache {
  public:
    // `bound_bytes` 0: keeps nothing.
    static Result<BlobCache> open(const std::string& directory, std::int64_t bound_bytes);

    bool has(const std::string& sha256) const { return index_.contains(sha256); }
    // The bytes, checked against their name: a file that was damaged is removed and not there.
    std::optional<std::string> get(const std::string& sha256);
    // Where it is, for read_blob(); of one that is here. It counts as used now.
    std::string use(const std::string& sha256);
    // read_blob() found it damaged.
    void remove(const std::string& sha256);
    // invalid when the bytes are not those of the name. That there is no room is no failure: it is just not kept.
    Status put(const std::string& sha256, std::string_view bytes);

    // While it is pinned it is not removed to make room for others. Also of what is not here yet.
    void pin(const std::string& sha256) { pinned_.insert(sha256); }
    void unpin(const std::string& sha256) { pinned_.erase(sha256); }

    std::int64_t bytes() const { return bytes_; }
    std::int64_t size_bytes(const std::string& sha256) const {  // 0: it is not here
        const auto found = index_.find(sha256);
        return found == index_.end() ? 0 : found->second->bytes;
    }

  private:
    struct Entry {
        std::string sha256;
        std::int64_t bytes = 0;
    };

    BlobCache(std::string directory, std::int64_t bound_bytes)
        : directory_(std::move(directory)), bound_bytes_(bound_bytes) {}
    std::string path(const std::string& sha256) const { return directory_ + "/" + sha256; }
    void add(const std::string& sha256, std::int64_t bytes);
    bool make_room(std::int64_t bytes);  // false: what is pinned leaves too little

    std::string directory_;
    std::int64_t bound_bytes_;
    std::int64_t bytes_ = 0;
    std::list<Entry> by_use_;  // used longest ago first
    std::unordered_map<std::string, std::list<Entry>::iterator> index_;
    std::unordered_set<std::string> pinned_;
};

}  // namespace windlass::worker
