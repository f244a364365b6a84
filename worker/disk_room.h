// Whether the disk has room for more jobs: two marks, so that a worker at the edge does not change its mind with every
// file. Below the lower mark nothing new is taken, and again from the upper one on, which is half as much more.
//
// Asks the file systems on the calling thread: those of this machine's own disks.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace windlass::worker {

struct DiskSpace {
    std::int64_t free_bytes = 0;  // for us
    std::int64_t all_bytes = 0;   // 0: it cannot be asked
};

class DiskRoom {
  public:
    struct Mark {
        std::int64_t bytes = 0;    // free; 0: no mark
        std::int64_t percent = 0;  // of the whole file system, likewise; what asks for more counts
    };
    using Ask = std::function<DiskSpace(const std::string& directory)>;
    DiskRoom(std::vector<std::string> directories, Mark low, Ask ask = by_statvfs);

    // Looks. A sentence while there is too little room, empty while there is enough. What cannot be asked has room.
    std::string why_none();

    static DiskSpace by_statvfs(const std::string& directory);

  private:
    std::vector<std::string> directories_;
    Mark low_;
    Ask ask_;
    bool full_ = false;
};

}  // namespace windlass::worker
