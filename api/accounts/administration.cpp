// /api/users/{id}/: one account, as its owner and as admins see it, and as admins change it; /api/roles/.
#include "api/accounts/administration.h"

#include <fmt/format.h>

#include "api/accounts/handlers.h"
#include "api/accounts/render_account.h"
#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/role_names.h"

namespace windlass::api {
namespace {

Problem no_such_account() {
    return not_found("There is no such account.");
}

Reply account_reply(const AccountDetails& account) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "id", account.id.text());  // a string, as in all of this family
    put_text(json, "first_name", account.first_name);
    put_text(json, "last_name", account.last_name);
    put_text(json, "email", account.email);
    write_own_members(json, account);
    write_admin_members(json, account);
    json.EndObject();
    return json_response(buffer);
}

std::optional<Roles> read_roles(FieldReader& fields) {
    const auto* value = fields.any("roles");
    if (value == nullptr) return std::nullopt;
    if (!value->IsArray()) {
        fields.bad("roles", fmt::format("must be a list of roles, not {}", type_name(*value)));
        return std::nullopt;
    }
    Roles roles;
    for (const auto& entry : value->GetArray()) {
        const auto role = entry.IsString() ? role_named(text_of(entry)) : std::nullopt;
        if (!role) {
            fields.bad("roles", "must be a list of user, job-control, admin");
            return std::nullopt;
        }
        roles = roles | *role;
    }
    return roles;
}

// A person's last name may be empty, as may the company.
std::optional<std::string> read_text(FieldReader& fields, std::string_view key,
                                     std::string_view (*fault_of)(std::string_view), bool may_be_empty) {
    const auto text = fields.text(key);
    if (!text || (may_be_empty && text->empty())) return text ? std::optional<std::string>(*text) : std::nullopt;
    if (const auto fault = fault_of(*text); !fault.empty()) {
        fields.bad(key, std::string(fault));
        return std::nullopt;
    }
    return std::string(*text);
}

OrProblem<AccountChange> parse_change(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    FieldReader fields(document, "", faults);
    AccountChange change;
    change.first_name = read_text(fields, "first_name", fault_of_personal_name, true);
    change.last_name = read_text(fields, "last_name", fault_of_personal_name, true);
    change.name = read_text(fields, "name", fault_of_personal_name, false);
    change.email = read_text(fields, "email", fault_of_email, false);
    change.company = read_text(fields, "company", fault_of_personal_name, true);
    change.roles = read_roles(fields);
    if (const auto tier = fields.text("tier")) change.tier = std::string(*tier);
    if (const auto* value = fields.any("disabled")) {
        if (value->IsBool())
            change.disabled = value->GetBool();
        else
            fields.bad("disabled", fmt::format("must be true or false, not {}", type_name(*value)));
    }
    if (change.name && (change.first_name || change.last_name))
        fields.bad("name", "is made of first_name and last_name: send the one or the others");
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

// For the audit: which fields, and of what gives power also to what.
std::string detail_of(const AccountChange& change) {
    std::string text;
    const auto add = [&](std::string_view word) {
        if (!text.empty()) text += ", ";
        text += word;
    };
    if (change.roles) {
        std::string names;
        for (const auto& entry : named_roles)
            if (change.roles->has(entry.role)) names += " " + std::string(entry.name);
        add("roles:" + names);
    }
    if (change.disabled) add(*change.disabled ? "disabled" : "enabled");
    if (change.tier) add("tier: " + *change.tier);
    if (change.email) add("email");
    if (change.name || change.first_name || change.last_name) add("name");
    if (change.company) add("company");
    return text;
}

Problem problem_of(ChangeRefusal refusal) {
    switch (refusal) {
        case ChangeRefusal::unknown:
            break;
        case ChangeRefusal::email_taken: {
            Problem problem = make_problem(409, "This e-mail address is in use.");
            problem.errors.push_back({"/email", "is in use by another account"});
            return problem;
        }
        case ChangeRefusal::last_admin:
            return make_problem(409, "This is the last admin; make another account an admin first.");
        case ChangeRefusal::no_such_tier:
            return bad_field("/tier", "There is no tier of this name; GET /api/tiers/ lists them.");
    }
    return no_such_account();
}

}  // namespace

bool may_administer(const Principal& principal) {
    return principal.is_admin() && principal.scopes.allows(Scope::admin);
}

OrProblem<AccountDetails> administer(const Call& call, UserId account, const AccountChange& change) {
    WINDLASS_TRY(const auto changed, call.app.accounts.change(account, change, call.app.clock.now().wall));
    if (const auto* refusal = std::get_if<ChangeRefusal>(&changed)) return problem_of(*refusal);
    call.note->object = "/api/users/" + account.text() + "/";
    call.note->detail = detail_of(change);
    // A tier, too, is part of what is remembered of a credential.
    call.app.credentials.forget(account);
    return std::get<Changed>(changed).account;
}

OrProblem<Reply> show_account(const Call& call) {
    const auto id = call.path_id();
    if (!id || (call.principal.id != UserId{*id} && !may_administer(call.principal))) return no_such_account();
    WINDLASS_TRY(const auto account, call.app.accounts.find(UserId{*id}));
    if (!account) return no_such_account();
    return account_reply(*account);
}

OrProblem<Reply> change_account(const Call& call) {
    const auto id = call.path_id();
    if (!id) return no_such_account();
    WINDLASS_TRY(const auto change, parse_change(call.request.body));
    WINDLASS_TRY(const auto account, administer(call, UserId{*id}, change));
    return account_reply(account);
}

OrProblem<Reply> list_roles(const Call&) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& role : named_roles) {
        json.StartObject();
        put_text(json, "name", role.name);
        put_text(json, "meaning", role.meaning);
        json.EndObject();
    }
    json.EndArray();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
