// Judges real answers by the OpenAPI document. Every request that the contract tests make goes through here.
#pragma once

#include <rapidjson/document.h>

#include <string>

#include "api/front/exchange.h"
#include "api/router.h"

namespace windlass::api::test {

// The operation that a request reaches, in the document; null: no path or no method that is there.
const rapidjson::Value* operation_of(const RouteMatch& match);
RouteMatch match_of(const std::string& method, const std::string& path);

// What is wrong with this answer, as a sentence that names operation and fault; empty: nothing. The status must be
// documented, with this content type, and a JSON body must be as its schema says. If the request succeeded, it must
// have been as documented too. `body`: of the answer, with all pieces of its stream; `whole` is false if they were not
// pulled, and then the body is not looked at.
std::string fault_of_answer(const Request& request, const Response& response, const std::string& body,
                            bool whole = true);

// Why `value` is not what `schema` (of the published document, $refs and all) says; empty: it is.
std::string fault_of_value(const rapidjson::Value& schema, const rapidjson::Value& value);

}  // namespace windlass::api::test
