#include "shared/database/session_pool.h"

namespace windlass {

SessionLease::SessionLease(SessionPool& pool, std::unique_ptr<Session> session)
    : pool_(&pool), session_(std::move(session)) {}

SessionLease::SessionLease(SessionLease&& other) noexcept = default;

SessionLease::~SessionLease() {
    if (session_) pool_->give_back(std::move(session_));
}

SessionPool::SessionPool(DatabaseUrl url, std::size_t maximum, SessionSettings settings)
    : url_(std::move(url)), settings_(std::move(settings)), maximum_(maximum) {
    WINDLASS_CHECK(maximum > 0, "a pool of no sessions was asked for");
}

SessionPool::~SessionPool() {
    WINDLASS_CHECK(idle_.size() == made_, "a session pool ended while a session was in use");
}

Result<SessionLease> SessionPool::lease(Milliseconds wait) {
    std::unique_lock lock(mutex_);
    const bool waits = idle_.empty() && made_ >= maximum_;
    const auto began = std::chrono::steady_clock::now();
    const bool free = returned_.wait_for(lock, wait, [&] { return !idle_.empty() || made_ < maximum_; });
    if (waits) counts_.waited += std::chrono::floor<Microseconds>(std::chrono::steady_clock::now() - began);
    ++(free ? counts_.leases : counts_.refusals);
    if (!free) {
        return make_error(ErrorKind::unavailable,
                          "all " + std::to_string(maximum_) + " database sessions are in use: try again shortly");
    }
    if (idle_.empty()) {
        auto session = std::make_unique<Session>(url_, settings_);
        ++made_;
        return SessionLease(*this, std::move(session));
    }
    std::unique_ptr<Session> session = std::move(idle_.back());
    idle_.pop_back();
    return SessionLease(*this, std::move(session));
}

SessionPool::Counts SessionPool::counts() const {
    const std::lock_guard lock(mutex_);
    Counts counts = counts_;
    counts.in_use = made_ - idle_.size();
    return counts;
}

void SessionPool::give_back(std::unique_ptr<Session> session) {
    // Whatever was left open must not go on to the next user.
    if (session->in_transaction()) session = std::make_unique<Session>(url_, settings_);
    {
        const std::lock_guard lock(mutex_);
        idle_.push_back(std::move(session));
    }
    returned_.notify_one();
}

}  // namespace windlass
