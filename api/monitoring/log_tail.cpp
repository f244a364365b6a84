#include "api/monitoring/log_tail.h"

#include <algorithm>
#include <vector>

#include "shared/log.h"

namespace windlass::api {

LogTail& LogTail::of_this_process() {
    // Never destroyed: threads may log to the very end.
    static LogTail* const only = [] {
        auto* made = new LogTail;
        log::set_listener([made](std::string_view line) { made->add(line); });
        return made;
    }();
    return *only;
}

void LogTail::add(std::string_view line) {
    const auto shared = std::make_shared<const std::string>(std::string(line) + "\n");
    std::vector<std::shared_ptr<Follower>> followers;
    {
        const std::lock_guard lock(mutex_);
        lines_.push_back(shared);
        bytes_ += shared->size();
        while (lines_.size() > most_lines || (bytes_ > most_bytes && lines_.size() > 1)) {
            bytes_ -= lines_.front()->size();
            lines_.pop_front();
        }
        std::erase_if(followers_, [](const auto& one) { return one.expired(); });
        for (const auto& weak : followers_)
            if (auto follower = weak.lock()) followers.push_back(std::move(follower));
    }
    for (const auto& follower : followers) {
        std::function<void()> wake;
        {
            const std::lock_guard lock(follower->mutex_);
            if (follower->too_slow_) continue;
            if (follower->unread_bytes_ + shared->size() > most_unread_bytes) {
                follower->too_slow_ = true;
                follower->unread_.clear();
            } else {
                follower->unread_.push_back(shared);
                follower->unread_bytes_ += shared->size();
            }
            wake = follower->wake_;
        }
        wake();
    }
}

std::shared_ptr<LogTail::Follower> LogTail::follow(std::function<void()> wake) {
    auto follower = std::make_shared<Follower>();
    follower->wake_ = std::move(wake);
    const std::lock_guard lock(mutex_);
    follower->unread_ = lines_;
    follower->unread_bytes_ = bytes_;
    followers_.push_back(follower);
    return follower;
}

std::string LogTail::Follower::take() {
    const std::lock_guard lock(mutex_);
    std::string lines;
    lines.reserve(unread_bytes_);
    for (const auto& line : unread_) lines += *line;
    unread_.clear();
    unread_bytes_ = 0;
    return lines;
}

bool LogTail::Follower::was_too_slow() const {
    const std::lock_guard lock(mutex_);
    return too_slow_;
}

}  // namespace windlass::api
