// What the server says about itself.
#include <array>

#include "api/handlers.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

constexpr std::array<std::string_view, 2> schema_parameters = {"format", "lang"};

constexpr Route table[] = {
    {"GET", "/api/schema/", Family::images, Access::anyone, Scope::none, show_schema, "This document, as YAML or JSON",
     schema_parameters},
    {"GET", "/api/docs/", Family::images, Access::anyone, Scope::none, show_docs, "The same as a page for people"},
    {"GET", "/api/docs/{asset}/", Family::images, Access::anyone, Scope::none, docs_asset,
     "Scripts and styles of that page"},
};

}  // namespace

std::span<const Route> openapi_routes() {
    return table;
}

}  // namespace windlass::api
