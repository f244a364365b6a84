#include "worker/pipe_watch.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

namespace windlass::worker {

PipeWatch::PipeWatch() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    WINDLASS_CHECK(static_cast<bool>(epoll_), "epoll_create1 failed");
}

Status PipeWatch::add(int fd, std::uint64_t token) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = token;
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return errno_error("watching a pipe", errno);
    return {};
}

void PipeWatch::remove(int fd) {
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::vector<std::uint64_t> PipeWatch::ready() const {
    std::array<epoll_event, 64> events{};
    const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    std::vector<std::uint64_t> tokens;
    for (int i = 0; i < count; ++i) tokens.push_back(events[static_cast<std::size_t>(i)].data.u64);
    return tokens;
}

}  // namespace windlass::worker
