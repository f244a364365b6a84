// The logouts: the session ends in the table, so every token of it is void, and the browser drops its cookies. An API
// token is not a session and stays good.
#include "api/audit/audited.h"
#include "api/auth/credentials.h"
#include "api/auth/handlers.h"
#include "api/auth/open_session.h"

namespace windlass::api {
namespace {

Reply cleared(const Call& call, Response response) {
    add_cookies(response, cleared_cookies(request_is_secure(call.request)));
    return response;
}

// By GET and without a credential that the route asks for, and all the same in the audit.
Status end_recorded(const Call& call, const Principal& principal) {
    describe(*call.note, principal);
    call.note->always = true;
    return end_session(call, principal);
}

}  // namespace

// With or without a session, and by GET, as documented: a link on a foreign page must not log anybody out.
OrProblem<Reply> courses_logout(const Call& call) {
    if (!is_from_foreign_page(call.request, call.app.settings.allowed_origins)) {
        if (auto principal = call.app.credentials.require(call.request))
            WINDLASS_TRY_STATUS(end_recorded(call, *principal));
        else if (principal.error().status >= 500)
            return principal.error();
    }
    Response response;
    response.body = R"({"error":false,"message":"Logout successfully"})";
    return cleared(call, std::move(response));
}

OrProblem<Reply> monitoring_logout(const Call& call) {
    WINDLASS_TRY_STATUS(end_session(call, call.principal));
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    return cleared(call, std::move(response));
}

OrProblem<Reply> images_logout(const Call& call) {
    WINDLASS_TRY_STATUS(end_session(call, call.principal));
    return cleared(call, no_content());
}

}  // namespace windlass::api
