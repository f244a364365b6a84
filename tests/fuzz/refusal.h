// What every refusal of a request keeps to, whichever parser made it.
#pragma once

#include "api/problem.h"
#include "shared/json.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {

inline void require_fit_for_a_client(const api::Problem& problem) {
    require(problem.status >= 400 && problem.status < 500, "a refusal of a body is a 4xx", problem.detail);
    require(!problem.detail.empty(), "a refusal says why");
    const auto response = api::problem_response(problem, "request");
    const auto document = parse_json(response.body);
    require(document.ok() && document->IsObject(), "a problem is JSON", document ? "" : document.error().message);
    for (const auto& error : problem.errors)
        require((error.pointer.empty() || error.pointer.starts_with('/') || error.pointer.starts_with('?')) &&
                    !error.detail.empty(),
                "a fault has its place and its sentence", error.pointer);
}

}  // namespace windlass::fuzz
