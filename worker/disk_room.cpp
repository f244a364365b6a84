#include "worker/disk_room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "shared/limits.h"

namespace windlass::worker {

DiskRoom::DiskRoom(std::vector<std::string> directories, Mark low, Ask ask)
    : directories_(std::move(directories)), low_(low), ask_(std::move(ask)) {}

DiskSpace DiskRoom::by_statvfs(const std::string& directory) {
    struct statvfs about {};
    if (statvfs(directory.c_str(), &about) != 0) return {};
    const auto block = static_cast<std::int64_t>(about.f_frsize);
    return {static_cast<std::int64_t>(about.f_bavail) * block, static_cast<std::int64_t>(about.f_blocks) * block};
}

std::string DiskRoom::why_none() {
    for (const std::string& directory : directories_) {
        const DiskSpace space = ask_(directory);
        if (space.all_bytes <= 0) continue;
        const std::int64_t low = std::max(low_.bytes, space.all_bytes / 100 * low_.percent);
        const std::int64_t wanted = full_ ? low + low / 2 : low;
        if (space.free_bytes >= wanted) continue;
        full_ = true;
        return fmt::format(
            "{} has {} MiB free: no new jobs are taken until it has {} MiB (worker.disk_low_bytes, "
            "worker.disk_low_percent)",
            directory, space.free_bytes / mebibyte, (low + low / 2 + mebibyte - 1) / mebibyte);
    }
    full_ = false;
    return {};
}

}  // namespace windlass::worker
