// GET /api/site/: what a page must know before anybody has signed in.
#include <algorithm>
#include <array>
#include <utility>

#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/routes.h"

namespace windlass::api {
namespace {

// What not every server has, by a path that it has then.
constexpr std::array<std::pair<std::string_view, std::string_view>, 6> features = {{
    {"courses", "/v1/course/{user}/"},
    {"images", "/api/user/images/"},
    {"job metrics", "/api/job/{id}/"},
    {"live log", "/api/admin/livelog/"},
    {"monitoring configuration", "/api/config/"},
    {"search", "/api/search/all/{term}/"},
}};

bool has_route(std::string_view path) {
    return std::any_of(routes().begin(), routes().end(), [&](const Route& route) { return route.path == path; });
}

}  // namespace

OrProblem<Reply> show_site(const Call& call) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "version", WINDLASS_VERSION);
    put_flag(json, "openid_connect", call.app.oidc != nullptr);
    put_flag(json, "registration", call.app.registration_open);
    json.Key("features");
    json.StartArray();
    for (const auto& [feature, path] : features)
        if (has_route(path)) put(json, feature);
    json.EndArray();
    json.EndObject();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
