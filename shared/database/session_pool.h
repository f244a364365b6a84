// Sessions for threads that need one for the length of a request. Sessions are opened when first needed, up to a fixed
// number, and heal by themselves: a broken one opens a new connection at its next use.
//
// Threads: any. A lease is used by one thread at a time and must not outlive the pool.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "shared/database/session.h"

namespace windlass {

class SessionPool;

// The right to use one session; gives it back when it goes out of scope. End transactions first: an open one costs the
// connection.
class [[nodiscard]] SessionLease {
  public:
    SessionLease(SessionLease&& other) noexcept;
    SessionLease& operator=(SessionLease&&) = delete;
    ~SessionLease();

    Session& operator*() const { return *session_; }
    Session* operator->() const { return session_.get(); }

  private:
    friend class SessionPool;
    SessionLease(SessionPool& pool, std::unique_ptr<Session> session);

    SessionPool* pool_;
    std::unique_ptr<Session> session_;
};

class SessionPool {
  public:
    SessionPool(DatabaseUrl url, std::size_t maximum, SessionSettings settings = {});
    ~SessionPool();  // all leases must be back
    SessionPool(const SessionPool&) = delete;
    SessionPool& operator=(const SessionPool&) = delete;

    // Waits up to `wait` for a free session. Does not connect: the first use does.
    //   unavailable  all are in use
    Result<SessionLease> lease(Milliseconds wait = Milliseconds{5'000});

    std::size_t maximum() const { return maximum_; }
    struct Counts {
        std::size_t in_use = 0;
        std::uint64_t leases = 0;    // so far
        std::uint64_t refusals = 0;  // so far: none became free in time
        Microseconds waited{};       // so far, for a free one
    };
    Counts counts() const;

  private:
    friend class SessionLease;
    void give_back(std::unique_ptr<Session> session);

    DatabaseUrl url_;
    SessionSettings settings_;
    std::size_t maximum_;
    mutable std::mutex mutex_;
    Counts counts_;  // in_use apart
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Session>> idle_;  // the most recently used last: it is taken first
    std::size_t made_ = 0;
};

}  // namespace windlass
