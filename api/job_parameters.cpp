#include "api/job_parameters.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "api/auth/whose.h"
#include "api/names.h"
#include "api/submit_fields.h"
#include "api/whole_number.h"
#include "shared/percent_encoding.h"

namespace windlass::api {
namespace {

constexpr int most_per_page = 1000;
constexpr double longest_wait_s = 60;

bool present(const Call& call, std::string_view name) {
    for (const auto& [key, value] : call.request.query)
        if (key == name) return true;
    return false;
}

}  // namespace

OrProblem<ListQuery> parse_list_query(const Call& call) {
    ListQuery query;
    if (present(call, "tag")) {
        query.tag = call.query("tag");
        if (const auto fault = fault_of_tag(query.tag); !fault.empty())
            return bad_field("?tag", fmt::format("tag {}.", fault));
    }
    if (present(call, "queue")) {
        query.queue = call.query("queue");
        if (const auto fault = fault_of_queue_name(query.queue); !fault.empty())
            return bad_field("?queue", fmt::format("queue {}.", fault));
    }
    if (present(call, "limit")) {
        const auto limit = whole_number(call.query("limit"));
        if (!limit || *limit < 1 || *limit > most_per_page)
            return bad_field("?limit", fmt::format("limit must be a whole number from 1 to {}.", most_per_page));
        query.limit = static_cast<int>(*limit);
    }
    if (present(call, "after")) {
        const auto after = whole_number(call.query("after"));
        if (!after || *after < 0)
            return bad_field("?after", "after must be a cursor from a Link header (the id of a job).");
        query.before = *after;
    }
    if (present(call, "status")) {
        query.status = job_state_named(call.query("status"));
        if (!query.status)
            return bad_field("?status",
                             "status must be one of blocked, queued, starting, running, succeeded, failed, timed_out, "
                             "cancelled, lost.");
    }
    const auto part = call.query("q");
    if (!is_valid_utf8(part) || part.find('\0') != std::string_view::npos)
        return bad_field("?q", "q must be text (UTF-8).");
    query.name_part = name_key(part);
    return query;
}

OrProblem<Milliseconds> parse_wait(const Call& call) {
    if (!present(call, "wait")) return Milliseconds{0};
    const std::string text(call.query("wait"));
    double seconds = -1;
    const auto end = text.data() + text.size();
    const auto [read_to, failed] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
    if (failed != std::errc() || read_to != end || !(seconds >= 0 && seconds <= longest_wait_s))
        return bad_field("?wait", "wait must be a number of seconds from 0 to 60.");
    return Milliseconds(std::llround(seconds * 1000));
}

Visible visible_to(const Principal& principal) {
    return {principal.id, principal.is_admin()};
}

OrProblem<Visible> wanted_of(const Call& call) {
    if (call.query("user").empty()) return visible_to(call.principal);
    WINDLASS_TRY(const auto owner, whose(call));
    return Visible{owner, false};
}

OrProblem<JobId> path_job(const Call& call) {
    const auto id = call.path_id();
    if (!id) return no_such_job(call);
    return JobId{*id};
}

Problem no_such_job(const Call& call) {
    return not_found(fmt::format("There is no job {} that you may see.", std::string(call.path[0].substr(0, 40))));
}

std::string next_link(const Call& call, std::string_view path, std::int64_t cursor) {
    std::string link = std::string(path) + "?after=" + std::to_string(cursor);
    for (const auto& [key, value] : call.request.query)
        if (key != "after") link += "&" + percent_encoded(key) + "=" + percent_encoded(value);
    return "<" + link + ">; rel=\"next\"";
}

}  // namespace windlass::api
