// One request on its way through a handler. A handler has three movements: parse the request into a domain value, call
// one function, render the answer. What goes wrong in any of them is returned as a Problem.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/app.h"
#include "api/front/exchange.h"
#include "api/principal.h"
#include "api/problem.h"
#include "api/router.h"
#include "shared/json.h"

namespace windlass::api {

struct AuditNote;
struct IdempotencyKey;

// Cheap to copy. The request lives until its answer is complete; a callback on another thread must not touch it, only
// what is handed to a Resumer may.
struct Call {
    App& app;
    const Request& request;
    const Route& route;
    const Router& router;  // that found it
    Principal principal;
    PathParameters path;
    std::shared_ptr<const IdempotencyKey> key = nullptr;  // null: the request has none, or its route creates nothing
    std::shared_ptr<AuditNote> note = nullptr;            // what a handler adds to the audit; never null in a handler
    bool replay = false;  // the scheduler has carried out this submit before, and will answer as it did then

    // Empty view if absent: parameters are unique and known by the time a handler runs.
    std::string_view query(std::string_view name) const;
    // The {id} of the path; nullopt: no number that could be an id.
    std::optional<std::int64_t> path_id(std::size_t index = 0) const;
    // A step after waiting, with its problem rendered.
    Next then(std::function<OrProblem<Reply>()> step) const;
};

Response json_response(const rapidjson::StringBuffer& buffer, int status = 200);
Response no_content();  // 204

}  // namespace windlass::api
