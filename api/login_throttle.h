// Slows down whoever guesses passwords: one counter per account and one per address, behind every login. Pure: time
// comes in from outside. Kept in memory: a restart forgets, several api processes count apart.
//
// The first failures are free (10 per account, 50 per address, because many people may share one). From then on each
// further failure doubles the time to wait, from 1 s to 15 min. Ten quiet minutes after the wait forgive everything.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "shared/time.h"

namespace windlass::api {

class LoginThrottle {
  public:
    // Before the password is looked at. nullopt: go on, and this try counts as a failure until succeeded() takes it
    // back (otherwise a thousand tries at the same moment would all be the first). Else: how long to wait.
    std::optional<Seconds> admit(const std::string& account, const std::string& address, SteadyTime now);
    void succeeded(const std::string& account, const std::string& address, SteadyTime now);

    std::size_t size() const;

  private:
    struct Counter {
        int failures = 0;
        SteadyTime last{};
        SteadyTime blocked_until{};
    };
    using Counters = std::unordered_map<std::string, Counter>;

    static Counter* find(Counters& counters, const std::string& key, SteadyTime now);
    static void count(Counters& counters, const std::string& key, int free, SteadyTime now);
    void forget_old(Counters& counters, SteadyTime now);

    mutable std::mutex mutex_;
    Counters accounts_;
    Counters addresses_;
};

}  // namespace windlass::api
