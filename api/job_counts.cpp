// GET /api/jobs/counts/ and GET /api/usage/: how many jobs there are in which state, and who has them.
#include <fmt/format.h>

#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/jobs_repository.h"
#include "api/json_fields.h"

namespace windlass::api {
namespace {

// Of each final state, from its index.
constexpr std::int64_t most_counted = 10'000;
// Of the rows of jobs that have not ended: the newest so many.
constexpr std::int64_t window = 50'000;
constexpr int most_accounts = 500;

}  // namespace

Result<JobCounts> JobsRepository::counts(const Visible& visible) {
    JobCounts counts;
    WINDLASS_TRY(const auto session, pool_.lease());
    // As in lists: an array is running while a member is.
    WINDLASS_TRY(
        const auto live,
        session->query("select shown, own, count(*) from (select case when x.state = 1 and a.id is not null and exists "
                       "(select 1 from job_state m where m.id > a.id and m.id <= a.id + a.count and m.state in (2, 3)) "
                       "then 3 else x.state end as shown, case when x.owner = :owner then 1 else 0 end as own from "
                       "(select id, state, owner from job_state where array_id is null order by id desc limit :window) "
                       "x left join job_array a on a.id = x.id) y group by shown, own",
                       visible.owner.value, window));
    std::int64_t seen = 0;
    for (const Row& row : live) {
        seen += row.integer(2);
        if (visible.everybodys || row.truth(1))
            counts.of_state.at(static_cast<std::size_t>(row.integer(0))).jobs += row.integer(2);
    }
    for (const JobState state : all_job_states) {
        auto& count = counts.of_state.at(static_cast<std::size_t>(state));
        if (!is_final(state)) {
            count.exact = seen < window;
            continue;
        }
        const std::string sql = fmt::format(
            "select count(*) from (select 1 from job_past where {}state = :state and array_id is null "
            "limit :most) b",
            visible.everybodys ? "" : "owner = :owner and ");
        std::vector<Param> params;
        if (!visible.everybodys) params.emplace_back(visible.owner.value);
        params.emplace_back(static_cast<std::int64_t>(state));
        params.emplace_back(most_counted);
        WINDLASS_TRY(const auto past, session->run_query(sql, params));
        count.jobs += past.front().integer(0);
        count.exact = past.front().integer(0) < most_counted;
    }
    return counts;
}

Result<std::vector<ActiveAccount>> JobsRepository::active_accounts(WallTime now, int most) {
    const std::int64_t day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
    WINDLASS_TRY(const auto session, pool_.lease());
    // A member has no spec of its own: what it was given stands with its array.
    WINDLASS_TRY(
        const auto rows,
        session->query(
            "select y.owner, o.username, y.queued, y.running, y.cpus, coalesce(u.cpu_us, 0) from (select x.owner, "
            "sum(case when x.state < 2 then 1 else 0 end) as queued, sum(case when x.state in (2, 3) then 1 else 0 "
            "end) as running, sum(case when x.state in (2, 3) then j.cpu_millis else 0 end) as cpus from (select id, "
            "owner, array_id, state from job_state where state < 4 order by id desc limit :window) x left join job j "
            "on j.id = coalesce(x.array_id, x.id) group by x.owner) y left join account o on o.id = y.owner left "
            "join user_usage u on u.owner = y.owner and u.day = :day order by y.running desc, y.queued desc, y.owner "
            "limit :most",
            window, day, most));
    std::vector<ActiveAccount> accounts;
    accounts.reserve(rows.size());
    for (const Row& row : rows)
        accounts.push_back({UserId{row.integer(0)}, row.text_or_null(1).value_or(""), row.integer(2), row.integer(3),
                            row.integer(4), Microseconds{row.integer(5)}});
    return accounts;
}

Result<std::vector<std::string>> JobsRepository::tags(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select tag from job_tag where job = :job order by tag", job.value));
    std::vector<std::string> tags;
    for (const Row& row : rows) tags.push_back(row.text(0));
    return tags;
}

OrProblem<Reply> count_jobs(const Call& call) {
    WINDLASS_TRY(const auto visible, wanted_of(call));
    WINDLASS_TRY(const auto counts, call.app.jobs.counts(visible));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    for (const JobState state : all_job_states)
        put_number(json, std::string(name(state)), counts.of_state.at(static_cast<std::size_t>(state)).jobs);
    json.Key("at_least");
    json.StartArray();
    for (const JobState state : all_job_states)
        if (!counts.of_state.at(static_cast<std::size_t>(state)).exact) put(json, name(state));
    json.EndArray();
    json.EndObject();
    return Reply(json_response(buffer));
}

OrProblem<Reply> list_usage(const Call& call) {
    WINDLASS_TRY(const auto accounts, call.app.jobs.active_accounts(call.app.clock.now().wall, most_accounts));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& account : accounts) {
        json.StartObject();
        put_text(json, "id", account.id.text());
        put_any_bytes(json, "username", account.username);
        put_number(json, "queued", account.queued);
        put_number(json, "running", account.running);
        put_thousandths(json, "cpus", account.cpu_millis);
        put_number(json, "cpu_s_today", std::chrono::duration_cast<Seconds>(account.cpu_today).count());
        json.EndObject();
    }
    json.EndArray();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
