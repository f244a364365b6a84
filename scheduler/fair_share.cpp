#include "scheduler/fair_share.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "shared/result.h"

namespace windlass::scheduler {

namespace {

// Far from the 2^1023 where a double ends, rare enough to cost nothing.
constexpr double largest_exponent = 64;

double cpu_seconds(std::int32_t cpu_millis, double seconds) {
    return seconds * cpu_millis / 1000.0;
}

}  // namespace

FairShare::FairShare(Milliseconds half_life, std::map<UserId, double> weights)
    : half_life_(std::max<Microseconds>(half_life, Milliseconds{1})), weights_(std::move(weights)) {}

UserIndex FairShare::user(UserId id) {
    const auto [entry, is_new] = index_.try_emplace(id, static_cast<UserIndex>(users_.size()));
    if (is_new) {
        const auto weight = weights_.find(id);
        users_.push_back({.id = id, .weight = weight == weights_.end() ? 1 : weight->second});
    }
    return entry->second;
}

FairShare::Place FairShare::place_of(UserIndex user) const {
    const User& u = users_[user];
    return {(u.use + u.committed) / u.weight, u.last_served, user};
}

template <class Change>
void FairShare::change(UserIndex user, Change how) {
    User& u = users_[user];
    if (u.in_line) line_.erase(place_of(user));
    how(u);
    if (u.in_line) line_.insert(place_of(user));
}

void FairShare::set_in_line(UserIndex user, bool in_line) {
    if (users_[user].in_line == in_line) return;
    change(user, [in_line](User& u) { u.in_line = in_line; });
}

double FairShare::inflation(SteadyTime now) const {
    if (!has_origin_) return 1;
    return std::exp2(static_cast<double>((now - origin_).count()) / static_cast<double>(half_life_.count()));
}

void FairShare::keep_exponent_small(SteadyTime now) {
    if (!has_origin_) {
        origin_ = now;
        has_origin_ = true;
    }
    const std::int64_t half_lives = (now - origin_) / half_life_;
    if (static_cast<double>(half_lives) < largest_exponent) return;
    origin_ += half_lives * half_life_;
    scaled_ += half_lives;
    const int down = -static_cast<int>(std::min<std::int64_t>(half_lives, 5000));  // below 2^-1074 it is zero anyway
    line_.clear();
    for (UserIndex user = 0; user < users_.size(); ++user) {
        users_[user].use = std::ldexp(users_[user].use, down);
        users_[user].committed = std::ldexp(users_[user].committed, down);
        if (users_[user].in_line) line_.insert(place_of(user));
    }
}

FairShare::Commitment FairShare::commit(UserIndex user, std::int32_t cpu_millis, SteadyTime now) {
    keep_exponent_small(now);
    const double amount = cpu_seconds(cpu_millis, nominal_seconds) * inflation(now);
    change(user, [&](User& u) {
        u.committed += amount;
        ++u.leases;
        u.last_served = ++served_;
    });
    return {amount, scaled_};
}

void FairShare::settle(UserIndex user, const Commitment& commitment, std::int32_t cpu_millis, Microseconds used,
                       SteadyTime now) {
    keep_exponent_small(now);
    const int down = -static_cast<int>(std::min<std::int64_t>(scaled_ - commitment.scaled_by, 5000));
    const double committed = std::ldexp(commitment.amount, down);
    const double seconds = std::max(0.0, static_cast<double>(used.count()) / 1e6);
    const double use = cpu_seconds(cpu_millis, seconds) * inflation(now);
    change(user, [&](User& u) {
        WINDLASS_CHECK(u.leases > 0, "more leases of a user ended than were granted");
        --u.leases;
        // Sums of rounded numbers: never let a rest of rounding count as use.
        u.committed = u.leases == 0 ? 0 : std::max(0.0, u.committed - committed);
        u.use += use;
    });
}

std::optional<FairShare::Place> FairShare::first() const {
    if (line_.empty()) return std::nullopt;
    return *line_.begin();
}

std::optional<FairShare::Place> FairShare::first_after(const Place& place) const {
    const auto next = line_.upper_bound(place);
    if (next == line_.end()) return std::nullopt;
    return *next;
}

double FairShare::score(UserIndex user, SteadyTime now) const {
    return place_of(user).score / inflation(now);
}

std::size_t FairShare::ahead_of(UserIndex user, std::size_t limit) const {
    const Place mine = place_of(user);
    std::size_t count = 0;
    for (const Place& other : line_) {
        if (count == limit || other >= mine) break;
        if (other.user != user) ++count;
    }
    return count;
}

}  // namespace windlass::scheduler
