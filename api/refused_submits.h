// Who sends more submits than his quota takes, and does not listen to Retry-After, is told so again without the
// scheduler being asked each time: what it and the way to it cost is missing to the work that was accepted. Pure: time
// comes in from outside. Kept in memory: several api processes remember apart.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "api/problem.h"
#include "shared/ids.h"
#include "shared/time.h"

namespace windlass::api {

class RefusedSubmits {
  public:
    // The answer is good for so long after the scheduler gave it. Short, because it takes from what the account may
    // have: jobs that end meanwhile make room that nobody fills.
    static constexpr Milliseconds good_for{10};
    // Refusals, asked for or remembered, of one account within a second from which on it is told from memory. Whoever
    // submits what he has is not near it, and always gets the scheduler's own answer.
    static constexpr std::int64_t many_per_second = 100;

    // The scheduler has refused one job of this account, because not even one more fits.
    void note(UserId account, const Problem& refusal, SteadyTime now);
    // What to answer to a submit of whatever size. No value: ask the scheduler.
    std::optional<Problem> remembered(UserId account, SteadyTime now);

    std::size_t size() const;

  private:
    struct Account {
        SteadyTime second_began{};
        std::int64_t refusals = 0;  // in that second
        SteadyTime good_until{};
        Problem refusal;
    };
    static void count(Account& account, SteadyTime now);

    mutable std::mutex mutex_;
    std::unordered_map<UserId, Account> accounts_;
};

}  // namespace windlass::api
