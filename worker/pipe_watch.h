// The output pipes of all boxes behind one descriptor, so that a job costs no libuv handle: an epoll set, itself
// watched by the loop.
#pragma once

#include <cstdint>
#include <vector>

#include "shared/result.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {

class PipeWatch {
  public:
    // Aborts if the system has no descriptor left for it: the worker just started.
    PipeWatch();

    // Until remove() or until the descriptor is closed (the last of its kind). `token` comes back from ready().
    Status add(int fd, std::uint64_t token);
    void remove(int fd);

    int fd() const { return epoll_.get(); }
    // Tokens of readable (or ended) pipes, at most a few dozen at a time, without waiting.
    std::vector<std::uint64_t> ready() const;

  private:
    FileDescriptor epoll_;
};

}  // namespace windlass::worker
