// Which roles somebody has who logs in by OpenID Connect: from the values of a claim, or, where nothing of it is
// mapped, those that the site gives to the unseen. Pure.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/principal.h"
#include "shared/result.h"

namespace windlass::api {

class RoleMap {
  public:
    // `mapping`: "value=role", e.g. "staff=user", "cluster-admins=admin"; `defaults`: names of roles. invalid: names
    // the entry and what is wrong with it.
    static Result<RoleMap> parse(const std::vector<std::string>& mapping, const std::vector<std::string>& defaults);

    Roles defaults() const { return defaults_; }
    // nullopt: the site maps no claims, so roles are given by admins here and stay. Else what the provider says now,
    // also when that is less than before.
    std::optional<Roles> roles_for(const std::vector<std::string>& values) const;

  private:
    std::vector<std::pair<std::string, Roles>> mapping_;
    Roles defaults_;
};

}  // namespace windlass::api
