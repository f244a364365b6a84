// Passwords, hashed with argon2id (libsodium) on threads of their own: one hash takes 64 MiB and some 70 ms, so at most
// two are made at once, and a queue of bounded length waits. Never on the front's threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

struct HashCost {
    unsigned long long operations;
    std::size_t memory_bytes;

    static HashCost interactive();  // 64 MiB, two passes
    static HashCost cheapest();     // for tests
};

struct Verdict {
    bool correct = false;
    std::optional<std::string> better_hash;  // the stored one was made at another cost: store this instead
};

class PasswordHasher {
  public:
    explicit PasswordHasher(HashCost cost = HashCost::interactive(), int threads = 2, std::size_t most_waiting = 64);
    ~PasswordHasher();  // finishes what runs, forgets what waits
    PasswordHasher(const PasswordHasher&) = delete;
    PasswordHasher& operator=(const PasswordHasher&) = delete;

    // `done` comes on one of the hasher's threads. unavailable: too many are waiting; `done` is not called then.
    Status hash(std::string password, std::function<void(std::string hash)> done);
    // Without a hash (no such account, or one without a password) the same work is done, and the verdict is "wrong".
    Status verify(std::string password, std::optional<std::string> hash, std::function<void(Verdict)> done);

    // On the caller's thread, for programs that start.
    std::string hash_now(const std::string& password) const;

    std::size_t waiting() const;
    std::uint64_t hashed() const;  // so many passwords, those under way among them

  private:
    Status submit(std::function<void()> work);
    void run();
    Verdict check(const std::string& password, const std::optional<std::string>& hash) const;

    HashCost cost_;
    std::size_t most_waiting_;
    std::string nobodys_hash_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<std::function<void()>> queue_;
    std::uint64_t hashed_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace windlass::api
