#include "api/refused_submits.h"

namespace windlass::api {
namespace {

constexpr Seconds window{1};
constexpr std::size_t most_accounts = 10'000;

}  // namespace

void RefusedSubmits::count(Account& account, SteadyTime now) {
    if (now - account.second_began >= window) {
        // A second as bad as the one before goes on where that one was: no pause at each turn of it.
        const bool goes_on = now - account.second_began < 2 * window && account.refusals >= many_per_second;
        account.second_began = now;
        account.refusals = goes_on ? many_per_second : 0;
    }
    ++account.refusals;
}

void RefusedSubmits::note(UserId account, const Problem& refusal, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    if (accounts_.size() >= most_accounts)
        std::erase_if(accounts_, [now](const auto& entry) { return now - entry.second.second_began >= window; });
    if (accounts_.size() >= most_accounts) accounts_.clear();
    Account& known = accounts_[account];
    count(known, now);
    known.good_until = now + good_for;
    known.refusal = refusal;
}

std::optional<Problem> RefusedSubmits::remembered(UserId account, SteadyTime now) {
    const std::lock_guard lock(mutex_);
    const auto found = accounts_.find(account);
    if (found == accounts_.end()) return std::nullopt;
    Account& known = found->second;
    if (known.refusals < many_per_second || now >= known.good_until) return std::nullopt;
    count(known, now);
    return known.refusal;
}

std::size_t RefusedSubmits::size() const {
    const std::lock_guard lock(mutex_);
    return accounts_.size();
}

}  // namespace windlass::api
