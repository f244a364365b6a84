#include "api/audit/audited.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "api/app.h"
#include "api/audit/audit_log.h"
#include "api/auth/presented_credential.h"
#include "api/router.h"
#include "shared/json.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_text = 1000;

// Logins, accounts, tokens, and what admins do.
bool is_about_access(const Route& route, const AuditNote& note) {
    return note.always || route.access == Access::anyone || route.scope == Scope::account_write ||
           route.scope == Scope::admin;
}

std::string bounded(std::string_view text) {
    return to_valid_utf8(text.substr(0, longest_text));
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view next_segment(std::string_view& path) {
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

// The path of what was not there, or not looked for: whoever typed it may have put anything into it, a token where its
// number belongs. Numbers stay, of the rest only where it stood: "/api/tokens/{id}/".
std::string named_path(std::string_view typed, std::string_view pattern) {
    std::string out = "/";
    while (!pattern.empty()) {
        const auto known = next_segment(pattern);
        const auto said = next_segment(typed);
        if (known.empty()) break;
        out += known.front() == '{' && is_number(said) ? said : known;
        out += '/';
    }
    return out;
}

// Of such an answer the thing that the path names is there.
bool tells_that_it_exists(int status) {
    return status < 400 || status == 409;
}

std::string object_of(const Request& request, const Route& route, const AuditNote& note, const Response& response) {
    if (!note.object.empty()) return bounded(note.object);
    const auto location = std::find_if(response.headers.begin(), response.headers.end(),
                                       [](const auto& header) { return header.first == "Location"; });
    // Not where a login is sent on to: that address has a query with secrets of its own.
    if (location != response.headers.end() && response.status < 300) return bounded(location->second);
    return tells_that_it_exists(response.status) ? bounded(request.path)
                                                 : bounded(named_path(request.path, route.path));
}

AuditEntry entry_of(const App& app, const Request& request, const Route& route, const AuditNote& note,
                    const Response& response) {
    AuditEntry entry;
    entry.at = app.clock.now().wall;
    entry.account = note.account;
    entry.actor = bounded(note.actor);
    entry.credential = bounded(note.credential);
    entry.address = request.remote_address;
    entry.action = fmt::format("{} {}", request.method, route.path);
    entry.object = object_of(request, route, note, response);
    entry.status = response.status;
    entry.request_id = request.id;
    entry.detail = bounded(note.detail);
    return entry;
}

}  // namespace

void describe(AuditNote& note, const Principal& principal) {
    if (!principal.id) return;
    note.account = principal.id;
    note.actor = principal.username;
    if (!principal.session.empty())
        note.credential = "session " + principal.session;
    else if (principal.token != 0)
        note.credential = fmt::format("token {}", principal.token);
}

bool is_audited(const Route& route, const AuditNote& note) {
    if (note.always) return true;
    return route.audited && changes_something(route.method) && (note.account || route.access == Access::anyone);
}

Reply audited(const App& app, const Request& request, const Route& route, const AuditNote& note, Response response) {
    if (!is_audited(route, note)) return response;
    AuditEntry entry = entry_of(app, request, route, note, response);
    if (!is_about_access(route, note)) {
        app.audit.record(std::move(entry));
        return response;
    }
    Later later;
    later.on_deadline = [response, id = request.id]() -> Reply {
        // It has happened; to say otherwise would be wrong, and the entry still waits to be written.
        log::write(log::Level::error, {log::field::request(id)},
                   "request {}: answered before its entry in the audit was durable", id);
        return response;
    };
    later.start = [&audit = app.audit, entry = std::move(entry),
                   response = std::move(response)](const Resumer& resume) {
        audit.record(entry, [resume, response] { resume([response]() -> Reply { return response; }); });
    };
    return later;
}

}  // namespace windlass::api
