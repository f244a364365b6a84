// The OpenAPI 3.1 document of the whole server: made from the routes table, which knows what there is, and from the
// texts in families/, which know what goes in and out. What only one of them knows is a fault.
//
// A text (families/<family>.json) is written in the words of OpenAPI, shortened:
//   description   of the family
//   parameters    name -> {schema, description, example}: of paths and queries, for all operations of the family
//   operations    "METHOD /path/" as in the routes table -> {
//       id            the operationId
//       description   what the summary of the route does not say
//       parameters    those that differ from the family's
//       headers       of the request: name -> {schema, description}
//       request       {schema, example, type ("application/json", or a list), also: type -> {schema, example},
//                     optional (false), description}
//       answers       status -> {description, schema, example, type, also, headers: name -> description}, or only
//                     a sentence:
//                     an answer without a body below 400, the family's error above
//   }
//   schemas       by their names, which are unique in the server
// A schema is an object, or a name, or "Name[]"; {"$ref": "Name"} inside. Schemas keep to the words that draft 4 and
// 2020-12 have in common, so that rapidjson/schema.h can judge the answers by them.
// What follows from family, access and method (401, 405, 503, ...) is added to every operation: common.json.
#pragma once

#include <rapidjson/document.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/router.h"
#include "shared/embedded.h"

namespace windlass::api {

struct Description {
    rapidjson::Document document;
    std::vector<std::string> faults;  // sentences; the document lacks what they are about
};

// `texts`: common.json and <family>.json of each family.
Description describe(std::span<const Route> routes, std::span<const embedded::File> texts);

// Of routes() and the texts that are part of the program; made at the first call. Thread-safe.
const Description& published_description();

}  // namespace windlass::api
