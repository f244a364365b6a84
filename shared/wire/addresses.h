// Where the scheduler that leads may be found: a few addresses, tried in turn. Those who stand by do not listen, so
// whoever says Welcome leads, or did so before it was frozen: take() tells the two apart.
//
// Pure: belongs to the one who dials.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/wire/connection.h"

namespace windlass::wire {

class Addresses {
  public:
    Addresses() = default;
    // At least one.
    explicit Addresses(std::vector<Endpoint> list) : list_(std::move(list)) {}

    const Endpoint& current() const { return list_[current_]; }
    bool alone() const { return list_.size() < 2; }

    // The connection failed, or there was none: goes on to the next one. True when all have failed since the last
    // Welcome, or since they last had: time for a pause.
    bool next();
    // This one said Welcome. False: it leads no longer, as another one with a later epoch said Welcome before. With one
    // address every epoch is good.
    bool take(std::int64_t epoch);

  private:
    std::vector<Endpoint> list_;
    std::size_t current_ = 0;
    std::size_t failed_ = 0;
    std::int64_t latest_ = 0;
};

// scheduler.dial; if it is empty, scheduler.listen.
Result<std::vector<Endpoint>> parse_addresses(const std::vector<std::string>& dial, const std::string& listen);

}  // namespace windlass::wire
