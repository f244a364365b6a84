// Large request bodies on disk instead of in memory: files without a name (O_TMPFILE), so that nothing is left behind
// however this process ends.
//
// A spool belongs to the front; which requests it takes is decided by method and path, when the head is complete. What
// all bodies together may occupy is bounded. Writing goes to the page cache, on the loop's thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

// One body. Written by the front, then read by the handler; never both at the same time.
class SpooledBody {
  public:
    SpooledBody(int descriptor, std::shared_ptr<std::atomic<std::int64_t>> total, std::int64_t most);
    ~SpooledBody();
    SpooledBody(const SpooledBody&) = delete;
    SpooledBody& operator=(const SpooledBody&) = delete;

    // unavailable: no room, on the disk or within the limit of all bodies together.
    Status append(std::string_view bytes);
    std::int64_t size() const { return size_; }
    // From `offset` on, at most `most` bytes; fewer at the end. Any thread.
    Result<std::string> read(std::int64_t offset, std::int64_t most) const;

  private:
    const int descriptor_;
    const std::shared_ptr<std::atomic<std::int64_t>> total_;  // of all bodies
    const std::int64_t most_;
    std::int64_t size_ = 0;
};

struct SpoolSettings {
    std::string directory;           // on a disk, not in memory
    std::int64_t body_bytes = 0;     // of one such request [413]
    std::int64_t total_bytes = 0;    // of all that are under way [503]
    std::vector<std::string> paths;  // without a slash at the end; of POST requests
};

class Spool {
  public:
    explicit Spool(SpoolSettings settings) : settings_(std::move(settings)) {}
    bool takes(std::string_view method, std::string_view path) const;
    std::int64_t body_bytes() const { return settings_.body_bytes; }
    Result<std::shared_ptr<SpooledBody>> open() const;
    std::int64_t occupied() const { return *total_; }

  private:
    const SpoolSettings settings_;
    const std::shared_ptr<std::atomic<std::int64_t>> total_ = std::make_shared<std::atomic<std::int64_t>>(0);
};

}  // namespace windlass::api
