// Takes what an attempt left in out/ of its working directory, and beside it what its patterns of outputs say, after
// its last process is gone.
//
// Everything in there was arranged by a stranger. So: each step down is one openat2 that follows no link of any kind
// and leaves neither the directory nor its file system; only regular files are opened, and looked at again once open;
// nothing can block; and names, depth, number, size and bytes read are bounded. A sparse file of a terabyte is named,
// not read.
//
// No state, any thread. Everything runs on the descriptor; no path is ever joined.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "shared/outcome.h"

namespace windlass::worker {

struct CollectedFiles {
    // First those in out/, then those beside it, each part sorted by the bytes of the path. stored: its bytes are in
    // `bytes`, in this order. sha256 is empty for a file that was too large to be read: larger than keep_bytes, or one
    // of many whose sum is beyond read_factor times that.
    std::vector<ResultFile> files;
    bool truncated = false;  // something was left out: too many, too deep, a path too long, or not readable
    std::string value_json;  // of out/results.json; empty: there is none, or it is no JSON, or too large
    std::string bytes;
};

struct CollectLimits {
    std::int64_t keep_bytes = 0;  // worker.result_file_bytes
    std::size_t files = 1000;
    std::size_t entries = 20'000;  // looked at, of whatever kind
    int depth = 16;                // directories below out/, or below the working directory
    std::size_t path_bytes = 1024;
    std::int64_t value_bytes = 256 * 1024;
    static constexpr std::int64_t read_factor = 4;  // so much reading is done for the sake of a hash alone
};

// What is taken beside out/. Its paths are relative to the working directory.
struct CollectBeside {
    std::vector<std::string> patterns;  // output_patterns.h
    // What the job found there when it began, e.g. code: taken only if a pattern says exactly that path.
    std::set<std::string> not_its_own;
};

CollectedFiles collect_files(int work_directory_fd, const CollectLimits& limits, const CollectBeside& beside = {});

// True when collecting (and closing the directory, which frees its memory) takes only moments: out/ is empty or missing
// and the attempt left little elsewhere, and nothing there is wanted. Quick itself, fit for the loop's thread.
bool leaves_nothing(int work_directory_fd, const CollectBeside& beside = {});

}  // namespace windlass::worker
