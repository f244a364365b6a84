// /api/users/: create, delete, list.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/accounts/administration.h"
#include "api/accounts/password_link.h"
#include "api/accounts/password_rules.h"
#include "api/accounts_repository.h"
#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/images/thumbnail_keeper.h"
#include "api/json_fields.h"
#include "api/json_list.h"
#include "api/names.h"
#include "api/password_hasher.h"

namespace windlass::api {
namespace {

struct Registration {
    NewAccount account;
    std::optional<std::string> password;
};

OrProblem<Registration> parse_registration(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Registration registration;
    Faults faults;
    FieldReader fields(document, "", faults);
    const auto read = [&](std::string_view key, std::string_view (*fault_of)(std::string_view), std::string& field) {
        const auto text = fields.required_text(key);
        if (!text) return;
        if (const auto fault = fault_of(*text); !fault.empty())
            fields.bad(key, std::string(fault));
        else
            field = *text;
    };
    read("name", fault_of_personal_name, registration.account.name);
    read("username", fault_of_username, registration.account.username);
    read("email", fault_of_email, registration.account.email);
    read("company", fault_of_personal_name, registration.account.company);
    if (const auto password = fields.text("password")) {
        const auto& account = registration.account;
        if (const auto fault = fault_of_password(*password, {account.username, account.email}); !fault.empty())
            fields.bad("password", std::string(fault));
        else
            registration.password = *password;
    }
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return registration;
}

Response id_response(UserId id, int status, const std::optional<NewPasswordLink>& link = {}) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "id", id.text());
    if (link) write_password_link(json, *link);
    json.EndObject();
    return json_response(buffer, status);
}

Response created_response(UserId id, const std::optional<NewPasswordLink>& link = {}) {
    Response response = id_response(id, 201, link);
    response.headers.emplace_back("Location", "/api/users/" + id.text() + "/");
    return response;
}

OrProblem<UserId> store_account(const Call& call, const NewAccount& account) {
    const WallTime now = call.app.clock.now().wall;
    AccountsRepository::Also also;
    if (call.key)
        also = [&](Session& session, UserId id) {
            return Idempotency::record(session, *call.key, created_response(id), now);
        };
    WINDLASS_TRY(const auto stored, call.app.accounts.create(account, now, also));
    if (const auto* taken = std::get_if<Taken>(&stored)) {
        const bool username = *taken == Taken::username;
        Problem problem = make_problem(409, username ? "This username is in use." : "This e-mail address is in use.");
        problem.errors.push_back({username ? "/username" : "/email", "is in use by another account"});
        return problem;
    }
    return std::get<UserId>(stored);
}

// An admin who gives no password gets a link for the owner, once: a replay by Idempotency-Key does not have it, as what
// is kept for replays must not open an account.
OrProblem<Reply> store_without_password(const Call& call, const NewAccount& account, bool by_admin) {
    WINDLASS_TRY(const auto id, store_account(call, account));
    std::optional<NewPasswordLink> link;
    if (by_admin) {
        WINDLASS_TRY(link, new_password_link(call.app, id));
    }
    return Reply(created_response(id, link));
}

// Open registration asks for no credential; otherwise only an admin may.
OrProblem<bool> may_register(const Call& call) {
    if (call.app.registration_open) return true;
    WINDLASS_TRY(const auto principal, call.app.credentials.require(call.request));
    describe(*call.note, principal);
    if (!may_administer(principal)) return make_problem(403, "Accounts are created by the admins of this site.");
    return true;
}

OrProblem<bool> is_by_admin(const Call& call) {
    if (presented_credential(call.request).place == PresentedCredential::Place::none) return false;
    WINDLASS_TRY(const auto principal, call.app.credentials.require(call.request));
    describe(*call.note, principal);
    return may_administer(principal);
}

}  // namespace

OrProblem<Reply> create_user(const Call& call) {
    WINDLASS_TRY(const bool allowed, may_register(call));
    static_cast<void>(allowed);
    WINDLASS_TRY(auto registration, parse_registration(call.request.body));
    if (!registration.password) {
        WINDLASS_TRY(const bool by_admin, is_by_admin(call));
        return store_without_password(call, registration.account, by_admin);
    }

    Later later;
    later.start = [call, registration = std::move(registration)](const Resumer& resume) {
        const auto queued = call.app.passwords.hash(
            *registration.password, [call, resume, account = registration.account](std::string hash) mutable {
                account.password_hash = std::move(hash);
                resume(call.then([call, account]() -> OrProblem<Reply> {
                    WINDLASS_TRY(const auto id, store_account(call, account));
                    return Reply(created_response(id));
                }));
            });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

OrProblem<Reply> delete_user(const Call& call) {
    const auto unknown = [&] { return not_found("There is no such account that you may delete."); };
    const auto id = call.path_id();
    if (!id || (call.principal.id != UserId{*id} && !may_administer(call.principal))) return unknown();
    WINDLASS_TRY(const auto removal, call.app.accounts.remove(UserId{*id}, call.app.clock.now().wall));
    if (removal == Removal::unknown) return unknown();
    if (removal == Removal::last_admin)
        return make_problem(409, "This is the last admin; make another account an admin before deleting it.");
    call.app.credentials.forget(UserId{*id});
    call.app.thumbnails.look_soon();
    return Reply(id_response(UserId{*id}, 200));
}

OrProblem<Reply> list_users(const Call& call) {
    constexpr int per_step = 500;
    return list_reply(call,
                      [&accounts = call.app.accounts, after = UserId{}](JsonWriter& json) mutable -> Result<bool> {
                          WINDLASS_TRY(const auto page, accounts.page(after, per_step));
                          for (const auto& account : page) {
                              json.StartObject();
                              put_text(json, "id", account.id.text());
                              put_text(json, "name", account.name);
                              put_text(json, "username", account.username);
                              put_text(json, "email", account.email);
                              put_text(json, "company", account.company);
                              json.EndObject();
                              after = account.id;
                          }
                          return page.size() == per_step;
                      });
}

}  // namespace windlass::api
