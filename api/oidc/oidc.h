// All that a login by OpenID Connect needs, where a site has set up a provider.
#pragma once

#include "api/oidc/oidc_repository.h"
#include "api/oidc/provider.h"
#include "api/oidc/role_map.h"

namespace windlass::api {

struct Oidc {
    Oidc(OidcSettings settings, const Clock& clock, Fetch fetch, SessionPool& pool, RoleMap role_map)
        : provider(std::move(settings), clock, std::move(fetch)), repository(pool), roles(std::move(role_map)) {}

    OidcProvider provider;
    OidcRepository repository;
    RoleMap roles;
};

}  // namespace windlass::api
