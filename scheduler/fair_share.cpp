#include "scheduler/fair_share.h"

#include <algorithm>
#include <cmath>
#include <string>
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

FairShare::FairShare(Milliseconds half_life) : half_life_(std::max<Microseconds>(half_life, Milliseconds{1})) {}

FairShare::Queue& FairShare::queue(QueueIndex index) {
    if (index >= queues_.size()) queues_.resize(index + 1);
    return queues_[index];
}

ShareIndex FairShare::share(QueueIndex queue_index, UserIndex user, double weight) {
    const std::uint64_t key = (std::uint64_t{queue_index} << 32) | user;
    const auto [entry, is_new] = index_.try_emplace(key, static_cast<ShareIndex>(shares_.size()));
    if (is_new) {
        queue(queue_index);
        shares_.push_back({.queue = queue_index, .user = user, .account = {.weight = weight}});
    }
    return entry->second;
}

FairShare::Place FairShare::place_of(ShareIndex share) const {
    const Account& account = shares_[share].account;
    return {account.score(), account.last_served, share};
}

FairShare::Place FairShare::place_of_queue(QueueIndex index) const {
    const Account& account = queues_[index].account;
    return {account.score(), account.last_served, index};
}

void FairShare::reline(QueueIndex index) {
    Queue& q = queues_[index];
    const bool in_line = q.open && !q.line.empty();
    if (in_line == q.in_line) return;
    q.in_line = in_line;
    if (in_line)
        line_.insert(place_of_queue(index));
    else
        line_.erase(place_of_queue(index));
}

template <class Change>
void FairShare::change(ShareIndex index, Change how) {
    Share& s = shares_[index];
    Queue& q = queues_[s.queue];
    // Taken out and put back as they are: no memory changes hands.
    std::set<Place>::node_type mine;
    std::set<Place>::node_type of_queue;
    if (s.in_line) mine = q.line.extract(place_of(index));
    if (q.in_line) of_queue = line_.extract(place_of_queue(s.queue));
    how(s.account);
    how(q.account);
    if (s.in_line) {
        mine.value() = place_of(index);
        q.line.insert(std::move(mine));
    }
    if (q.in_line) {
        of_queue.value() = place_of_queue(s.queue);
        line_.insert(std::move(of_queue));
    }
}

void FairShare::set_in_line(ShareIndex index, bool in_line) {
    Share& s = shares_[index];
    if (s.in_line == in_line) return;
    s.in_line = in_line;
    std::set<Place>& line = queues_[s.queue].line;
    if (in_line)
        line.insert(place_of(index));
    else
        line.erase(place_of(index));
    reline(s.queue);
}

void FairShare::set_weight(QueueIndex index, double weight) {
    Queue& q = queue(index);
    if (q.in_line) line_.erase(place_of_queue(index));
    q.account.weight = weight;
    if (q.in_line) line_.insert(place_of_queue(index));
}

void FairShare::set_open(QueueIndex index, bool open) {
    queue(index).open = open;
    reline(index);
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
    const auto scale = [down](Account& account) {
        account.use = std::ldexp(account.use, down);
        account.committed = std::ldexp(account.committed, down);
    };
    line_.clear();
    for (QueueIndex index = 0; index < queues_.size(); ++index) {
        scale(queues_[index].account);
        queues_[index].line.clear();
        if (queues_[index].in_line) line_.insert(place_of_queue(index));
    }
    for (ShareIndex index = 0; index < shares_.size(); ++index) {
        scale(shares_[index].account);
        if (shares_[index].in_line) queues_[shares_[index].queue].line.insert(place_of(index));
    }
}

FairShare::Commitment FairShare::commit(ShareIndex share, std::int32_t cpu_millis, SteadyTime now) {
    keep_exponent_small(now);
    const double amount = cpu_seconds(cpu_millis, nominal_seconds) * inflation(now);
    ++served_;
    change(share, [&](Account& account) {
        account.committed += amount;
        ++account.leases;
        account.last_served = served_;
    });
    return {amount, scaled_};
}

void FairShare::settle(ShareIndex share, const Commitment& commitment, std::int32_t cpu_millis, Microseconds used,
                       SteadyTime now) {
    keep_exponent_small(now);
    const int down = -static_cast<int>(std::min<std::int64_t>(scaled_ - commitment.scaled_by, 5000));
    const double committed = std::ldexp(commitment.amount, down);
    const double seconds = std::max(0.0, static_cast<double>(used.count()) / 1e6);
    const double use = cpu_seconds(cpu_millis, seconds) * inflation(now);
    change(share, [&](Account& account) {
        WINDLASS_CHECK(account.leases > 0, "more leases of a user ended than were granted");
        --account.leases;
        // Sums of rounded numbers: never let a rest of rounding count as use.
        account.committed = account.leases == 0 ? 0 : std::max(0.0, account.committed - committed);
        account.use += use;
    });
}

std::optional<FairShare::Place> FairShare::first(QueueIndex queue) const {
    const std::set<Place>& line = queues_[queue].line;
    if (line.empty()) return std::nullopt;
    return *line.begin();
}

std::optional<FairShare::Place> FairShare::first_after(QueueIndex queue, const Place& place) const {
    const std::set<Place>& line = queues_[queue].line;
    const auto next = line.upper_bound(place);
    if (next == line.end()) return std::nullopt;
    return *next;
}

double FairShare::score(ShareIndex share, SteadyTime now) const {
    return place_of(share).score / inflation(now);
}

std::size_t FairShare::ahead_of(ShareIndex share, std::size_t limit) const {
    const Place mine = place_of(share);
    std::size_t count = 0;
    for (const Place& other : queues_[shares_[share].queue].line) {
        if (count == limit || other >= mine) break;
        if (other.index != share) ++count;
    }
    return count;
}

bool FairShare::check_invariants(std::string* why) const {
    std::vector<std::size_t> in_line(queues_.size());
    std::vector<std::size_t> leases(queues_.size());
    for (ShareIndex index = 0; index < shares_.size(); ++index) {
        const Share& s = shares_[index];
        in_line[s.queue] += s.in_line ? 1 : 0;
        leases[s.queue] += s.account.leases;
        if (queues_[s.queue].line.contains(place_of(index)) != s.in_line) {
            *why = "a share stands in line exactly when it should, and does not";
            return false;
        }
    }
    std::size_t queues = 0;
    for (QueueIndex index = 0; index < queues_.size(); ++index) {
        const Queue& q = queues_[index];
        queues += q.in_line ? 1 : 0;
        const char* wrong = nullptr;
        if (q.line.size() != in_line[index])
            wrong = "somebody stands in the line of a queue who should not";
        else if (q.account.leases != leases[index])
            wrong = "a queue does not count the leases of its shares";
        else if (q.in_line != (q.open && !q.line.empty()) || line_.contains(place_of_queue(index)) != q.in_line)
            wrong = "a queue is in line exactly when it is open and somebody waits, and is not";
        if (wrong != nullptr) {
            *why = wrong;
            return false;
        }
    }
    if (queues != line_.size()) *why = "a queue stands in line that should not";
    return queues == line_.size();
}

}  // namespace windlass::scheduler
