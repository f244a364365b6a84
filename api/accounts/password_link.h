// A new link with which the owner of an account sets its password.
#pragma once

#include <optional>
#include <string>

#include "api/app.h"
#include "shared/ids.h"
#include "shared/json.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct NewPasswordLink {
    std::string secret;  // told once; only its hash is kept
    WallTime expires{};
};
// Those made before for this account are void. nullopt: there is no such account, or it is disabled.
Result<std::optional<NewPasswordLink>> new_password_link(const App& app, UserId account);

// password_link, password_link_expires. Members inside an open object.
void write_password_link(JsonWriter& json, const NewPasswordLink& link);

}  // namespace windlass::api
