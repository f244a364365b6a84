#include "cli/server.h"

#include <fmt/format.h>

#include <utility>

namespace windlass::cli {
namespace {

ErrorKind kind_of_status(int status) {
    switch (status) {
        case 401:
        case 403:
            return ErrorKind::denied;
        case 404:
            return ErrorKind::not_found;
        case 409:
            return ErrorKind::conflict;
        case 429:
        case 502:
        case 503:
        case 504:
            return ErrorKind::unavailable;
        default:
            return status >= 500 ? ErrorKind::internal : ErrorKind::invalid;
    }
}

std::string what_next(int status, bool had_token) {
    if (status == 401 && !had_token) return " (no credential was sent: run `windlass login`, or set WINDLASS_TOKEN)";
    if (status == 401) return " (the credential is wrong or has expired: run `windlass login` again)";
    if (status == 429 || status == 503) return " (try again in a moment)";
    return "";
}

std::string said(const HttpAnswer& answer) {
    const auto document = parse_json(answer.body);
    if (!document || !document->IsObject()) return {};
    std::string text = member_text(*document, "detail");
    if (text.empty()) text = member_text(*document, "title");
    if (text.empty()) text = member_text(*document, "message");  // the family of courses has an envelope of its own
    const auto errors = document->FindMember("errors");
    if (errors == document->MemberEnd() || !errors->value.IsArray()) return text;
    for (const auto& one : errors->value.GetArray()) {
        if (!one.IsObject()) continue;
        const std::string detail = member_text(one, "detail");
        if (!detail.empty() && text.find(detail) == std::string::npos)
            text += fmt::format("; {}: {}", member_text(one, "pointer"), detail);
    }
    return text;
}

}  // namespace

Error error_of_answer(const HttpAnswer& answer, const std::string& what, bool had_token) {
    std::string text = said(answer);
    if (text.empty()) text = fmt::format("the server answered {} to {}", answer.status, what);
    return make_error(kind_of_status(answer.status), text + what_next(answer.status, had_token));
}

std::string next_page(const std::string& link) {
    for (std::size_t at = link.find('<'); at != std::string::npos; at = link.find('<', at + 1)) {
        const std::size_t end = link.find('>', at);
        if (end == std::string::npos) return {};
        const std::string parameters = link.substr(end, link.find(",", end) - end);
        const bool is_next =
            parameters.find("rel=\"next\"") != std::string::npos || parameters.find("rel=next") != std::string::npos;
        const std::string target = link.substr(at + 1, end - at - 1);
        // A credential must not wander: a path of this server, not //another.host/.
        if (is_next) return target.starts_with('/') && !target.starts_with("//") ? target : std::string();
        at = end;
    }
    return {};
}

std::string member_text(const rapidjson::Value& object, const char* key) {
    if (!object.IsObject()) return {};
    const auto member = object.FindMember(key);
    if (member == object.MemberEnd()) return {};
    const auto& value = member->value;
    if (value.IsString()) return std::string(text_of(value));
    if (value.IsInt64()) return std::to_string(value.GetInt64());
    if (value.IsNumber()) return fmt::format("{}", value.GetDouble());
    return {};
}

Result<Server> Server::find(const std::string& url_flag) {
    WINDLASS_TRY(Credentials credentials, find_credentials(url_flag));
    return Server(std::move(credentials));
}

Server::Server(Credentials credentials) : credentials_(std::move(credentials)), http_(credentials_.url) {}

Result<ServerAnswer> Server::get(const std::string& path, Seconds patience) {
    return send({.path = path, .patience = patience});
}

Result<ServerAnswer> Server::get_list(const std::string& path, std::size_t most) {
    WINDLASS_TRY(ServerAnswer all, get(path));
    if (!all.document.IsArray()) return all;
    bool changed = false;
    auto& allocator = all.document.GetAllocator();
    for (std::string next = std::exchange(all.next, {}), last = path; !next.empty() && all.document.Size() < most;) {
        if (next == last) return make_error(ErrorKind::internal, "the server's list leads back to the same page");
        WINDLASS_TRY(ServerAnswer page, get(next));
        if (!page.document.IsArray()) return make_error(ErrorKind::internal, "the server's list is not a list");
        for (const auto& row : page.document.GetArray())
            all.document.PushBack(rapidjson::Value(row, allocator), allocator);
        changed = true;
        last = std::exchange(next, page.next);
    }
    for (; all.document.Size() > most; changed = true) all.document.PopBack();
    if (changed) {
        rapidjson::StringBuffer buffer;
        JsonWriter writer(buffer);
        all.document.Accept(writer);
        all.text = text_of(buffer);
    }
    return all;
}

Result<ServerAnswer> Server::post(const std::string& path, const std::string& json,
                                  const std::string& idempotency_key) {
    return send({.method = "POST", .path = path, .body = json, .idempotency_key = idempotency_key});
}

Result<ServerAnswer> Server::remove(const std::string& path) {
    return send({.method = "DELETE", .path = path});
}

Result<ServerAnswer> Server::request(const std::string& method, const std::string& path, const std::string& json) {
    return send({.method = method, .path = path, .body = json});
}

Result<HttpAnswer> Server::head(const std::string& path) {
    return answer_to({.method = "HEAD", .path = path});
}

Status Server::put_bytes(const std::string& path, const std::string& bytes, const std::string& range) {
    HttpRequest request{.method = "PUT", .path = path, .body = bytes, .content_type = "application/octet-stream"};
    if (!range.empty()) request.headers.emplace_back("Content-Range", range);
    WINDLASS_TRY([[maybe_unused]] const HttpAnswer answer, answer_to(std::move(request)));
    return Status();
}

Result<int> Server::follow(const std::string& path, const std::string& last_id, Seconds patience,
                           const std::function<bool(std::string_view)>& on_bytes) {
    const HttpRequest request{
        .path = path, .bearer = credentials_.token, .last_event_id = last_id, .patience = patience};
    WINDLASS_TRY(const HttpAnswer answer, http_.follow(request, on_bytes));
    if (answer.status < 200 || answer.status > 299)
        return error_of_answer(answer, fmt::format("GET {}", path), has_token());
    return answer.status;
}

Result<HttpAnswer> Server::answer_to(HttpRequest request) {
    request.bearer = credentials_.token;
    WINDLASS_TRY(HttpAnswer answer, http_.send(request));
    if (answer.status < 200 || answer.status > 299)
        return error_of_answer(answer, fmt::format("{} {}", request.method, request.path), has_token());
    return answer;
}

Result<ServerAnswer> Server::send(HttpRequest request) {
    WINDLASS_TRY(HttpAnswer answer, answer_to(std::move(request)));
    ServerAnswer out;
    out.status = answer.status;
    out.next = next_page(answer.header("link"));
    if (auto document = parse_json(answer.body, {.allow_nul = true})) out.document = std::move(document).value();
    out.text = std::move(answer.body);
    return out;
}

}  // namespace windlass::cli
