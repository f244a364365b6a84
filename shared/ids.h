// Identities. Distinct types, so that the compiler catches a swapped argument.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace windlass {

template <class Tag>
struct Id {
    std::int64_t value = 0;  // 0 means "none"; every real id is positive and below 2^53 (JSON readers keep it exact)

    constexpr auto operator<=>(const Id&) const = default;
    constexpr explicit operator bool() const { return value != 0; }
    std::string text() const { return std::to_string(value); }
};

using JobId = Id<struct JobTag>;
using UserId = Id<struct UserTag>;
using WorkerId = Id<struct WorkerTag>;
using RequestId = Id<struct RequestTag>;  // pairs a question with its answer on one connection; means nothing elsewhere

// One try to run a job, numbered from 1. 0: never tried.
using AttemptNumber = std::int32_t;

// The fencing token: every write about an attempt carries both, and is refused when they are not the current ones.
struct AttemptRef {
    JobId job;
    AttemptNumber attempt = 0;

    constexpr auto operator<=>(const AttemptRef&) const = default;
    std::string text() const { return job.text() + "." + std::to_string(attempt); }
};

}  // namespace windlass

template <class Tag>
struct std::hash<windlass::Id<Tag>> {
    std::size_t operator()(const windlass::Id<Tag>& id) const noexcept { return std::hash<std::int64_t>{}(id.value); }
};

template <>
struct std::hash<windlass::AttemptRef> {
    std::size_t operator()(const windlass::AttemptRef& ref) const noexcept {
        // Fibonacci hashing of the attempt: spreads the few attempts of one job over the table.
        return std::hash<std::int64_t>{}(ref.job.value) ^
               (static_cast<std::size_t>(ref.attempt) * 0x9E3779B97F4A7C15ULL);
    }
};
