#include "api/job_list.h"

#include <algorithm>
#include <deque>

#include "api/job_parameters.h"
#include "api/json_list.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr int ids_per_step = 500;
// A page of a list whose filter matches little may be short: after so many steps the client is given the cursor.
constexpr int steps_per_page = 40;

bool matches(const ListQuery& query, const JobLine& job) {
    return query.name_part.empty() || name_key(job.name).find(query.name_part) != std::string::npos;
}

JobFilter narrowed(StateRange states, const ListQuery& query) {
    JobFilter filter = states;
    if (query.status) filter.states = {std::max(states.first, *query.status), std::min(states.last, *query.status)};
    filter.tag = query.tag;
    filter.queue = query.queue;
    return filter;
}

// One element at a time: an element of a result list may be megabytes.
Result<bool> write_front(std::deque<JobLine>& waiting, JsonWriter& json, const WriteLine& write) {
    WINDLASS_TRY_STATUS(write(json, waiting.front()));
    waiting.pop_front();
    return true;
}

OrProblem<Reply> whole_list(const Call& call, const Visible& visible, const ListQuery& query, const JobFilter& filter, WriteLine write) {
    struct Position {
        std::int64_t before;
        bool end = false;
        std::deque<JobLine> waiting;
    };
    auto step = [&jobs = call.app.jobs, visible, query, filter, write = std::move(write),
                 at = Position{query.before, false, {}}](JsonWriter& json) mutable -> Result<bool> {
        if (!at.waiting.empty()) return write_front(at.waiting, json, write);
        if (at.end) return false;
        WINDLASS_TRY(auto found, jobs.newest_first(visible, filter, at.before, ids_per_step));
        at.before = found.cursor;
        at.end = found.end;
        for (auto& job : found.matches)
            if (matches(query, job)) at.waiting.push_back(std::move(job));
        if (!at.waiting.empty()) return write_front(at.waiting, json, write);
        return !at.end;
    };
    return list_reply(call, std::move(step));
}

OrProblem<Reply> one_page(const Call& call, const Visible& visible, const ListQuery& query, const JobFilter& filter, WriteLine write) {
    std::deque<JobLine> page;
    std::int64_t before = query.before;
    const auto limit = static_cast<std::size_t>(*query.limit);
    const bool filtered =
        !query.name_part.empty() || !filter.states.all() || !filter.tag.empty() || !filter.queue.empty();
    const int ids = filtered ? ids_per_step : *query.limit + 1;
    bool end = false;
    for (int steps = 0; !end && page.size() < limit && steps < steps_per_page; ++steps) {
        WINDLASS_TRY(auto found, call.app.jobs.newest_first(visible, filter, before, ids));
        end = found.end;
        before = found.cursor;
        for (auto& job : found.matches) {
            if (!matches(query, job)) continue;
            if (page.size() == limit) {  // there is at least one more
                end = false;
                break;
            }
            page.push_back(std::move(job));
            if (page.size() == limit) before = page.back().id.value;
        }
    }
    std::vector<std::pair<std::string, std::string>> headers;
    if (!end) headers.emplace_back("Link", next_link(call, call.route.path, before));
    auto step = [page = std::move(page), write = std::move(write)](JsonWriter& json) mutable -> Result<bool> {
        if (page.empty()) return false;
        return write_front(page, json, write);
    };
    return list_reply(call, std::move(step), std::move(headers));
}

}  // namespace

OrProblem<Reply> job_list(const Call& call, StateRange states, WriteLine write) {
    WINDLASS_TRY(const auto query, parse_list_query(call));
    const JobFilter filter = narrowed(states, query);
    WINDLASS_TRY(const auto visible, wanted_of(call));
    return query.limit ? one_page(call, visible, query, filter, std::move(write))
                       : whole_list(call, visible, query, filter, std::move(write));
}

}  // namespace windlass::api
