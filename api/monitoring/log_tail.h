// The last lines of this process's own log, for the admins who look at it: GET /api/admin/livelog. The lines are those
// of the format `text`, whatever log.format is; no secret is in them, as none is ever logged.
//
// Threads: any. A line costs one copy, shared by all who follow.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace windlass::api {

class LogTail {
  public:
    static constexpr std::size_t most_lines = 1'000;
    static constexpr std::size_t most_bytes = 256 * 1024;
    // Of lines that a follower has not taken. Beyond it the follower is given up.
    static constexpr std::size_t most_unread_bytes = 1024 * 1024;

    // Of this process; the first call puts it behind the log.
    static LogTail& of_this_process();

    void add(std::string_view line);

    class Follower {
      public:
        // Lines since the last call, each with a line end; at first those that were kept. Empty: nothing new.
        std::string take();
        // It took too long to take them, and gets no more.
        bool was_too_slow() const;

      private:
        friend class LogTail;
        mutable std::mutex mutex_;
        std::deque<std::shared_ptr<const std::string>> unread_;
        std::size_t unread_bytes_ = 0;
        bool too_slow_ = false;
        std::function<void()> wake_;
    };
    // `wake`: there is something to take; any thread, must not log. It follows until it is destroyed.
    std::shared_ptr<Follower> follow(std::function<void()> wake);

  private:
    std::mutex mutex_;
    std::deque<std::shared_ptr<const std::string>> lines_;
    std::size_t bytes_ = 0;
    std::deque<std::weak_ptr<Follower>> followers_;
};

}  // namespace windlass::api
