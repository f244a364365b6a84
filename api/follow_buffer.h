// What a follower has been told and has not looked at yet, within a bound. When it does not fit, everything is thrown
// away and the follower reads the tables instead: all that is told is durable before it is told, so the tables have it.
// Pure; not locked.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "shared/protocol.h"

namespace windlass::api {

struct Printed {
    AttemptNumber attempt = 0;
    OutputStream stream = OutputStream::standard_output;
    std::int64_t offset = 0;
    std::shared_ptr<const std::string> bytes;  // shared with the other followers
};
using JobNews = std::variant<protocol::JobHappened, Printed>;

class FollowBuffer {
  public:
    explicit FollowBuffer(std::size_t limit_bytes) : limit_(limit_bytes) {}

    // Both: true when the follower has to be woken, that is when there was nothing to look at before.
    bool add(JobNews news);
    bool lose();  // something may not have been told

    struct Taken {
        std::vector<JobNews> news;  // in order
        bool lost = false;          // read the tables: before `news`, which are in them
    };
    Taken take();

    std::size_t bytes() const { return bytes_; }

  private:
    const std::size_t limit_;
    std::vector<JobNews> news_;
    std::size_t bytes_ = 0;
    bool lost_ = false;
};

}  // namespace windlass::api
