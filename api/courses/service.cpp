// /v1/service/{id}/…: the way to the service of a deployment, for the one who launched it and nobody else (an admin can
// end a deployment, and does not look into it).
#include <fmt/format.h>

#include "api/courses/courses_repository.h"
#include "api/courses/handlers.h"
#include "api/courses/service_forwarding.h"
#include "api/courses/service_headers.h"
#include "api/courses/service_websocket.h"
#include "api/front/header_text.h"
#include "api/front/origin.h"
#include "shared/service_ticket.h"

namespace windlass::api {
namespace {

// For the head of an answer; a body may take as long as it likes.
constexpr Milliseconds patience{60'000};

struct Goal {
    JobId job;
    AttemptRef attempt;
    wire::Endpoint endpoint;
};

OrProblem<Goal> goal_of(const Call& call) {
    const auto id = call.path_id();
    const auto none = [&] { return not_found("There is no running deployment of yours with this number."); };
    if (!id) return none();
    WINDLASS_TRY(const auto place, call.app.courses.service(JobId{*id}));
    if (!place || place->owner != call.principal.id || is_final(place->state)) return none();
    if (place->address.empty()) {
        Problem early = make_problem(503, "This deployment is not ready yet; GET /v1/job/{user} says when it is.");
        early.retry_after_s = 1;
        return early;
    }
    WINDLASS_TRY(auto endpoint, wire::parse_endpoint(place->address));
    return Goal{JobId{*id}, {JobId{*id}, place->attempt}, std::move(endpoint)};
}

}  // namespace

OrProblem<Reply> forward_to_service(const Call& call) {
    WINDLASS_TRY(const auto goal, goal_of(call));
    const Request& request = call.request;
    const std::string inner = inner_target(request.target, goal.job);
    if (inner.empty()) return make_problem(400, "The path must begin exactly with " + service_prefix(goal.job) + "/.");
    // A worker script of a browser would live on when its page is long gone.
    if (equal_without_case(request.header("Service-Worker"), "script"))
        return make_problem(403, "Pages of services may not install service workers here.");
    const bool websocket = equal_without_case(request.header("Upgrade"), "websocket");
    if (websocket && !origin_allowed(request, call.app.settings.allowed_origins))
        return make_problem(403, "A page of this origin may not open a WebSocket here.");
    std::string first = service_greeting(call.app.site_secret, goal.attempt);
    first += request_head(request, goal.job, inner, call.principal.username,
                          websocket ? new_websocket_key() : std::string());
    first += request.body;
    const auto forwarding =
        std::make_shared<ServiceForwarding>(ServiceForwarding::Request{goal.job, request.method == "HEAD", websocket},
                                            call.app.services.open(goal.endpoint, std::move(first)));
    const auto on_step = [call](std::function<OrProblem<Reply>()> step) { return call.then(std::move(step)); };
    return Reply(forwarding->wait(on_step, patience));
}

}  // namespace windlass::api
