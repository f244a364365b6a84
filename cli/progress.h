// A line on a terminal that says how far something has come: a bar, the rate, when it will be done. Silent where
// standard error is no terminal, and with --quiet.
#pragma once

#include <string>

#include "shared/time.h"

namespace windlass::cli {

// The line itself, for tests: "upload  [#####-----]  50 %  5.0 MiB of 10.0 MiB  1.0 MiB/s  5 s left". `columns`: of the
// terminal; the line is never longer.
struct ProgressState {
    std::string what;
    std::int64_t done = 0;
    std::int64_t total = 0;  // 0: not known
    bool bytes = false;      // else things, such as jobs
    Milliseconds since_start{0};
};
std::string progress_line(const ProgressState& state, int columns);

class Progress {
  public:
    // `shown` false: it never writes anything.
    Progress(std::string what, std::int64_t total, bool bytes, bool shown);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();  // takes the line away

    void at(std::int64_t done);
    void total(std::int64_t total) { state_.total = total; }
    void add(std::int64_t more) { at(state_.done + more); }

  private:
    void draw();

    ProgressState state_;
    bool shown_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point start_, last_drawn_;
};

}  // namespace windlass::cli
