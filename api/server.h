// From a request to its reply: route, credential, role, parameters, handler; and what every answer has in common.
#pragma once

#include <memory>
#include <span>

#include "api/app.h"
#include "api/call.h"
#include "api/front/exchange.h"
#include "api/router.h"

namespace windlass::api {

struct Visit;

class Server {
  public:
    // invalid: the table of routes has a fault; it says which.
    static Result<std::unique_ptr<Server>> make(App& app, std::span<const Route> routes);

    // On any of the front's threads.
    Reply handle(const Request& request) const;
    // For what the front itself has to refuse.
    static Response render_error(int status, std::string_view detail, std::string_view path,
                                 std::string_view request_id);

  private:
    Server(App& app, Router router) : app_(app), router_(std::move(router)) {}

    OrProblem<Reply> dispatch(const std::shared_ptr<Visit>& visit) const;
    OrProblem<Principal> principal_of(Visit& visit) const;
    std::optional<Problem> refusal_by_rate(Visit& visit, UserId account) const;
    OrProblem<std::optional<Response>> take_idempotency_key(Call& call, std::shared_ptr<void>& claim) const;

    App& app_;
    Router router_;
};

}  // namespace windlass::api
