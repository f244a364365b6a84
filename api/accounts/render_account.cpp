#include "api/accounts/render_account.h"

#include "api/json_fields.h"
#include "api/role_names.h"

namespace windlass::api {

void write_documented_members(JsonWriter& json, const AccountDetails& account) {
    put_number(json, "id", account.id.value);
    put_text(json, "first_name", account.first_name);
    put_text(json, "last_name", account.last_name);
    put_text(json, "email", account.email);
}

void write_own_members(JsonWriter& json, const AccountDetails& account) {
    put_text(json, "username", account.username);
    put_text(json, "name", account.name);
    put_text(json, "company", account.company);
    put_text(json, "tier", account.tier);
    json.Key("roles");
    write_roles(json, account.roles);
}

void write_admin_members(JsonWriter& json, const AccountDetails& account) {
    put_flag(json, "disabled", account.disabled);
    put_flag(json, "password_set", account.has_password);
    put_text(json, "created", time_text(account.created));
    put_time_or_null(json, "last_login", account.last_login);
}

void write_roles(JsonWriter& json, Roles roles) {
    json.StartArray();
    for (const auto& entry : named_roles)
        if (roles.has(entry.role)) put(json, entry.name);
    json.EndArray();
}

}  // namespace windlass::api
