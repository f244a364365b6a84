// GET /api/search/…: what a term means. Whatever it looks like (a pattern, SQL, a path, markup), it is text.
#include <fmt/format.h>

#include <charconv>

#include "api/monitoring/handlers.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/text_reply.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_term = 255;
constexpr int most_names = 1'000;

OrProblem<std::string> term_of(const Call& call) {
    std::string term(call.path[0]);
    if (!is_valid_utf8(term) || term.find('\0') != std::string::npos)
        return make_problem(400, "The term must be text.");
    if (term.size() > longest_term)
        return make_problem(400, fmt::format("The term is longer than {} bytes.", longest_term));
    return term;
}

}  // namespace

OrProblem<Reply> search_all(const Call& call) {
    WINDLASS_TRY(const auto term, term_of(call));
    if (const auto id = call.path_id()) {
        WINDLASS_TRY(const auto job, call.app.monitoring.jobs.find(*id));
        if (job && MonitoredBy::of(call.principal).may_see(*job)) return text_reply(fmt::format("job:{}", job->id));
    }
    return text_reply("user:" + term);
}

OrProblem<Reply> search_users(const Call& call) {
    WINDLASS_TRY(const auto term, term_of(call));
    WINDLASS_TRY(const auto names, call.app.monitoring.jobs.users_with_jobs(term, most_names));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& name : names) put(json, name);
    json.EndArray();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
