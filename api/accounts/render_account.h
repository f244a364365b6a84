// Accounts as the families show them.
#pragma once

#include "api/accounts_repository.h"
#include "shared/json.h"

namespace windlass::api {

// Each writes members inside an object that is open.
// id (a number), first_name, last_name, email: what the accounts family documents.
void write_documented_members(JsonWriter& json, const AccountDetails& account);
// username, name, company, tier, roles.
void write_own_members(JsonWriter& json, const AccountDetails& account);
// disabled, password_set, created, last_login.
void write_admin_members(JsonWriter& json, const AccountDetails& account);

// A list of names.
void write_roles(JsonWriter& json, Roles roles);

}  // namespace windlass::api
