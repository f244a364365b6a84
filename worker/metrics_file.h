// The numbers that a program reports of itself: lines of InfluxDB's line protocol that it appends to the file `metrics`
// in its working directory, read piece by piece while it runs.
//
//     loss,phase=train value=0.25 1700000000000000000      ->  user.loss, of the type-id "phase=train"
//     io read=12i,written=7i                               ->  user.io.read, user.io.written
//
// The file is a stranger's: it is opened without following links, read only if it is a regular file of the same file
// system, and within the limits below. What is not understood is passed over, and only that.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "shared/protocol.h"
#include "shared/time.h"

namespace windlass::worker {

class MetricsFile {
  public:
    static constexpr std::int64_t bytes_at_once = 64 * 1024;
    static constexpr std::int64_t bytes_in_all = 16 * 1024 * 1024;
    static constexpr std::size_t line_bytes = 4 * 1024;
    static constexpr std::size_t most_series = 64;
    static constexpr std::size_t points_at_once = 1'000;

    using OnSample = std::function<void(protocol::AttemptSample)>;

    // What was added since the last look, in whole lines; at the end (`last`) also a line without an end. A line
    // without a time, or with one before `started` or yet to come, was written now. `directory`: of the job; not
    // closed.
    void look(int directory, WallTime started, WallTime now, bool last, const OnSample& on_sample);

    std::int64_t bytes_read() const { return bytes_read_; }
    std::int64_t lines_passed_over() const { return passed_over_; }

  private:
    void read_line(std::string_view line, WallTime started, WallTime now, std::size_t& left, const OnSample& on_sample);

    ino_t inode_ = 0;  // of the file that the position is of
    off_t position_ = 0;
    std::string unfinished_;                                // the beginning of a line
    bool skips_line_ = false;                               // the rest of a line that is too long
    std::set<std::pair<std::string, std::string>> series_;  // so far: name, tags
    std::int64_t bytes_read_ = 0;
    std::int64_t passed_over_ = 0;
};

}  // namespace windlass::worker
