#include "api/auth/open_session.h"

#include "api/auth/credentials.h"
#include "api/auth/jwt.h"
#include "api/auth/sessions_repository.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_label = 200;

// The browser or program, as it calls itself.
std::string label_of(const Request& request) {
    std::string label = to_valid_utf8(request.header("User-Agent").substr(0, longest_label));
    std::erase(label, '\0');
    return label;
}

}  // namespace

OrProblem<OpenedSession> open_session(const Call& call, UserId account) {
    App& app = call.app;
    const WallTime now = app.clock.now().wall;
    const Seconds lifetime{app.settings.session_s};
    const std::string refresh_token = random_token();
    NewSession fresh{
        random_hex(16),        account, token_hash_hex(refresh_token), now + lifetime, call.request.remote_address,
        label_of(call.request)};
    WINDLASS_TRY_STATUS(app.sessions.open(fresh, now));
    WINDLASS_TRY(const auto live, app.sessions.live(fresh.id, now));
    if (!live) return make_problem(401, "This account cannot log in: it is disabled.");
    const auto access = app.credentials.issue(*live);
    const bool secure = request_is_secure(call.request);
    const auto claims = make_readable_claims(live->principal.username, live->principal.roles, live->expires);
    return OpenedSession{access.token,
                         access.lifetime.count(),
                         {access_cookie(access.token, access.lifetime, secure),
                          refresh_cookie(refresh_token, lifetime, secure), claims_cookie(claims, lifetime, secure)}};
}

Status end_session(const Call& call, const Principal& principal) {
    if (principal.session.empty()) return {};
    WINDLASS_TRY(const auto ended, call.app.sessions.end(principal.session, principal.id, call.app.clock.now().wall));
    if (ended) call.app.credentials.forget(principal.id);
    return {};
}

}  // namespace windlass::api
