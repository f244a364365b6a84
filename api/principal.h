// Who is asking, and what that permits.
#pragma once

#include <cstdint>
#include <string>

#include "api/scopes.h"
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

// What an API token may, whose roles are bounded: an admin may lend any role, others only what they have.
constexpr Roles roles_of_token(Roles account, Roles most) {
    return account.has(Role::admin) ? most : Roles(account.mask & most.mask);
}

struct Principal {
    UserId id;  // 0: nobody (a route that anyone may call)
    Roles roles;
    std::string tier;  // of the account, as stored
    std::string username;
    Scopes scopes = Scopes::all();
    // How it came in: by a session (then its id), or by an API token (then its number). Both empty: nobody.
    std::string session;
    std::int64_t token = 0;

    bool is_admin() const { return roles.has(Role::admin); }
    // May see and change what belongs to `owner`.
    bool may_see(UserId owner) const { return id == owner || is_admin(); }
};

}  // namespace windlass::api
