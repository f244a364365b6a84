// /auth/oauth/login and /auth/oauth/callback: in by OpenID Connect. Authorization code with PKCE; the state is good
// once and for ten minutes, and must be the one that this browser was sent away with.
#include <fmt/format.h>

#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/auth/open_session.h"
#include "api/oidc/handlers.h"
#include "api/oidc/oidc.h"

namespace windlass::api {
namespace {

constexpr Milliseconds patience{25'000};

std::string state_cookie(std::string_view state, std::int64_t seconds, bool secure) {
    return fmt::format("oauth_session={}; Path=/auth/oauth/; Max-Age={}; HttpOnly; SameSite=Lax{}", state, seconds,
                       secure ? "; Secure" : "");
}

Response redirect(std::string location) {
    Response response;
    response.status = 307;
    response.content_type = "text/plain; charset=utf-8";
    response.headers.emplace_back("Location", std::move(location));
    return response;
}

// Our own pages only, so that a link to us cannot send people elsewhere.
std::string local_path(std::string_view wanted) {
    const bool local = wanted.size() > 1 && wanted.size() < 500 && wanted[0] == '/' && wanted[1] != '/' &&
                       wanted.find('\\') == std::string_view::npos;
    for (const char c : wanted)
        if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F) return "/";
    return local ? std::string(wanted) : "/";
}

std::string redirect_uri(const Call& call) {
    if (!call.app.settings.oidc_redirect_url.empty()) return call.app.settings.oidc_redirect_url;
    return fmt::format("{}://{}/auth/oauth/callback", call.request.scheme, call.request.host);
}

Problem not_available() {
    return make_problem(400, "OAuth login not available");
}

// What the provider did wrong, for the log; and one sentence for the person.
Problem provider_failed(const Error& error) {
    if (error.kind == ErrorKind::denied || error.kind == ErrorKind::invalid) return make_problem(400, error.message);
    Problem problem = try_again_later("The provider of the login does not answer now. Try again later.", 5);
    problem.log_only = error.message;
    return problem;
}

OrProblem<UserId> account_for(const Call& call, const IdClaims& claims) {
    Oidc& oidc = *call.app.oidc;
    const auto roles = oidc.roles.roles_for(claims.roles);
    WINDLASS_TRY(const auto found, oidc.repository.account_of(claims));
    if (!found) {
        WINDLASS_TRY(const auto made, oidc.repository.create_account(claims, roles.value_or(oidc.roles.defaults()),
                                                                     call.app.clock.now().wall));
        return made;
    }
    if (found->disabled) return make_problem(400, "This account is disabled.");
    if (roles) {
        WINDLASS_TRY_STATUS(oidc.repository.set_roles(found->account, *roles));
        call.app.credentials.forget(found->account);
    }
    return found->account;
}

OrProblem<Reply> conclude(const Call& call, const Result<IdClaims>& claims, const std::string& return_to) {
    if (!claims) return provider_failed(claims.error());
    WINDLASS_TRY(const auto account, account_for(call, *claims));
    call.note->account = account;
    WINDLASS_TRY(const auto session, open_session(call, account));
    Response response = redirect(return_to);
    add_cookies(response, session.cookies);
    response.headers.emplace_back("Set-Cookie", state_cookie("", 0, request_is_secure(call.request)));
    return Reply(std::move(response));
}

}  // namespace

OrProblem<Reply> oauth_login(const Call& call) {
    if (!call.app.oidc) return not_available();
    const OidcAttempt attempt = new_attempt(redirect_uri(call));
    const std::string return_to = local_path(call.query("return_to"));
    WINDLASS_TRY_STATUS(call.app.oidc->repository.begin(attempt, return_to, call.app.clock.now().wall));
    Later later;
    later.deadline = patience;
    later.start = [call, attempt](const Resumer& resume) {
        const auto asked = call.app.oidc->provider.authorization_url(attempt, [call, resume, state = attempt.state](
                                                                                  Result<std::string> url) {
            resume(call.then([call, url = std::move(url), state]() -> OrProblem<Reply> {
                if (!url) return provider_failed(url.error());
                Response response = redirect(*url);
                response.headers.emplace_back("Set-Cookie", state_cookie(state, 600, request_is_secure(call.request)));
                return Reply(std::move(response));
            }));
        });
        if (!asked) resume(call.then([error = asked.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

OrProblem<Reply> oauth_callback(const Call& call) {
    if (!call.app.oidc) return not_available();
    call.note->always = true;
    const std::string state(call.query("state"));
    const std::string code(call.query("code"));
    const auto cookie = call.request.cookie("oauth_session");
    if (state.empty() || cookie != state)
        return make_problem(400, "The state does not belong to a login that this browser began; log in again.");
    WINDLASS_TRY(const auto begun, call.app.oidc->repository.take(state, call.app.clock.now().wall));
    if (!begun) return make_problem(400, "This login was used before, or is older than ten minutes; log in again.");
    // RFC 9207: another provider may have sent this answer.
    if (const auto issuer = call.query("iss"); !issuer.empty() && issuer != call.app.settings.oidc_issuer)
        return make_problem(400, "Another provider answered than the one that was asked.");
    if (!call.query("error").empty()) return make_problem(400, "The provider refused the login.");
    if (code.empty()) return make_problem(400, "The provider sent no code; log in again.");
    OidcAttempt attempt = begun->attempt;
    attempt.redirect_uri = redirect_uri(call);
    Later later;
    later.deadline = patience;
    later.start = [call, attempt, code, return_to = begun->return_to](const Resumer& resume) {
        const auto asked =
            call.app.oidc->provider.redeem(attempt, code, [call, resume, return_to](Result<IdClaims> claims) {
                resume(call.then(
                    [call, claims = std::move(claims), return_to] { return conclude(call, claims, return_to); }));
            });
        if (!asked) resume(call.then([error = asked.error()]() -> OrProblem<Reply> { return problem_of(error); }));
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
