#include "scheduler/user_table.h"

#include <algorithm>

#include "shared/result.h"

namespace windlass::scheduler {

std::int64_t day_of(WallTime at) {
    return std::chrono::floor<std::chrono::days>(at).time_since_epoch().count();
}

WallTime midnight_after(WallTime at) {
    return std::chrono::floor<std::chrono::days>(at) + std::chrono::days{1};
}

void User::set_quota(const Quota& quota) {
    quota_ = quota;
    running_limit_ = static_cast<std::int32_t>(std::clamp<std::int64_t>(quota.running.value_or(no_limit), 0, no_limit));
    has_cpu_quota_ = quota.cpu_per_day.has_value();
}

UserIndex UserTable::user(UserId id) {
    const auto [entry, is_new] = index_.try_emplace(id, size());
    if (is_new) {
        const auto weight = weights_.find(id);
        users_.emplace_back();
        users_.back().id = id;
        users_.back().weight = weight == weights_.end() ? 1 : weight->second;
    }
    return entry->second;
}

void UserTable::attempt_started(UserIndex user, std::int32_t cpu_millis, WallTime at) {
    if (!has_origin_) {
        origin_ = at;
        has_origin_ = true;
    }
    users_[user].running_cpu_millis_ += cpu_millis;
    users_[user].running_cpu_starts_ += cpu_millis * since_origin_ms(at);
}

void UserTable::attempt_ended(UserIndex user, std::int32_t cpu_millis, WallTime started) {
    users_[user].running_cpu_millis_ -= cpu_millis;
    users_[user].running_cpu_starts_ -= cpu_millis * since_origin_ms(started);
}

void UserTable::add_use(UserIndex user, std::int64_t day, Microseconds cpu) {
    User& u = users_[user];
    if (day > u.day) {  // a clock that was set back does not give the day anew
        u.day = static_cast<std::int32_t>(day);
        u.cpu_of_day = {};
    }
    u.cpu_of_day += cpu;
}

Microseconds UserTable::cpu_today(UserIndex user, WallTime now) const {
    const User& u = users_[user];
    const Microseconds ended = day_of(now) > u.day ? Microseconds{0} : u.cpu_of_day;
    if (u.running_cpu_millis_ == 0) return ended;
    // Cpu-millis times milliseconds are microseconds of one cpu.
    return ended + Microseconds{
                       std::max<std::int64_t>(0, u.running_cpu_millis_ * since_origin_ms(now) - u.running_cpu_starts_)};
}

bool UserTable::cpu_used_up(UserIndex user, WallTime now) const {
    const User& u = users_[user];
    return u.has_cpu_quota_ && cpu_today(user, now) >= *u.quota_.cpu_per_day;
}

void UserTable::set_out_of_cpu(UserIndex user, bool out) {
    users_[user].out_of_cpu_ = out;
    if (out)
        out_of_cpu_.insert(user);
    else
        out_of_cpu_.erase(user);
}

bool UserTable::check_invariants(std::string* why) const {
    std::size_t out = 0;
    for (UserIndex index = 0; index < size(); ++index) {
        const User& u = users_[index];
        out += u.out_of_cpu_ ? 1 : 0;
        const char* wrong = nullptr;
        if (u.waiting < 0 || u.leased < 0)
            wrong = "has less than nothing";
        else if (u.running_cpu_millis_ < 0 || (u.leased == 0 && u.running_cpu_millis_ != 0))
            wrong = "runs nothing and uses cpus";
        else if (u.leased == 0 && u.running_cpu_starts_ != 0)
            wrong = "runs nothing and something of it began";
        else if (u.out_of_cpu_ && !out_of_cpu_.contains(index))
            wrong = "is out of processor time and would not be let in again";
        else if (u.out_of_cpu_ && !u.quota_.cpu_per_day)
            wrong = "is out of processor time without a limit";
        if (wrong != nullptr) {
            *why = "user " + u.id.text() + " " + wrong;
            return false;
        }
    }
    if (out != out_of_cpu_.size()) *why = "somebody counts as out of processor time who is not";
    return out == out_of_cpu_.size();
}

}  // namespace windlass::scheduler
