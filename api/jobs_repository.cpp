#include "api/jobs_repository.h"

#include "shared/protocol.h"

namespace windlass::api {
namespace {

JobState state_of(std::int64_t stored) {
    return static_cast<JobState>(stored);
}

std::optional<WallTime> time_or_null(const Row& row, std::size_t column) {
    const auto us = row.integer_or_null(column);
    return us ? std::optional(from_unix_us(*us)) : std::nullopt;
}

// Four columns from `column` on: outcome, exit_code, signal, wall_us; all null when no attempt has ended.
std::optional<Ending> ending_of(const Row& row, std::size_t column) {
    if (row.is_null(column)) return std::nullopt;
    return Ending{static_cast<OutcomeKind>(row.integer(column)), static_cast<std::int32_t>(row.integer(column + 1)),
                  static_cast<std::int32_t>(row.integer(column + 2)), Microseconds{row.integer(column + 3)}};
}

struct Window {
    std::int64_t edge = 0;  // the last id in it
    std::int64_t count = 0;
};
Window window_of(const std::vector<Row>& rows) {
    return {rows.front().integer_or_null(0).value_or(0), rows.front().integer(1)};
}

}  // namespace

Result<std::optional<JobView>> JobsRepository::one(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query(
            "select s.state, j.name, s.started_us, s.finished_us, r.outcome, r.exit_code, r.signal, r.wall_us, "
            "j.owner, j.submitted_us, j.running_commands, j.priority, j.timeout_ms, j.max_attempts, "
            "j.cpu_millis, j.memory_bytes, j.disk_bytes, j.processes, j.output_bytes, j.open_files, j.env, "
            "s.attempt, s.failures, s.losses, s.cancel_requested, j.details "
            "from job j join job_state s on s.id = j.id "
            "left join attempt_result r on r.job = s.id and r.attempt = s.attempt where j.id = :id",
            job.value));
    if (rows.empty()) return std::optional<JobView>();
    const Row& row = rows.front();
    JobView view;
    view.line = {
        job, state_of(row.integer(0)), row.text(1), time_or_null(row, 2), time_or_null(row, 3), ending_of(row, 4)};
    view.owner = UserId{row.integer(8)};
    view.submitted = from_unix_us(row.integer(9));
    view.spec.running_commands = row.text(10);
    view.spec.priority = static_cast<std::int16_t>(row.integer(11));
    view.spec.timeout = Milliseconds{row.integer(12)};
    view.spec.max_attempts = static_cast<std::int32_t>(row.integer(13));
    view.spec.limits.cpu_millis = static_cast<std::int32_t>(row.integer(14));
    view.spec.limits.memory_bytes = row.integer(15);
    view.spec.limits.disk_bytes = row.integer(16);
    view.spec.limits.processes = static_cast<std::int32_t>(row.integer(17));
    view.spec.limits.output_bytes = row.integer(18);
    view.spec.limits.open_files = static_cast<std::int32_t>(row.integer(19));
    view.env_json = row.text(20);
    view.attempt = static_cast<AttemptNumber>(row.integer(21));
    view.failures = static_cast<std::int32_t>(row.integer(22));
    view.losses = static_cast<std::int32_t>(row.integer(23));
    view.cancel_requested = row.truth(24);
    WINDLASS_TRY_STATUS(protocol::decode_details(row.text(25), view.spec));
    return std::optional(std::move(view));
}

Result<std::optional<JobsRepository::Standing>> JobsRepository::standing(JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select j.owner, s.state, s.attempt, w.name from job j join job_state s on s.id = j.id "
                                "left join worker w on w.id = s.worker where j.id = :id",
                                job.value));
    if (rows.empty()) return std::optional<Standing>();
    const Row& row = rows.front();
    return std::optional(Standing{UserId{row.integer(0)}, state_of(row.integer(1)),
                                  static_cast<AttemptNumber>(row.integer(2)), row.text_or_null(3).value_or("")});
}

Result<Step<JobLine>> JobsRepository::newest_first(const Visible& visible, StateRange states, std::int64_t before,
                                                   int scan) {
    // Two texts each: "everybody's or this owner's" in one would keep the planner from the index on (owner, id).
    static const std::string select =
        "select j.id, s.state, j.name, s.started_us, s.finished_us, r.outcome, r.exit_code, r.signal, r.wall_us "
        "from job j join job_state s on s.id = j.id left join attempt_result r on r.job = s.id and r.attempt = "
        "s.attempt ";
    static const std::string rest =
        "j.id >= :edge and j.id < :before and s.state between :first and :last order by j.id desc";
    static const std::string everybodys = select + "where " + rest;
    static const std::string own = select + "where j.owner = :owner and " + rest;
    const auto first = static_cast<std::int64_t>(states.first), last = static_cast<std::int64_t>(states.last);

    WINDLASS_TRY(const auto session, pool_.lease());
    auto edge = visible.everybodys
                    ? session->query(
                          "select min(id), count(*) from (select id from job where id < :before "
                          "order by id desc limit :scan) w",
                          before, scan)
                    : session->query(
                          "select min(id), count(*) from (select id from job where owner = :owner and id < :before "
                          "order by id desc limit :scan) w",
                          visible.owner.value, before, scan);
    if (!edge) return std::move(edge).error();
    const Window window = window_of(*edge);
    Step<JobLine> step{{}, window.edge, window.count < scan};
    if (window.count == 0) return step;
    auto rows = visible.everybodys ? session->query(everybodys, window.edge, before, first, last)
                                   : session->query(own, visible.owner.value, window.edge, before, first, last);
    if (!rows) return std::move(rows).error();
    step.matches.reserve(rows->size());
    for (const Row& row : *rows)
        step.matches.push_back({JobId{row.integer(0)}, state_of(row.integer(1)), row.text(2), time_or_null(row, 3),
                                time_or_null(row, 4), ending_of(row, 5)});
    return step;
}

Result<Step<QueuedPayload>> JobsRepository::queued(const Visible& visible, std::int64_t after, int scan) {
    static const std::string select =
        "select j.running_commands, j.code_sha256, j.data_sha256 from job j join job_state s on s.id = j.id ";
    static const std::string rest = "j.id > :after and j.id <= :edge and s.state = :queued order by j.id";
    static const std::string everybodys = select + "where " + rest;
    static const std::string own = select + "where j.owner = :owner and " + rest;
    const auto waiting = static_cast<std::int64_t>(JobState::queued);

    WINDLASS_TRY(const auto session, pool_.lease());
    auto edge =
        visible.everybodys
            ? session->query(
                  "select max(id), count(*) from (select id from job where id > :after order by id limit :scan) w",
                  after, scan)
            : session->query(
                  "select max(id), count(*) from (select id from job where owner = :owner and id > :after "
                  "order by id limit :scan) w",
                  visible.owner.value, after, scan);
    if (!edge) return std::move(edge).error();
    const Window window = window_of(*edge);
    Step<QueuedPayload> step{{}, window.edge, window.count < scan};
    if (window.count == 0) return step;
    auto rows = visible.everybodys ? session->query(everybodys, after, window.edge, waiting)
                                   : session->query(own, visible.owner.value, after, window.edge, waiting);
    if (!rows) return std::move(rows).error();
    step.matches.reserve(rows->size());
    for (const Row& row : *rows)
        step.matches.push_back({row.text(0), row.text_or_null(1).value_or(""), row.text_or_null(2).value_or("")});
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

Result<std::optional<std::string>> JobsRepository::blob(const std::string& sha256) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select bytes from blob where sha256 = :sha256", sha256));
    if (rows.empty()) return std::optional<std::string>();
    return std::optional(rows.front().bytes(0));
}

}  // namespace windlass::api
