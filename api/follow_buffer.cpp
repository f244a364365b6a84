#include "api/follow_buffer.h"

#include <utility>

namespace windlass::api {
namespace {

std::size_t size_of(const JobNews& news) {
    if (const auto* printed = std::get_if<Printed>(&news)) return sizeof(JobNews) + printed->bytes->size();
    const auto& event = std::get<protocol::JobHappened>(news);
    return sizeof(JobNews) + event.worker.size() + event.detail.size();
}

}  // namespace

bool FollowBuffer::add(JobNews news) {
    if (lost_) return false;  // the tables will be read, and have this too
    const std::size_t size = size_of(news);
    if (bytes_ + size > limit_) return lose();
    const bool first = news_.empty();
    bytes_ += size;
    news_.push_back(std::move(news));
    return first;
}

bool FollowBuffer::lose() {
    const bool nothing = news_.empty() && !lost_;
    lost_ = true;
    news_ = {};
    bytes_ = 0;
    return nothing;
}

FollowBuffer::Taken FollowBuffer::take() {
    bytes_ = 0;
    return {std::exchange(news_, {}), std::exchange(lost_, false)};
}

}  // namespace windlass::api
