// POST /api/users/authenticate/: a password for a session token.
#include <fmt/format.h>

#include <utility>

#include "api/accounts_repository.h"
#include "api/credentials.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/login_throttle.h"
#include "api/names.h"
#include "api/password_hasher.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

struct Login {
    std::string username;
    std::string password;
};

OrProblem<Login> parse_login(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Login login;
    Faults faults;
    FieldReader fields(document, "", faults);
    if (const auto username = fields.required_text("username")) login.username = *username;
    if (const auto password = fields.required_text("password")) login.password = *password;
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return login;
}

// By id when there is an account, so that username and e-mail address share one counter. A name cannot look like an id
// with a '#'.
std::string throttle_key(const Login& login, const std::optional<LoginAccount>& account) {
    return account ? "#" + account->id.text() : name_key(login.username).substr(0, 200);
}

Response session_response(const std::string& token, std::int64_t seconds) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "token", token);
    put_number(json, "expires_in", seconds);
    json.EndObject();
    Response response = json_response(buffer);
    // Not Secure: this server speaks plain HTTP; a proxy that ends TLS in front of it adds the attribute.
    response.headers.emplace_back(
        "Set-Cookie", fmt::format("access_token={}; Path=/; Max-Age={}; HttpOnly; SameSite=Lax", token, seconds));
    return response;
}

OrProblem<Reply> open_session(const Call& call, UserId account) {
    const std::string token = random_token();
    const WallTime now = call.app.clock.now().wall;
    const Seconds lifetime{call.app.settings.session_s};
    WINDLASS_TRY_STATUS(call.app.accounts.add_token({token_hash_hex(token), account, "session", now + lifetime}, now));
    return Reply(session_response(token, lifetime.count()));
}

OrProblem<Reply> conclude(const Call& call, const std::optional<LoginAccount>& account, const Verdict& verdict,
                          const std::string& key) {
    if (!account) return not_found("There is no account of this name.");
    if (!verdict.correct) return make_problem(401, "The password is wrong, or this account has none yet.");
    call.app.throttle.succeeded(key, call.request.remote_address, call.app.clock.now().steady);
    if (verdict.better_hash)
        WINDLASS_TRY_STATUS(call.app.accounts.set_password_hash(account->id, *verdict.better_hash));
    return open_session(call, account->id);
}

}  // namespace

OrProblem<Reply> authenticate(const Call& call) {
    WINDLASS_TRY(auto login, parse_login(call.request.body));
    WINDLASS_TRY(const auto account, call.app.accounts.by_login_name(login.username));
    const std::string key = throttle_key(login, account);
    if (const auto wait = call.app.throttle.admit(key, call.request.remote_address, call.app.clock.now().steady)) {
        Problem problem = make_problem(429, "Too many failed logins. Wait before you try again.");
        problem.retry_after_s = wait->count();
        return problem;
    }
    Later later;
    later.start = [call, account, key, password = std::move(login.password)](const Resumer& resume) {
        const auto queued = call.app.passwords.verify(
            password, account ? account->password_hash : std::nullopt,
            [call, resume, account, key](const Verdict& verdict) {
                resume(call.then([call, account, key, verdict] { return conclude(call, account, verdict, key); }));
            });
        if (!queued) resume(call.then([error = queued.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
