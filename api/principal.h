// Who is asking, and what that permits.
#pragma once

#include <cstdint>
#include <string>

#include "shared/ids.h"

namespace windlass::api {

// Bit mask; stored in account.roles: never renumber, only append. No role implies another, except that a route is open
// to its own role *or* admin.
enum class Role : std::int64_t {
    user = 1,
    job_control = 2,
    admin = 4,
};

struct Roles {
    std::int64_t mask = 0;

    constexpr Roles() = default;
    constexpr Roles(Role role) : mask(static_cast<std::int64_t>(role)) {}  // NOLINT: implicit on purpose
    constexpr explicit Roles(std::int64_t stored) : mask(stored) {}

    constexpr bool has(Role role) const { return (mask & static_cast<std::int64_t>(role)) != 0; }
    constexpr bool operator==(const Roles&) const = default;
    friend constexpr Roles operator|(Roles a, Roles b) { return Roles(a.mask | b.mask); }
};

struct Principal {
    UserId id;  // 0: nobody (a route that anyone may call)
    Roles roles;
    std::string tier;  // of the account, as stored

    bool is_admin() const { return roles.has(Role::admin); }
    // May see and change what belongs to `owner`.
    bool may_see(UserId owner) const { return id == owner || is_admin(); }
};

}  // namespace windlass::api
