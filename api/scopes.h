// What an API token is good for, beside the roles of its account: words like "jobs:read". Every route that needs a
// credential names the one scope that opens it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

// Stored as words: may be renumbered, but not renamed.
enum class Scope : std::uint32_t {
    none = 0,  // a route that asks for no credential
    jobs_read = 1 << 0,
    jobs_write = 1 << 1,
    account_read = 1 << 2,
    account_write = 1 << 3,
    monitoring_read = 1 << 4,
    monitoring_write = 1 << 5,
    courses_read = 1 << 6,
    courses_write = 1 << 7,
    images_read = 1 << 8,
    images_write = 1 << 9,
    admin = 1 << 10,  // accounts of others, queues, workers, quotas, tiers, the audit
};

std::string_view name_of(Scope scope);  // "jobs:read"; "" for none

class Scopes {
  public:
    // All that there are, and that there will be: of sessions, and of tokens that were made without a restriction.
    static constexpr Scopes all() { return Scopes(~std::uint32_t{0}); }
    constexpr Scopes() = default;

    constexpr bool allows(Scope scope) const {
        return (mask_ & static_cast<std::uint32_t>(scope)) == static_cast<std::uint32_t>(scope);
    }
    constexpr bool is_all() const { return *this == all(); }
    constexpr void add(Scope scope) { mask_ |= static_cast<std::uint32_t>(scope); }
    constexpr bool contains(Scopes others) const { return (mask_ & others.mask_) == others.mask_; }
    constexpr bool operator==(const Scopes&) const = default;

  private:
    constexpr explicit Scopes(std::uint32_t mask) : mask_(mask) {}
    std::uint32_t mask_ = 0;
};

// As stored: words with a space between, in the order above; "" for all(), "none" for none (which must never become "").
std::string words_of(Scopes scopes);
std::vector<std::string_view> names_of(Scopes scopes);  // in the order above, of all() too
// invalid: names the word that is not a scope, or there is no word at all. "" is all().
Result<Scopes> parse_scopes(std::string_view text);

}  // namespace windlass::api
