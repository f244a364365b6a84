#include "api/jobs_repository.h"

#include "shared/protocol.h"

namespace windlass::api {
namespace {

JobState state_of(std::int64_t stored) {
    return static_cast<JobState>(stored);
}

std::optional<ArrayProgress> progress_of(const Row& row, std::size_t column) {
    if (row.is_null(column)) return std::nullopt;
    return ArrayProgress{.count = row.integer(column),
                         .next_member = row.integer(column + 1),
                         .max_fails = row.integer_or_null(column + 2),
                         .succeeded = row.integer(column + 3),
                         .failed = row.integer(column + 4),
                         .timed_out = row.integer(column + 5),
                         .cancelled = row.integer(column + 6),
                         .lost = row.integer(column + 7)};
}

// A line: id, state, name, started, finished, the ending, the array. A job's row lies in job_state or in job_past; both
// are joined by key, because SQLite would build the whole view job_now. An array is shown as running while a member is.
constexpr std::string_view line_columns =
    "case when a.id is not null and s.state = 1 and exists (select 1 from job_state m where m.id > a.id and m.id <= "
    "a.id + a.count and m.state in (2, 3)) then 3 else coalesce(s.state, p.state) end, j.name, coalesce(s.started_us, "
    "p.started_us), coalesce(s.finished_us, p.finished_us), r.outcome, r.exit_code, r.signal, r.wall_us, a.count, "
    "a.next_member, a.max_fails, a.succeeded, a.failed, a.timed_out, a.cancelled, a.lost";
constexpr std::size_t line_width = 16;

// The line that begins at `column` of the row.
JobLine line_of(JobId id, const Row& row, std::size_t column) {
    JobLine line;
    line.id = id;
    line.state = state_of(row.integer(column));
    line.name = row.text(column + 1);
    line.started = time_or_null(row, column + 2);
    line.finished = time_or_null(row, column + 3);
    line.ending = ending_of(row, column + 4);
    line.array = progress_of(row, column + 8);
    return line;
}

constexpr std::string_view step_order = " and id < :before order by id desc limit :scan";

// What of job_state may be in the range, as a condition. Whether a job has a worker, or an end, lies in the bits that
// say which columns are null: to read a million rows by them takes a third of the time that their states take.
std::string live_candidates(StateRange states, const std::string& owner) {
    const std::string in_range = "state between " + std::to_string(static_cast<int>(states.first)) + " and " +
                                 std::to_string(static_cast<int>(states.last));
    if (is_final(states.first))
        return "select id from job_state where " + owner + "finished_us is not null and " + in_range +
               " and array_id is null";
    if (is_leased(states.first) && is_leased(states.last)) {
        // An array is shown as running while a member has a worker.
        const std::string which = states.contains(JobState::running) ? "(" + in_range + " or array_id is not null)"
                                                                     : in_range + " and array_id is null";
        return "select distinct coalesce(array_id, id) as id from job_state where " + owner +
               "worker is not null and " + which;
    }
    const std::string arrays = states.contains(JobState::running)
                                   ? " or id in (select array_id from job_state where array_id is not null and worker "
                                     "is not null)"
                                   : "";
    return "select id from job_state where " + owner + "(" + in_range + arrays + ") and array_id is null";
}

// One branch for each final state in the range, from its index, and one for what is still in job_state.
std::string candidates_in(StateRange states, const std::string& owner) {
    std::string branches;
    for (const JobState state : all_job_states) {
        if (!is_final(state) || !states.contains(state)) continue;
        branches += "select id from (select id from job_past where " + owner +
                    "state = " + std::to_string(static_cast<int>(state)) + " and array_id is null" +
                    std::string(step_order) + ") b" + std::to_string(static_cast<int>(state)) + " union all ";
    }
    // id + 0: in the order of their ids a million rows take twice the time of their order on disk, and few have ended.
    const std::string order =
        is_final(states.first) ? " and id < :before order by id + 0 desc limit :scan" : std::string(step_order);
    return branches + "select id from (select id from (" + live_candidates(states, owner) + ") l where true" + order +
           ") live";
}

// The ids that a step looks at, newest first.
std::string candidates(const Visible& visible, const JobFilter& filter) {
    const std::string owner = visible.everybodys ? "" : "owner = :owner and ";
    if (!filter.tag.empty())
        return "select job as id from job_tag where tag = :tag and " + owner +
               "job < :before order by job desc limit :scan";
    if (!filter.queue.empty() && filter.queue != default_queue)
        return "select id from job where queue = :queue and queue <> 'default' and " + owner +
               "id < :before order by id desc limit :scan";
    if (!filter.states.all())
        return "select id from (" + candidates_in(filter.states, owner) + ") u order by id desc limit :scan";
    return "select id from job where " + owner + "id < :before order by id desc limit :scan";
}

}  // namespace

std::optional<WallTime> time_or_null(const Row& row, std::size_t column) {
    const auto us = row.integer_or_null(column);
    return us ? std::optional(from_unix_us(*us)) : std::nullopt;
}

std::optional<Ending> ending_of(const Row& row, std::size_t column) {
    if (row.is_null(column)) return std::nullopt;
    return Ending{static_cast<OutcomeKind>(row.integer(column)), static_cast<std::int32_t>(row.integer(column + 1)),
                  static_cast<std::int32_t>(row.integer(column + 2)), Microseconds{row.integer(column + 3)}};
}

JobState state_of_unstarted(JobState array) {
    if (!is_final(array)) return array == JobState::blocked ? JobState::blocked : JobState::queued;
    return array == JobState::timed_out ? JobState::timed_out : JobState::cancelled;
}

Result<std::optional<JobsRepository::Membership>> JobsRepository::membership(Session& session, JobId member) {
    WINDLASS_TRY(const auto rows, session.query("select id, count, next_member from job_array where id < :member order "
                                                "by id desc limit 1",
                                                member.value));
    if (rows.empty() || rows[0].integer(0) + rows[0].integer(1) < member.value) return std::optional<Membership>();
    return std::optional(Membership{JobId{rows[0].integer(0)}, rows[0].integer(1), rows[0].integer(2)});
}

Result<std::optional<JobView>> JobsRepository::one(JobId job) {
    // What a member is, its array says; how it is, its own row.
    static const std::string select =
        "select " + std::string(line_columns) +
        ", j.owner, j.submitted_us, j.running_commands, j.priority, j.timeout_ms, j.max_attempts, j.cpu_millis, "
        "j.memory_bytes, j.disk_bytes, j.processes, j.output_bytes, j.open_files, j.env, coalesce(s.attempt, "
        "p.attempt, 0), coalesce(s.failures, p.failures, 0), coalesce(s.losses, p.losses, 0), "
        "coalesce(s.cancel_requested, p.cancel_requested, 0), j.details, j.queue, j.rerun_of, j.schedule "
        "from job j left join job_state s on s.id = :id left join job_past p on p.id = :id left join job_array a on "
        "a.id = :id left join attempt_result r on r.job = :id and r.attempt = coalesce(s.attempt, p.attempt) where "
        "j.id = :base";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto rows, session->query(select, job.value, job.value));
    JobView view;
    if (rows.empty()) {
        WINDLASS_TRY(const auto member, membership(*session, job));
        if (!member) return std::optional<JobView>();
        view.array = member->array;
        WINDLASS_TRY(rows, session->query(select, job.value, member->array.value));
        if (rows.empty()) return std::optional<JobView>();
    }
    const Row& row = rows.front();
    if (row.is_null(0)) {  // a member that has not been started
        WINDLASS_TRY(const auto array, session->query("select state from job_now where id = :id", view.array.value));
        if (array.empty()) return std::optional<JobView>();
        view.line.id = job;
        view.line.state = state_of_unstarted(state_of(array[0].integer(0)));
        view.line.name = row.text(1);
    } else {
        view.line = line_of(job, row, 0);
    }
    constexpr std::size_t rest = line_width;
    view.owner = UserId{row.integer(rest)};
    view.submitted = from_unix_us(row.integer(rest + 1));
    view.spec.running_commands = row.text(rest + 2);
    view.spec.priority = static_cast<std::int16_t>(row.integer(rest + 3));
    view.spec.timeout = Milliseconds{row.integer(rest + 4)};
    view.spec.max_attempts = static_cast<std::int32_t>(row.integer(rest + 5));
    view.spec.limits.cpu_millis = static_cast<std::int32_t>(row.integer(rest + 6));
    view.spec.limits.memory_bytes = row.integer(rest + 7);
    view.spec.limits.disk_bytes = row.integer(rest + 8);
    view.spec.limits.processes = static_cast<std::int32_t>(row.integer(rest + 9));
    view.spec.limits.output_bytes = row.integer(rest + 10);
    view.spec.limits.open_files = static_cast<std::int32_t>(row.integer(rest + 11));
    view.env_json = row.text(rest + 12);
    view.attempt = static_cast<AttemptNumber>(row.integer(rest + 13));
    view.failures = static_cast<std::int32_t>(row.integer(rest + 14));
    view.losses = static_cast<std::int32_t>(row.integer(rest + 15));
    view.cancel_requested = row.truth(rest + 16);
    WINDLASS_TRY_STATUS(protocol::decode_details(row.text(rest + 17), view.spec));
    view.spec.queue = row.text(rest + 18);
    view.rerun_of = JobId{row.integer_or_null(rest + 19).value_or(0)};
    view.schedule = row.integer_or_null(rest + 20).value_or(0);
    return std::optional(std::move(view));
}

Result<std::optional<JobsRepository::Standing>> JobsRepository::standing(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select n.owner, n.state, n.attempt, w.name from (select owner, state, "
                                "attempt, worker from job_now where id = :id) n left join worker w on "
                                "w.id = n.worker",
                                job.value));
    if (!rows.empty()) {
        const Row& row = rows.front();
        return std::optional(Standing{UserId{row.integer(0)}, state_of(row.integer(1)),
                                      static_cast<AttemptNumber>(row.integer(2)), row.text_or_null(3).value_or("")});
    }
    WINDLASS_TRY(const auto member, membership(*session, job));
    if (!member) return std::optional<Standing>();
    WINDLASS_TRY(const auto array,
                 session->query("select owner, state from job_now where id = :id", member->array.value));
    if (array.empty()) return std::optional<Standing>();
    return std::optional(
        Standing{UserId{array[0].integer(0)}, state_of_unstarted(state_of(array[0].integer(1))), 0, ""});
}

Result<Step<JobLine>> JobsRepository::newest_first(const Visible& visible, const JobFilter& filter, std::int64_t before,
                                                   int scan) {
    // left join keeps SQLite from turning the order of the tables around.
    const std::string sql = "select c.id, " + std::string(line_columns) +
                            ", j.queue, j.owner, o.username, j.submitted_us from (" + candidates(visible, filter) +
                            ") c left join job j on j.id = c.id left join account o on o.id = j.owner left join "
                            "job_state s on s.id = c.id left join job_past "
                            "p on p.id = c.id left join job_array a on a.id = c.id left join attempt_result r on r.job "
                            "= c.id and r.attempt = coalesce(s.attempt, p.attempt) order by c.id desc";
    std::vector<Param> params;
    if (!filter.tag.empty())
        params.emplace_back(filter.tag);
    else if (!filter.queue.empty() && filter.queue != default_queue)
        params.emplace_back(filter.queue);
    if (!visible.everybodys) params.emplace_back(visible.owner.value);
    params.emplace_back(before);
    params.emplace_back(scan);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->run_query(sql, params));
    Step<JobLine> step{
        {}, rows.empty() ? before : rows.back().integer(0), rows.size() < static_cast<std::size_t>(scan)};
    step.matches.reserve(rows.size());
    for (const Row& row : rows) {
        if (row.is_null(1) || row.is_null(2)) continue;  // a tag of a job that was forgotten a moment ago
        if (!filter.states.contains(state_of(row.integer(1)))) continue;
        if (!filter.queue.empty() && row.text(1 + line_width) != filter.queue) continue;
        auto& line = step.matches.emplace_back(line_of(JobId{row.integer(0)}, row, 1));
        constexpr std::size_t rest = 1 + line_width;
        line.queue = row.text(rest);
        line.owner = UserId{row.integer(rest + 1)};
        line.owner_name = row.text_or_null(rest + 2).value_or("");
        line.submitted = from_unix_us(row.integer(rest + 3));
    }
    return step;
}

Result<Step<QueuedPayload>> JobsRepository::queued(const Visible& visible, std::int64_t after, int scan) {
    static const std::string select =
        "select s.id, j.running_commands, j.code_sha256, j.data_sha256 from (select id from job_state where ";
    static const std::string rest =
        "state = 1 and array_id is null and id > :after order by id limit :scan) s left join job j on j.id = s.id "
        "order "
        "by s.id";
    static const std::string everybodys = select + rest;
    static const std::string own = select + "owner = :owner and " + rest;
    WINDLASS_TRY(const auto session, pool_.lease());
    auto rows = visible.everybodys ? session->query(everybodys, after, scan)
                                   : session->query(own, visible.owner.value, after, scan);
    if (!rows) return std::move(rows).error();
    Step<QueuedPayload> step{
        {}, rows->empty() ? after : rows->back().integer(0), rows->size() < static_cast<std::size_t>(scan)};
    step.matches.reserve(rows->size());
    for (const Row& row : *rows)
        step.matches.push_back({row.text(1), row.text_or_null(2).value_or(""), row.text_or_null(3).value_or("")});
    return step;
}

Result<std::vector<JobEvent>> JobsRepository::events(JobId job, std::int64_t after) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query("select e.seq, e.at_us, e.move, e.state, e.attempt, w.name, e.detail from job_event e "
                       "left join worker w on w.id = e.worker where e.job = :job and e.seq > :after order by e.seq",
                       job.value, after));
    std::vector<JobEvent> events;
    events.reserve(rows.size());
    for (const Row& row : rows)
        events.push_back({row.integer(0), from_unix_us(row.integer(1)), static_cast<JobMove>(row.integer(2)),
                          state_of(row.integer(3)), static_cast<AttemptNumber>(row.integer(4)),
                          row.text_or_null(5).value_or(""), row.text(6)});
    return events;
}

}  // namespace windlass::api
