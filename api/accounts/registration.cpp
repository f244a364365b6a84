// POST /api/register/: somebody makes an account, as account pages of web clients do.
#include <fmt/format.h>

#include <utility>

#include "api/accounts/account_body.h"
#include "api/accounts/handlers.h"
#include "api/accounts/password_rules.h"
#include "api/accounts_repository.h"
#include "api/audit/audited.h"
#include "api/idempotency.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/password_hasher.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::string_view shown_password = "********";  // whatever it is, however long

struct Registration {
    NewAccount account;
    std::string password;
};

// This family knows no usernames: the address is one, unless it has what a username in a path may not have.
std::string username_of(const std::string& email) {
    return fault_of_username(email).empty() ? email : "user-" + random_hex(8);
}

OrProblem<Registration> parse_registration(const Request& request) {
    WINDLASS_TRY(const auto document, read_account_body(request));
    Faults faults;
    AccountFields fields(document, faults);
    const auto first_name = fields.required("first_name");
    const auto last_name = fields.required("last_name");
    const auto email = fields.required("email");
    const auto password = fields.required_as_it_is("password");
    if (email && !fault_of_email(*email).empty()) fields.bad("email", "Enter a valid email address.");
    if (password) {
        if (const auto fault = fault_of_password(*password, {email.value_or("")}); !fault.empty())
            fields.bad("password", fmt::format("This password {}.", fault));
    }
    if (faults.any()) return std::move(faults).problem();
    Registration registration;
    registration.account.person = PersonalName{*first_name, *last_name};
    registration.account.name = joined_name(*registration.account.person);
    registration.account.email = *email;
    registration.account.username = username_of(*email);
    registration.password = *password;
    return registration;
}

Response created(UserId id, const NewAccount& account) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_number(json, "id", id.value);
    put_text(json, "first_name", account.person->first);
    put_text(json, "last_name", account.person->last);
    put_text(json, "email", account.email);
    put_text(json, "password", shown_password);
    json.EndObject();
    return json_response(buffer, 201);
}

Response address_in_use() {
    Response response;
    response.status = 303;
    response.body = "{}";
    response.headers.emplace_back("Location", "/api/user/");
    return response;
}

OrProblem<Reply> store(const Call& call, const NewAccount& account) {
    const WallTime now = call.app.clock.now().wall;
    AccountsRepository::Also also;
    if (call.key)
        also = [&](Session& session, UserId id) {
            return Idempotency::record(session, *call.key, created(id, account), now);
        };
    WINDLASS_TRY(const auto stored, call.app.accounts.create(account, now, also));
    const auto* id = std::get_if<UserId>(&stored);
    if (id == nullptr) return Reply(address_in_use());
    call.note->object = "/api/users/" + id->text() + "/";
    return Reply(created(*id, account));
}

}  // namespace

OrProblem<Reply> register_account(const Call& call) {
    if (!call.app.registration_open) return make_problem(403, "Registration is closed: ask an admin for an account.");
    WINDLASS_TRY(auto registration, parse_registration(call.request));
    Later later;
    later.start = [call, registration = std::move(registration)](const Resumer& resume) {
        const auto queued = call.app.passwords.hash(
            registration.password, [call, resume, account = registration.account](std::string hash) mutable {
                account.password_hash = std::move(hash);
                resume(call.then([call, account] { return store(call, account); }));
            });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
