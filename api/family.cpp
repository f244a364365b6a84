#include "api/family.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <utility>

namespace windlass::api {
namespace {

// Longest first where one begins another; "/" at the end: all below it.
constexpr auto prefixes = std::to_array<std::pair<std::string_view, Family>>({
    {"/v1/", Family::courses},
    {"/dashboard/", Family::operations},
    {"/api/site", Family::operations},
    {"/api/users", Family::jobs},
    {"/api/user/jwt-login", Family::images},
    {"/api/user/jwt-logout", Family::images},
    {"/api/user/token", Family::images},
    {"/api/user/images", Family::images},
    {"/api/user/thumbnails", Family::images},
    {"/api/user/link/", Family::images},
    {"/api/images", Family::images},
    {"/api/media/", Family::images},
    {"/api/schema", Family::images},
    {"/api/docs", Family::images},
    {"/api/register", Family::accounts},
    {"/api/login/", Family::accounts},
    {"/api/user/password", Family::queue},
    {"/api/user", Family::accounts},
    {"/api/admin/users", Family::accounts},
    {"/auth/oauth/", Family::monitoring},
    {"/api/job_start", Family::monitoring},
    {"/api/job_stop/", Family::monitoring},
    {"/api/job/", Family::monitoring},
    {"/api/metric/", Family::monitoring},
    {"/api/live/", Family::monitoring},
    {"/api/search/", Family::monitoring},
    {"/api/login", Family::monitoring},
    {"/api/logout", Family::monitoring},
    {"/api/generateAPIKey", Family::monitoring},
    {"/api/config", Family::monitoring},
    {"/api/admin/notices", Family::queue},
    {"/api/admin/", Family::monitoring},
    {"/api/notify/", Family::monitoring},
    {"/api/ping", Family::monitoring},
    {"/api/write", Family::monitoring},
});

void add_common(Response& response, const Problem& problem) {
    response.status = problem.status;
    response.headers = problem.headers;
    if (problem.retry_after_s) response.headers.emplace_back("Retry-After", std::to_string(*problem.retry_after_s));
    if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
}

std::string envelope(const Problem& problem) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("error");
    json.Bool(true);
    json.Key("message");
    put(json, to_valid_utf8(problem.detail));
    json.EndObject();
    return std::string(text_of(buffer));
}

std::string field_name(std::string_view pointer) {
    while (!pointer.empty() && (pointer.front() == '/' || pointer.front() == '?')) pointer.remove_prefix(1);
    return pointer.empty() ? "non_field_errors" : std::string(pointer);
}

std::string field_map(const Problem& problem) {
    std::map<std::string, std::vector<std::string>> fields;
    for (const auto& error : problem.errors) fields[to_valid_utf8(field_name(error.pointer))].push_back(error.detail);
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    for (const auto& [field, details] : fields) {
        json.Key(field.c_str(), static_cast<rapidjson::SizeType>(field.size()));
        json.StartArray();
        for (const auto& detail : details) put(json, to_valid_utf8(detail));
        json.EndArray();
    }
    if (fields.empty()) {
        json.Key("detail");
        put(json, to_valid_utf8(problem.detail));
    }
    json.EndObject();
    return std::string(text_of(buffer));
}

}  // namespace

std::string_view name_of(Family family) {
    switch (family) {
        case Family::jobs:
            return "jobs";
        case Family::queue:
            return "queue";
        case Family::operations:
            return "operations";
        case Family::courses:
            return "courses";
        case Family::monitoring:
            return "monitoring";
        case Family::accounts:
            return "accounts";
        case Family::images:
            return "images";
    }
    WINDLASS_CHECK(false, "every family has a name");
    return {};
}

Family family_of_path(std::string_view path) {
    const auto found = std::find_if(prefixes.begin(), prefixes.end(),
                                    [&](const auto& entry) { return path.starts_with(entry.first); });
    if (path == "/api/jobs" || path.starts_with("/api/tags/")) return Family::monitoring;
    return found == prefixes.end() ? Family::jobs : found->second;
}

Response render_problem(Family family, const Problem& problem, std::string_view request_id) {
    Response response;
    switch (family) {
        case Family::jobs:
        case Family::queue:
        case Family::operations:
            return problem_response(problem, request_id);
        case Family::courses:
            response.body = envelope(problem);
            break;
        case Family::monitoring:
            response.content_type = "text/plain; charset=utf-8";
            response.body = to_valid_utf8(problem.detail);
            break;
        case Family::accounts:
        case Family::images:
            response.body = field_map(problem);
            break;
    }
    add_common(response, problem);
    return response;
}

}  // namespace windlass::api
