// The page at /api/docs/. Its files are part of the program (page.cmake); without them it is a plain list of
// operations.
#pragma once

#include <string>

#include <rapidjson/document.h>

namespace windlass::api {

// A list of all operations of an OpenAPI document, as a page without scripts.
std::string plain_page(const rapidjson::Value& document);

}  // namespace windlass::api
