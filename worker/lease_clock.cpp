#include "worker/lease_clock.h"

#include <algorithm>

namespace windlass::worker {

void LeaseClock::welcomed(SteadyTime hello_sent, Milliseconds renew_every, Milliseconds self_kill_after) {
    confirmed_ = hello_sent;
    asked_.clear();
    // A peer that says 0 would have us renew without pause.
    renew_every_ = std::max(renew_every, Milliseconds{1});
    if (elsewhere_) renew_every_ = answer_within_ = std::max(renew_every_ / 2, Milliseconds{1});
    self_kill_after_ = std::max(self_kill_after, Milliseconds{1});
    renew_at_ = hello_sent + renew_every_;
}

void LeaseClock::inherited(SteadyTime good_until) {
    self_kill_after_ = Milliseconds{1};
    confirmed_ = good_until - self_kill_after_;
}

std::optional<SteadyTime> LeaseClock::good_until() const {
    return confirmed_ ? std::optional(*confirmed_ + self_kill_after_) : std::nullopt;
}

void LeaseClock::disconnected() {
    asked_.clear();
    renew_at_.reset();
}

bool LeaseClock::renewal_due(SteadyTime now) const {
    return renew_at_ && now >= *renew_at_;
}

void LeaseClock::renewal_sent(SteadyTime now) {
    asked_.push_back(now);
    renew_at_ = now + renew_every_;
}

void LeaseClock::renewal_answered() {
    if (asked_.empty()) return;  // an answer to nothing confirms nothing
    confirmed_ = asked_.front();
    asked_.pop_front();
}

bool LeaseClock::unanswered(SteadyTime now) const {
    return elsewhere_ && !asked_.empty() && now - asked_.front() >= answer_within_;
}

bool LeaseClock::expired(SteadyTime now) const {
    return confirmed_ && now - *confirmed_ >= self_kill_after_;
}

void LeaseClock::lost() {
    disconnected();
    confirmed_.reset();
}

std::optional<SteadyTime> LeaseClock::next() const {
    std::optional<SteadyTime> at = renew_at_;
    const auto earlier = [&](SteadyTime other) { at = at ? std::min(*at, other) : other; };
    if (confirmed_) earlier(*confirmed_ + self_kill_after_);
    if (elsewhere_ && !asked_.empty()) earlier(asked_.front() + answer_within_);
    return at;
}

}  // namespace windlass::worker
