#include "api/problem.h"

#include "api/json_fields.h"

#include <algorithm>

namespace windlass::api {

Problem make_problem(int status, std::string detail) {
    Problem problem;
    problem.status = status;
    problem.detail = std::move(detail);
    return problem;
}

Problem bad_field(std::string pointer, std::string detail) {
    Problem problem = make_problem(400, detail);
    problem.errors.push_back({std::move(pointer), std::move(detail)});
    return problem;
}

Problem not_found(std::string detail) {
    return make_problem(404, std::move(detail));
}

Problem try_again_later(std::string detail, std::int64_t seconds) {
    Problem problem = make_problem(503, std::move(detail));
    problem.retry_after_s = std::max<std::int64_t>(1, seconds);
    return problem;
}

Problem problem_of(const Error& error) {
    switch (error.kind) {
        case ErrorKind::invalid:
            return make_problem(400, error.message);
        case ErrorKind::not_found:
            return make_problem(404, error.message);
        case ErrorKind::conflict:
            return make_problem(409, error.message);
        case ErrorKind::denied:
            return make_problem(403, error.message);
        case ErrorKind::unavailable: {
            Problem problem = try_again_later("Something this server depends on does not answer now. Try again later.");
            problem.log_only = error.message;
            return problem;
        }
        case ErrorKind::stale:
        case ErrorKind::internal:
            break;
    }
    Problem problem = make_problem(500, "The server failed to do this. Its log says more, under this request_id.");
    problem.log_only = error.message;
    return problem;
}

void write_problem(JsonWriter& json, const Problem& problem, std::string_view request_id) {
    json.StartObject();
    put_text(json, "type", problem.type);
    put_text(json, "title", status_phrase(problem.status));
    put_number(json, "status", problem.status);
    put_any_bytes(json, "detail", problem.detail);
    if (!problem.errors.empty()) {
        json.Key("errors");
        json.StartArray();
        for (const auto& error : problem.errors) {
            json.StartObject();
            put_any_bytes(json, "pointer", error.pointer);
            put_any_bytes(json, "detail", error.detail);
            json.EndObject();
        }
        json.EndArray();
    }
    if (!request_id.empty()) {
        put_text(json, "request_id", request_id);
    }
    json.EndObject();
}

Response problem_response(const Problem& problem, std::string_view request_id) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_problem(json, problem, request_id);
    Response response;
    response.status = problem.status;
    response.content_type = "application/problem+json";
    response.body = std::string(text_of(buffer));
    response.headers = problem.headers;
    if (problem.retry_after_s) response.headers.emplace_back("Retry-After", std::to_string(*problem.retry_after_s));
    if (problem.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
    return response;
}

std::string_view status_phrase(int status) {
    switch (status) {
        case 400:
            return "Bad Request";
        case 401:
            return "Unauthorized";
        case 403:
            return "Forbidden";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        case 408:
            return "Request Timeout";
        case 409:
            return "Conflict";
        case 411:
            return "Length Required";
        case 413:
            return "Content Too Large";
        case 414:
            return "URI Too Long";
        case 415:
            return "Unsupported Media Type";
        case 417:
            return "Expectation Failed";
        case 422:
            return "Unprocessable Content";
        case 429:
            return "Too Many Requests";
        case 431:
            return "Request Header Fields Too Large";
        case 500:
            return "Internal Server Error";
        case 501:
            return "Not Implemented";
        case 503:
            return "Service Unavailable";
        case 505:
            return "HTTP Version Not Supported";
        default:
            return "Error";
    }
}

}  // namespace windlass::api
