// The logins of the five families: the same check (log_in.h), the same session (open_session.h), five ways to say it.
#include <utility>

#include "api/auth/handlers.h"
#include "api/auth/log_in.h"
#include "api/auth/open_session.h"
#include "api/auth/tokens_repository.h"
#include "api/json_fields.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

using Kind = LoginVerdict::Kind;

// Made by /api/user/token/, which programs may call at every start: so many are kept for each account.
constexpr int most_client_tokens = 50;
constexpr std::string_view client_label = "/api/user/token/";

Reply with_cookies(Response response, const Cookies& cookies) {
    add_cookies(response, cookies);
    return response;
}

Response object_response(int status, const std::function<void(JsonWriter&)>& members) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    members(json);
    json.EndObject();
    return json_response(buffer, status);
}

// A 401 in words of its own needs what every 401 has (RFC 9110 section 15.5.2).
Response challenging(Response response) {
    response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

Problem field_problem(std::string sentence) {
    return bad_field("", std::move(sentence));
}

OrProblem<Reply> jobs_answer(const Call& call, const LoginVerdict& verdict) {
    if (verdict.kind == Kind::unknown && !call.app.settings.strict_login_errors)
        return not_found("There is no account of this name.");
    if (verdict.kind != Kind::good) {
        if (call.app.settings.strict_login_errors)
            return make_problem(401, "There is no such account, or the password is wrong.");
        return make_problem(401, "The password is wrong, or this account has none yet.");
    }
    WINDLASS_TRY(const auto opened, open_session(call, verdict.account.id));
    return with_cookies(object_response(200,
                                        [&](JsonWriter& json) {
                                            put_text(json, "token", opened.access_token);
                                            put_number(json, "expires_in", opened.expires_in_s);
                                        }),
                        opened.cookies);
}

OrProblem<Reply> courses_answer(const Call& call, const LoginVerdict& verdict) {
    if (verdict.kind != Kind::good) return make_problem(401, "Unauthorized User login");
    WINDLASS_TRY(const auto opened, open_session(call, verdict.account.id));
    return with_cookies(object_response(200,
                                        [&](JsonWriter& json) {
                                            put_flag(json, "error", false);
                                            put_text(json, "message", "login successfully");
                                            put_text(json, "token", opened.access_token);
                                        }),
                        opened.cookies);
}

OrProblem<Reply> monitoring_answer(const Call& call, const LoginVerdict& verdict, bool front_end_only) {
    const bool good = verdict.kind == Kind::good;
    if (!good || (front_end_only && verdict.account.roles.has(Role::job_control)))
        return make_problem(
            401, good ? "This account is for programs and not for the web page." : "Wrong username or password.");
    WINDLASS_TRY(const auto opened, open_session(call, verdict.account.id));
    Response empty;
    empty.content_type = "text/plain; charset=utf-8";
    return with_cookies(std::move(empty), opened.cookies);
}

OrProblem<Reply> accounts_answer(const Call& call, const LoginVerdict& verdict) {
    if (verdict.kind != Kind::good) return field_problem("Unable to login with provided credentials.");
    WINDLASS_TRY(const auto opened, open_session(call, verdict.account.id));
    return with_cookies(object_response(200, [&](JsonWriter& json) { put_text(json, "token", opened.access_token); }),
                        opened.cookies);
}

OrProblem<Reply> images_answer(const Call& call, const LoginVerdict& verdict) {
    const auto success = [](bool value) { return [value](JsonWriter& json) { put_flag(json, "success", value); }; };
    if (verdict.kind != Kind::good) return Reply(challenging(object_response(401, success(false))));
    WINDLASS_TRY(const auto opened, open_session(call, verdict.account.id));
    return with_cookies(object_response(200, success(true)), opened.cookies);
}

OrProblem<Reply> images_token_answer(const Call& call, const LoginVerdict& verdict) {
    if (verdict.kind != Kind::good) return field_problem("Unable to authenticate with provided credentials.");
    const std::string token = random_hex(20);
    WINDLASS_TRY(const auto added, call.app.tokens.add({token, verdict.account.id, std::string(client_label)},
                                                       call.app.clock.now().wall, most_client_tokens));
    return Reply(object_response(200, [&](JsonWriter& json) { put_text(json, "token", token); }));
}

}  // namespace

OrProblem<Reply> authenticate(const Call& call) {
    WINDLASS_TRY(auto login, read_login(call.request));
    return log_in(call, std::move(login), jobs_answer);
}

OrProblem<Reply> courses_login(const Call& call) {
    WINDLASS_TRY(auto login, read_login(call.request));
    return log_in(call, std::move(login), courses_answer);
}

OrProblem<Reply> monitoring_login(const Call& call) {
    WINDLASS_TRY(auto login, read_monitoring_login(call.request));
    const bool front_end_only = login.front_end_only;
    return log_in(call, std::move(login), [front_end_only](const Call& later, const LoginVerdict& verdict) {
        return monitoring_answer(later, verdict, front_end_only);
    });
}

OrProblem<Reply> accounts_login(const Call& call) {
    WINDLASS_TRY(auto login, read_accounts_login(call.request));
    return log_in(call, std::move(login), accounts_answer);
}

OrProblem<Reply> images_login(const Call& call) {
    WINDLASS_TRY(auto login, read_images_login(call.request));
    return log_in(call, std::move(login), images_answer);
}

OrProblem<Reply> images_token(const Call& call) {
    WINDLASS_TRY(auto login, read_images_login(call.request));
    return log_in(call, std::move(login), images_token_answer);
}

}  // namespace windlass::api
