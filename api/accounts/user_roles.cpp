// /api/config/users/{user}: the roles of an account, as the monitoring family knows them.
#include <fmt/format.h>

#include "api/accounts/administration.h"
#include "api/accounts/handlers.h"
#include "api/accounts/render_account.h"
#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/monitoring/any_case_fields.h"
#include "api/role_names.h"

namespace windlass::api {
namespace {

OrProblem<AccountDetails> account_of_path(const Call& call) {
    WINDLASS_TRY(const auto account, call.app.accounts.find_by_name(std::string(call.path[0])));
    if (!account) return not_found("There is no such user.");
    return *account;
}

Reply roles_reply(const AccountDetails& account) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "Username", account.username);
    json.Key("Roles");
    write_roles(json, account.roles);
    json.EndObject();
    return json_response(buffer);
}

// A Username in the body is looked away from: the path says whose roles they are. nullopt: no roles are named.
OrProblem<std::optional<Roles>> parse_roles(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    const auto names = fields.texts("Roles");
    std::optional<Roles> roles;
    if (names) {
        roles = Roles();
        for (const auto& name : *names) {
            if (const auto role = role_named(name))
                roles = *roles | *role;
            else
                fields.bad("Roles", fmt::format("\"{}\" is not one of user, job-control, admin", name.substr(0, 100)));
        }
    }
    if (faults.any()) return std::move(faults).problem();
    return roles;
}

}  // namespace

OrProblem<Reply> show_user_roles(const Call& call) {
    WINDLASS_TRY(const auto account, account_of_path(call));
    return roles_reply(account);
}

OrProblem<Reply> change_user_roles(const Call& call) {
    WINDLASS_TRY(const auto roles, parse_roles(call.request.body));
    WINDLASS_TRY(const auto account, account_of_path(call));
    if (!roles) return roles_reply(account);
    AccountChange change;
    change.roles = roles;
    WINDLASS_TRY(const auto changed, administer(call, account.id, change));
    return roles_reply(changed);
}

}  // namespace windlass::api
