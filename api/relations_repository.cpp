#include "api/relations_repository.h"

#include <algorithm>
#include <array>

#include "shared/json.h"

namespace windlass::api {
namespace {

constexpr std::size_t ids_per_query = 64;

// A statement with a place for each id: texts are keys of a cache, so there is one text whatever the number.
const std::string& owners_sql() {
    static const std::string sql = [] {
        std::string text = "select id, owner from job where id in (";
        for (std::size_t i = 0; i < ids_per_query; ++i) {
            if (i > 0) text += ", ";
            text += ":i";
            text += std::to_string(i);
        }
        return text + ")";
    }();
    return sql;
}

constexpr std::string_view array_columns =
    "a.id, j.owner, coalesce(s.state, p.state), a.count, a.next_member, a.max_fails, a.succeeded, a.failed, "
    "a.timed_out, a.cancelled, a.lost from job_array a join job j on j.id = a.id "
    "left join job_state s on s.id = a.id left join job_past p on p.id = a.id ";

ArrayView array_of(const Row& row) {
    ArrayView array;
    array.id = JobId{row.integer(0)};
    array.owner = UserId{row.integer(1)};
    array.state = static_cast<JobState>(row.integer(2));
    array.count = row.integer(3);
    array.next_member = row.integer(4);
    array.max_fails = row.integer_or_null(5);
    array.succeeded = row.integer(6);
    array.failed = row.integer(7);
    array.timed_out = row.integer(8);
    array.cancelled = row.integer(9);
    array.lost = row.integer(10);
    return array;
}

// What a worker has is in job_state, never in job_past.
Status count_running(Session& session, ArrayView& array) {
    if (is_final(array.state)) return Status();
    WINDLASS_TRY(const auto rows,
                 session.query("select count(*) from job_state where id > :first and id <= :last and state in (2, 3)",
                               array.id.value, array.id.value + array.count));
    array.running = rows.front().integer(0);
    return Status();
}

// Both tables that a row may lie in, joined each by itself: SQLite would build the whole view job_now first.
std::string members_sql(std::string_view condition, std::string_view limit) {
    const std::string columns =
        "select s.id, s.state, s.started_us, s.finished_us, r.outcome, r.exit_code, r.signal, r.wall_us, s.attempt, "
        "s.failures, s.losses, s.cancel_requested, ";
    const std::string result = "left join attempt_result r on r.job = s.id and r.attempt = s.attempt ";
    std::string sql = columns + "w.name from job_state s " + result + "left join worker w on w.id = s.worker where ";
    sql += condition;
    sql += " union all " + columns + "null from job_past s " + result + "where ";
    sql += condition;
    sql += " order by 1 ";
    return sql += limit;
}

MemberView member_of(const Row& row) {
    MemberView member;
    member.line.id = JobId{row.integer(0)};
    member.line.state = static_cast<JobState>(row.integer(1));
    member.line.started = time_or_null(row, 2);
    member.line.finished = time_or_null(row, 3);
    member.line.ending = ending_of(row, 4);
    member.attempt = static_cast<AttemptNumber>(row.integer(8));
    member.failures = static_cast<std::int32_t>(row.integer(9));
    member.losses = static_cast<std::int32_t>(row.integer(10));
    member.cancel_requested = row.truth(11);
    member.worker = row.text_or_null(12).value_or("");
    member.has_row = true;
    return member;
}

Result<std::optional<ArrayView>> containing(Session& session, JobId member) {
    static const std::string sql =
        "select " + std::string(array_columns) + "where a.id < :member order by a.id desc limit 1";
    WINDLASS_TRY(const auto rows, session.query(sql, member.value));
    if (rows.empty()) return std::optional<ArrayView>();
    ArrayView array = array_of(rows.front());
    if (!array.has(member)) return std::optional<ArrayView>();
    return std::optional(array);
}

}  // namespace

JobState ArrayView::state_without_row(std::int64_t number) const {
    return !is_final(state) && number < next_member ? JobState::cancelled : state_of_unstarted(state);
}

Result<std::map<JobId, UserId>> RelationsRepository::owners(const std::vector<JobId>& jobs) {
    std::map<JobId, UserId> owners;
    WINDLASS_TRY(const auto session, pool_.lease());
    for (std::size_t begin = 0; begin < jobs.size(); begin += ids_per_query) {
        std::vector<Param> ids;
        for (std::size_t i = 0; i < ids_per_query; ++i)
            ids.emplace_back(jobs[std::min(begin + i, jobs.size() - 1)].value);
        WINDLASS_TRY(const auto rows, session->run_query(owners_sql(), ids));
        for (const Row& row : rows) owners.emplace(JobId{row.integer(0)}, UserId{row.integer(1)});
    }
    for (const JobId job : jobs) {
        if (owners.contains(job)) continue;
        WINDLASS_TRY(const auto array, containing(*session, job));
        if (array) owners.emplace(job, array->owner);
    }
    return owners;
}

Result<std::optional<ArrayView>> RelationsRepository::array(JobId job) {
    static const std::string sql = "select " + std::string(array_columns) + "where a.id = :id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, job.value));
    if (rows.empty()) return std::optional<ArrayView>();
    ArrayView array = array_of(rows.front());
    WINDLASS_TRY_STATUS(count_running(*session, array));
    return std::optional(array);
}

Result<std::optional<ArrayView>> RelationsRepository::array_of_member(JobId member) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return containing(*session, member);
}

Result<std::vector<MemberView>> RelationsRepository::members(const ArrayView& array, JobId first, JobId last) {
    static const std::string sql = members_sql("s.id >= :first and s.id <= :last", "");
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, first.value, last.value));
    std::vector<MemberView> members;
    members.reserve(static_cast<std::size_t>(last.value - first.value + 1));
    auto row = rows.begin();
    for (JobId id = first; id <= last; ++id.value) {
        while (row != rows.end() && row->integer(0) < id.value) ++row;  // twice: it moves to job_past at this moment
        if (row != rows.end() && row->integer(0) == id.value) {
            members.push_back(member_of(*row));
            continue;
        }
        auto& member = members.emplace_back();
        member.line.id = id;
        member.line.state = array.state_without_row(array.number_of(id));
    }
    return members;
}

Result<Step<MemberView>> RelationsRepository::members_in(const ArrayView& array, JobState state, JobId after, int most,
                                                         int scan) {
    static const std::string sql = members_sql("s.id > :after and s.id <= :last and s.state = :state", "limit :most");
    const JobId end = array.member(array.count - 1);
    const JobId last{std::min(end.value, after.value + scan)};
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, after.value, last.value, static_cast<std::int64_t>(state), most));
    Step<MemberView> step;
    for (const Row& row : rows) step.matches.push_back(member_of(row));
    const bool full = step.matches.size() == static_cast<std::size_t>(most);
    step.cursor = full ? step.matches.back().line.id.value : last.value;
    step.end = step.cursor >= end.value;
    return step;
}

Result<Relations> RelationsRepository::of(JobId job) {
    Relations relations;
    WINDLASS_TRY(const auto session, pool_.lease());
    const auto read = [&session](JobId id) {
        return session->query("select rerun_of, queue, code_sha256, data_sha256 from job where id = :id", id.value);
    };
    WINDLASS_TRY(auto rows, read(job));
    if (rows.empty()) {
        WINDLASS_TRY(relations.within, containing(*session, job));
        if (!relations.within) return relations;
        WINDLASS_TRY(rows, read(relations.within->id));
        if (rows.empty()) return relations;
    } else {
        static const std::string sql = "select " + std::string(array_columns) + "where a.id = :id";
        WINDLASS_TRY(const auto arrays, session->query(sql, job.value));
        if (!arrays.empty()) {
            relations.array = array_of(arrays.front());
            WINDLASS_TRY_STATUS(count_running(*session, *relations.array));
        }
        relations.rerun_of = JobId{rows.front().integer_or_null(0).value_or(0)};
    }
    const Row& row = rows.front();
    relations.queue = row.text(1);
    relations.code_sha256 = row.text_or_null(2).value_or("");
    relations.data_sha256 = row.text_or_null(3).value_or("");
    WINDLASS_TRY(const auto after,
                 session->query("select after_job, condition from job_dependency where job = :id order by after_job",
                                relations.within ? relations.within->id.value : job.value));
    for (const Row& on : after)
        relations.after.emplace_back(JobId{on.integer(0)}, static_cast<DependencyCondition>(on.integer(1)));
    return relations;
}

Result<Step<ActiveJob>> RelationsRepository::active(const ActiveFilter& filter, std::int64_t before, int most) {
    std::string sql =
        "select s.id, j.name, s.state, a.id from job_state s join job j on j.id = s.id left join job_array a on a.id = "
        "s.id ";
    std::vector<Param> params;
    if (!filter.tag.empty()) {
        sql += "join job_tag t on t.job = s.id and t.tag = :tag ";
        params.emplace_back(filter.tag);
    }
    sql += "where s.array_id is null and s.state < 4 and s.id < :before ";
    params.emplace_back(before);
    if (filter.owner) {
        sql += "and s.owner = :owner ";
        params.emplace_back(filter.owner.value);
    }
    if (!filter.queue.empty()) {
        sql += "and j.queue = :queue ";
        params.emplace_back(filter.queue);
    }
    sql += "order by s.id desc limit :most";
    params.emplace_back(most);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->run_query(sql, params));
    Step<ActiveJob> step;
    for (const Row& row : rows)
        step.matches.push_back(
            {JobId{row.integer(0)}, row.text(1), static_cast<JobState>(row.integer(2)), !row.is_null(3)});
    step.end = step.matches.size() < static_cast<std::size_t>(most);
    step.cursor = step.matches.empty() ? 0 : step.matches.back().id.value;
    return step;
}

Result<std::vector<std::string>> RelationsRepository::params(JobId array, std::int64_t first, std::int64_t last) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select first, params from job_array_params where array_id = :id and first <= :last "
                                "order by first",
                                array.value, last));
    std::vector<std::string> params;
    for (const Row& row : rows) {
        WINDLASS_TRY(const auto document, parse_json(row.text(1)));
        if (!document.IsArray()) return make_error(ErrorKind::internal, "job_array_params.params is a JSON array");
        std::int64_t number = row.integer(0);
        for (const auto& member : document.GetArray()) {
            if (number >= first && number <= last) {
                rapidjson::StringBuffer buffer;
                JsonWriter json(buffer);
                member.Accept(json);
                params.emplace_back(text_of(buffer));
            }
            ++number;
        }
    }
    return params;
}

}  // namespace windlass::api
