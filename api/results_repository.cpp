#include "api/results_repository.h"

#include <algorithm>
#include <string_view>

#include "shared/json.h"

namespace windlass::api {
namespace {

// Of attempt_result r, left join worker w. The order is known to result_of() below.
constexpr std::string_view result_columns =
    "r.attempt, w.name, r.ended_us, r.outcome, r.exit_code, r.signal, r.detail, r.wall_us, r.cpu_user_us, "
    "r.cpu_system_us, "
    "r.peak_memory_bytes, r.peak_is_largest_process, r.read_bytes, r.written_bytes, r.stdout_bytes, r.stderr_bytes, "
    "r.stdout_truncated, r.stderr_truncated, r.files, r.files_truncated, r.value, r.peak_processes";
constexpr std::size_t result_width = 22;

std::vector<ResultFile> files_of(const std::string& text) {
    std::vector<ResultFile> files;
    const auto document = parse_json(text);
    if (!document || !document->IsArray()) return files;
    for (const auto& item : document->GetArray()) {
        if (!item.IsObject()) continue;
        ResultFile file;
        for (const auto& member : item.GetObject()) {
            const auto key = text_of(member.name);
            if (key == "path" && member.value.IsString())
                file.path = text_of(member.value);
            else if (key == "size" && member.value.IsInt64())
                file.size_bytes = member.value.GetInt64();
            else if (key == "sha256" && member.value.IsString())
                file.sha256 = text_of(member.value);
            else if (key == "stored" && member.value.IsBool())
                file.stored = member.value.GetBool();
        }
        files.push_back(std::move(file));
    }
    return files;
}

StoredResult result_of(const Row& row, std::size_t c) {
    StoredResult stored;
    stored.attempt = static_cast<AttemptNumber>(row.integer(c));
    stored.worker = row.text_or_null(c + 1).value_or("");
    stored.ended = from_unix_us(row.integer(c + 2));
    AttemptResult& result = stored.result;
    result.outcome = {static_cast<OutcomeKind>(row.integer(c + 3)), static_cast<std::int32_t>(row.integer(c + 4)),
                      static_cast<std::int32_t>(row.integer(c + 5)), row.text(c + 6)};
    result.usage = {Microseconds{row.integer(c + 7)},
                    Microseconds{row.integer(c + 8)},
                    Microseconds{row.integer(c + 9)},
                    row.integer(c + 10),
                    row.truth(c + 11),
                    row.integer(c + 12),
                    row.integer(c + 13),
                    static_cast<std::int32_t>(row.integer(c + 21))};
    result.stdout_bytes = row.integer(c + 14);
    result.stderr_bytes = row.integer(c + 15);
    result.stdout_truncated = row.truth(c + 16);
    result.stderr_truncated = row.truth(c + 17);
    result.files = files_of(row.text(c + 18));
    result.files_truncated = row.truth(c + 19);
    result.value_json = row.text(c + 20);
    return stored;
}

}  // namespace

Result<std::optional<JobOutcome>> ResultsRepository::one(JobId job) {
    // What a member of an array is, its array says; how it is, its own row, which lies in one of two tables.
    static const std::string sql =
        "select j.owner, j.name, coalesce(s.state, p.state), coalesce(s.attempt, p.attempt), coalesce(s.started_us, "
        "p.started_us), coalesce(s.finished_us, p.finished_us), " +
        std::string(result_columns) +
        ", a.count, a.succeeded, a.failed, a.timed_out, a.cancelled, a.lost from job j left join job_state s on s.id = "
        ":id left join job_past p on p.id = :id left join job_array a on a.id = :id left join attempt_result r on "
        "r.job = :id and r.attempt = coalesce(s.attempt, p.attempt) left join worker w on w.id = r.worker where "
        "j.id = coalesce((select array_id from job_state where id = :id), (select array_id from job_past where id = "
        ":id), :id) and coalesce(s.state, p.state) is not null";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, job.value));
    if (rows.empty()) return std::optional<JobOutcome>();
    const Row& row = rows.front();
    JobOutcome outcome;
    outcome.owner = UserId{row.integer(0)};
    outcome.attempt = static_cast<AttemptNumber>(row.integer(3));
    outcome.line.id = job;
    outcome.line.name = row.text(1);
    outcome.line.state = static_cast<JobState>(row.integer(2));
    outcome.line.started = time_or_null(row, 4);
    outcome.line.finished = time_or_null(row, 5);
    if (!row.is_null(6)) {
        outcome.stored = result_of(row, 6);
        const AttemptResult& result = outcome.stored->result;
        outcome.line.ending =
            Ending{result.outcome.kind, result.outcome.exit_code, result.outcome.signal, result.usage.wall};
    }
    if (!row.is_null(6 + result_width)) {
        ArrayProgress& array = outcome.line.array.emplace();
        std::size_t column = 6 + result_width;
        for (auto* count :
             {&array.count, &array.succeeded, &array.failed, &array.timed_out, &array.cancelled, &array.lost})
            *count = row.integer(column++);
    }
    return std::optional(std::move(outcome));
}

Result<std::vector<StoredResult>> ResultsRepository::attempts(JobId job) {
    static const std::string sql =
        "select " + std::string(result_columns) +
        " from attempt_result r left join worker w on w.id = r.worker where r.job = :job order by r.attempt";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, job.value));
    std::vector<StoredResult> all;
    all.reserve(rows.size());
    for (const Row& row : rows) all.push_back(result_of(row, 0));
    return all;
}

Result<std::vector<OutputPiece>> ResultsRepository::output(AttemptRef attempt, OutputStream stream, std::int64_t offset,
                                                           int most) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select start_offset, bytes from job_output where job = :job and attempt = :attempt "
                                "and stream = :stream and start_offset >= (select coalesce(max(p.start_offset), 0) "
                                "from job_output p where p.job = :job and p.attempt = :attempt and p.stream = :stream "
                                "and p.start_offset <= :offset) order by start_offset limit :most",
                                attempt.job.value, attempt.attempt, static_cast<std::int64_t>(stream), offset, most));
    std::vector<OutputPiece> pieces;
    pieces.reserve(rows.size());
    for (const Row& row : rows) pieces.push_back({row.integer(0), row.bytes(1)});
    return pieces;
}

Result<std::int64_t> ResultsRepository::output_size(AttemptRef attempt, OutputStream stream) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select start_offset + length(bytes) from job_output where job = :job and attempt = "
                                ":attempt and stream = :stream order by start_offset desc limit 1",
                                attempt.job.value, attempt.attempt, static_cast<std::int64_t>(stream)));
    return rows.empty() ? 0 : rows.front().integer(0);
}

// Some pieces at a time: a driver holds an answer several times over, and the whole may be as large as a job may print.
Result<std::string> ResultsRepository::whole_output(AttemptRef attempt, OutputStream stream) {
    constexpr int pieces_at_once = 64;
    WINDLASS_TRY(const std::int64_t size, output_size(attempt, stream));
    std::string whole;
    whole.reserve(static_cast<std::size_t>(size));
    while (true) {
        const std::size_t before = whole.size();
        WINDLASS_TRY(const auto pieces, output(attempt, stream, static_cast<std::int64_t>(before), pieces_at_once));
        for (const auto& piece : pieces) {
            const auto known = static_cast<std::size_t>(std::max<std::int64_t>(
                static_cast<std::int64_t>(whole.size()) - piece.offset, 0));  // the first may have been read before
            if (known < piece.bytes.size()) whole.append(piece.bytes, known, std::string::npos);
        }
        if (whole.size() == before || pieces.size() < pieces_at_once) return whole;
    }
}

}  // namespace windlass::api
