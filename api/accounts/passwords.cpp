// How a password is set: by a link that an admin made, or with the old one.
#include <fmt/format.h>

#include <utility>

#include "api/accounts/handlers.h"
#include "api/accounts/password_link.h"
#include "api/accounts/password_links_repository.h"
#include "api/accounts/password_rules.h"
#include "api/accounts_repository.h"
#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/login_throttle.h"
#include "api/password_hasher.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

Problem no_such_link() {
    return not_found("This link is not good: it is unknown, was used, or has expired. Ask an admin for a new one.");
}

std::optional<Problem> refusal_by_throttle(const Call& call, const std::string& key) {
    const auto wait = call.app.throttle.admit(key, call.request.remote_address, call.app.clock.now().steady);
    if (!wait) return std::nullopt;
    Problem problem = make_problem(429, "Too many failed tries. Wait before you try again.");
    problem.retry_after_s = wait->count();
    return problem;
}

void pardon(const Call& call, const std::string& key) {
    call.app.throttle.succeeded(key, call.request.remote_address, call.app.clock.now().steady);
}

// Hashes on the hasher's threads, then goes on with `step`.
Reply with_hash(const Call& call, std::string password, std::function<OrProblem<Reply>(const std::string& hash)> step) {
    Later later;
    later.start = [call, password = std::move(password), step = std::move(step)](const Resumer& resume) {
        const auto queued = call.app.passwords.hash(password, [call, resume, step](std::string hash) {
            resume(call.then([step, hash = std::move(hash)] { return step(hash); }));
        });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return later;
}

struct PasswordChange {
    std::string proof;  // the link, or the old password
    std::string password;
};

OrProblem<PasswordChange> parse_password_change(std::string_view body, std::string_view proof) {
    WINDLASS_TRY(const auto document, parse_object(body));
    PasswordChange change;
    Faults faults;
    FieldReader fields(document, "", faults);
    if (const auto text = fields.required_text(proof)) change.proof = *text;
    if (const auto text = fields.required_text("password")) {
        change.password = *text;
        if (const auto fault = fault_of_password(*text); !fault.empty()) fields.bad("password", std::string(fault));
    }
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

std::optional<Problem> fault_about(const std::string& password, const std::string& username, const std::string& email) {
    const auto fault = fault_of_password(password, {username, email});
    return fault.empty() ? std::nullopt : std::optional(bad_field("/password", std::string(fault)));
}

OrProblem<Reply> conclude_change(const Call& call, const Verdict& verdict, const std::string& key,
                                 const std::string& password) {
    if (!verdict.correct)
        return bad_field("/old_password", "This is not the password of your account, or it has none yet.");
    pardon(call, key);
    return with_hash(call, password, [call](const std::string& hash) -> OrProblem<Reply> {
        WINDLASS_TRY_STATUS(call.app.accounts.change_password(call.principal.id, hash, call.principal.session,
                                                              call.app.clock.now().wall));
        call.app.credentials.forget(call.principal.id);
        return Reply(no_content());
    });
}

}  // namespace

Result<std::optional<NewPasswordLink>> new_password_link(const App& app, UserId account) {
    const WallTime now = app.clock.now().wall;
    NewPasswordLink link{random_token(), now + Seconds{app.settings.password_link_s}};
    WINDLASS_TRY(const bool added, app.password_links.add(account, token_hash_hex(link.secret), now, link.expires));
    return added ? std::optional(std::move(link)) : std::nullopt;
}

void write_password_link(JsonWriter& json, const NewPasswordLink& link) {
    put_text(json, "password_link", link.secret);
    put_text(json, "password_link_expires", time_text(link.expires));
}

OrProblem<Reply> make_password_link(const Call& call) {
    const auto id = call.path_id();
    std::optional<NewPasswordLink> link;
    if (id) {
        WINDLASS_TRY(link, new_password_link(call.app, UserId{*id}));
    }
    if (!link) return not_found("There is no such account, or it is disabled.");
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    write_password_link(json, *link);
    json.EndObject();
    return Reply(json_response(buffer));
}

OrProblem<Reply> use_password_link(const Call& call) {
    WINDLASS_TRY(auto change, parse_password_change(call.request.body, "password_link"));
    const std::string secret_hash = token_hash_hex(change.proof);
    // No name of an account looks like this (authenticate.cpp).
    const std::string key = "#link " + secret_hash;
    if (auto refusal = refusal_by_throttle(call, key)) return *std::move(refusal);
    WINDLASS_TRY(const auto link, call.app.password_links.find(secret_hash, call.app.clock.now().wall));
    if (!link) return no_such_link();
    pardon(call, key);
    call.note->account = link->account;
    call.note->actor = link->username;
    call.note->credential = "password link";
    if (auto fault = fault_about(change.password, link->username, link->email)) return *std::move(fault);
    return with_hash(call, std::move(change.password),
                     [call, secret_hash, account = link->account](const std::string& hash) -> OrProblem<Reply> {
                         WINDLASS_TRY(const bool used,
                                      call.app.password_links.use(secret_hash, hash, call.app.clock.now().wall));
                         if (!used) return no_such_link();
                         call.app.credentials.forget(account);
                         return Reply(no_content());
                     });
}

OrProblem<Reply> change_own_password(const Call& call) {
    WINDLASS_TRY(auto change, parse_password_change(call.request.body, "old_password"));
    WINDLASS_TRY(const auto account, call.app.accounts.find(call.principal.id));
    if (!account) return make_problem(401, "The account of this credential is gone.");
    if (auto fault = fault_about(change.password, account->username, account->email)) return *std::move(fault);
    WINDLASS_TRY(const auto login, call.app.accounts.by_login_name(account->username));
    // The same counter as that of the logins: whoever has a stolen session must not guess here what he may not there.
    const std::string key = "#" + account->id.text();
    if (auto refusal = refusal_by_throttle(call, key)) return *std::move(refusal);
    Later later;
    later.start = [call, key, change = std::move(change),
                   stored = login ? login->password_hash : std::nullopt](const Resumer& resume) {
        const auto queued = call.app.passwords.verify(
            change.proof, stored, [call, resume, key, password = change.password](const Verdict& verdict) {
                resume(call.then(
                    [call, verdict, key, password] { return conclude_change(call, verdict, key, password); }));
            });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
