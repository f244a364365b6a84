#include "api/images/thumbnails_repository.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "shared/job.h"
#include "shared/job_state.h"
#include "shared/json.h"
#include "shared/outcome.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_words = 300;  // of the decoder's own, in a detail

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

// A thumbnail whose job has ended, or is forgotten (no state).
struct Ended {
    ThumbnailId id;
    JobId job;
    std::optional<JobState> state;
    std::int64_t attempt = 0;
};

#define WINDLASS_ENDED                                                                                                 \
    "select t.id, t.job, coalesce(s.state, p.state), coalesce(s.attempt, p.attempt) from image_thumbnail t left join " \
    "job_state s on s.id = t.job left join job_past p on p.id = t.job where t.state = 0 and (s.id is null or s.state " \
    ">= 4) and "

Ended ended_of(const Row& row) {
    Ended ended{ThumbnailId{row.integer(0)}, JobId{row.integer(1)}, std::nullopt, row.integer_or_null(3).value_or(0)};
    if (const auto state = row.integer_or_null(2)) ended.state = static_cast<JobState>(*state);
    return ended;
}

std::string first_line(std::string text) {
    text = to_valid_utf8(text.substr(0, longest_words));
    const auto end = text.find_first_of("\r\n");
    if (end != std::string::npos) text.resize(end);
    for (char& c : text)
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    return text;
}

// A sentence for the owner of the image.
std::string why_none(JobState state, const Outcome& outcome, const std::string& words) {
    if (state == JobState::cancelled) return "The job was cancelled.";
    switch (outcome.kind) {
        case OutcomeKind::exited:
            if (outcome.exit_code == 0) return "The decoder left no picture.";
            return words.empty() ? fmt::format("The decoder gave up, with exit code {}.", outcome.exit_code)
                                 : fmt::format("The decoder gave up: {}", words);
        case OutcomeKind::signalled:
            return fmt::format("The decoder crashed, by signal {}.", outcome.signal);
        case OutcomeKind::out_of_memory:
            return "The decoder needed more memory than an image of this size may take.";
        case OutcomeKind::out_of_time:
            return "The decoder took too long.";
        case OutcomeKind::out_of_disk:
        case OutcomeKind::output_limit:
            return "The decoder wrote more than an image of this size may need.";
        case OutcomeKind::cancelled:
            return "The job was cancelled.";
        case OutcomeKind::setup_failed:
        case OutcomeKind::worker_lost:
            break;
    }
    return "The workers that tried it were lost.";
}

struct Left {
    std::optional<ResultFile> file;
    std::string detail;  // why there is none
};

std::optional<ResultFile> thumbnail_in(const std::string& files) {
    const auto document = parse_json(files);
    if (!document || !document->IsArray()) return std::nullopt;
    for (const auto& entry : document->GetArray()) {
        if (!entry.IsObject()) continue;
        const auto path = entry.FindMember("path"), size = entry.FindMember("size"), hash = entry.FindMember("sha256"),
                   stored = entry.FindMember("stored"), end = entry.MemberEnd();
        if (path == end || size == end || hash == end || stored == end || !path->value.IsString() ||
            !size->value.IsInt64() || !hash->value.IsString() || !stored->value.IsBool())
            continue;
        if (!text_of(path->value).starts_with("thumbnail.") || !stored->value.GetBool() || size->value.GetInt64() < 1)
            continue;
        return ResultFile{std::string(text_of(path->value)), size->value.GetInt64(), std::string(text_of(hash->value)),
                          true};
    }
    return std::nullopt;
}

Result<Left> what_it_left(Session& session, const Ended& ended) {
    WINDLASS_TRY(const auto rows,
                 session.query("select outcome, exit_code, signal, files from attempt_result where job = :job and "
                               "attempt = :attempt",
                               ended.job.value, ended.attempt));
    if (rows.empty()) return Left{std::nullopt, why_none(*ended.state, {OutcomeKind::worker_lost, 0, 0, {}}, {})};
    const Row& row = rows.front();
    Outcome outcome{static_cast<OutcomeKind>(row.integer(0)),
                    static_cast<std::int32_t>(row.integer(1)),
                    static_cast<std::int32_t>(row.integer(2)),
                    {}};
    if (*ended.state == JobState::succeeded)
        if (auto file = thumbnail_in(row.text(3))) return Left{std::move(file), {}};
    WINDLASS_TRY(const auto output,
                 session.query("select bytes from job_output where job = :job and attempt = :attempt and stream = 2 "
                               "order by start_offset limit 1",
                               ended.job.value, ended.attempt));
    return Left{std::nullopt,
                why_none(*ended.state, outcome, output.empty() ? std::string() : first_line(output.front().bytes(0)))};
}

// True: it is this call that settled it.
Result<bool> fail(Session& session, const Ended& ended, const std::string& detail) {
    WINDLASS_TRY(
        const auto changed,
        session.execute("update image_thumbnail set state = 2, job = null, detail = :detail where id = :id and "
                        "state = 0 and job = :job",
                        detail, ended.id.value, ended.job.value));
    return changed == 1;
}

Status settle_one(Session& session, const Ended& ended) {
    if (!ended.state)  // forgotten before anybody looked: once more
        return as_status(
            session.execute("update image_thumbnail set job = null, tries = tries + 1, asked_us = 0 where id = :id and "
                            "state = 0 and job = :job",
                            ended.id.value, ended.job.value));
    WINDLASS_TRY(const Left left, what_it_left(session, ended));
    bool ours = false;
    if (!left.file) {
        WINDLASS_TRY(ours, fail(session, ended, left.detail));
    } else {
        WINDLASS_TRY(const auto changed,
                     session.execute("update image_thumbnail set state = 1, job = null, sha256 = :sha256, size_bytes = "
                                     ":size, detail = '' where id = :id and state = 0 and job = :job",
                                     left.file->sha256, left.file->size_bytes, ended.id.value, ended.job.value));
        ours = changed == 1;
        if (ours) {
            WINDLASS_TRY(const bool there, take_blob(session, left.file->sha256));
            if (!there)
                return make_error(ErrorKind::unavailable, "the bytes of a thumbnail are gone before it was settled");
        }
    }
    return ours ? discard_job(session, ended.job) : Status();
}

}  // namespace

Result<std::vector<ThumbnailOrder>> ThumbnailsRepository::without_job(WallTime before, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto rows,
        session->query("select t.id, t.image, t.height, t.width, t.tries, i.sha256, i.size_bytes, i.media, "
                       "i.width, i.height, i.heavy from image_thumbnail t join image i on i.id = t.image where "
                       "t.state = 0 and t.job is null and t.asked_us < :before order by t.owner, t.id limit "
                       ":limit",
                       to_unix_us(before), limit));
    std::vector<ThumbnailOrder> orders;
    for (const Row& row : rows) {
        ImageFacts facts{static_cast<Media>(row.integer(7)), row.integer(8), row.integer(9), 1, row.truth(10)};
        orders.push_back({ThumbnailId{row.integer(0)}, ImageId{row.integer(1)}, row.integer(2), row.integer(3),
                          row.integer(4), row.text(5), row.integer(6), facts});
    }
    return orders;
}

Result<std::vector<JobId>> ThumbnailsRepository::note_jobs(const std::vector<AskedThumbnail>& asked) {
    std::vector<JobId> strays;
    if (asked.empty()) return strays;
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    for (const auto& one : asked) {
        WINDLASS_TRY(const auto changed,
                     session->execute("update image_thumbnail set job = :job where id = :id and state = 0 and tries = "
                                      ":tries",
                                      one.job.value, one.id.value, one.tries));
        if (changed == 1) continue;
        // Settled by somebody who was quicker, or deleted. Nobody else will give the job up in the second case.
        WINDLASS_TRY(const auto there, session->query("select id from image_thumbnail where id = :id", one.id.value));
        if (!there.empty()) continue;
        strays.push_back(one.job);
        WINDLASS_TRY_STATUS(discard_job(*session, one.job));
    }
    WINDLASS_TRY_STATUS(transaction.commit());
    return strays;
}

Status ThumbnailsRepository::settle(const std::vector<JobId>& jobs) {
    if (jobs.empty()) return {};
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    for (const JobId job : jobs) {
        WINDLASS_TRY(const auto rows, session->query(WINDLASS_ENDED "t.job = :job", job.value));
        for (const Row& row : rows) WINDLASS_TRY_STATUS(settle_one(*session, ended_of(row)));
    }
    return transaction.commit();
}

Result<int> ThumbnailsRepository::settle_ended(std::optional<UserId> owner, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    // Looked at without a transaction first: most of the time there is nothing, and SQLite has one writer.
    WINDLASS_TRY(const auto rows,
                 session->query(WINDLASS_ENDED "t.job is not null and t.owner >= :first and t.owner <= :last order by "
                                               "t.owner, t.id limit :limit",
                                owner ? owner->value : 0,
                                owner ? owner->value : std::numeric_limits<std::int64_t>::max(), limit));
    if (rows.empty()) return 0;
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    for (const Row& row : rows) WINDLASS_TRY_STATUS(settle_one(*session, ended_of(row)));
    WINDLASS_TRY_STATUS(transaction.commit());
    return static_cast<int>(rows.size());
}

Result<std::vector<JobId>> ThumbnailsRepository::jobs_under_way(int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select job from image_thumbnail where state = 0 and job is not null "
                                                 "order by owner, id limit :limit",
                                                 limit));
    std::vector<JobId> jobs;
    for (const Row& row : rows) jobs.push_back(JobId{row.integer(0)});
    return jobs;
}

Status ThumbnailsRepository::discard_strays(WallTime before, int limit) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return as_status(session->execute(
        "insert into job_discard (job) select j.id from job j where j.owner = :owner and j.queue = :queue and "
        "j.submitted_us < :before and not exists (select 1 from image_thumbnail t where t.job = j.id) and not exists "
        "(select 1 from job_discard d where d.job = j.id) limit :limit",
        system_owner.value, system_queue, to_unix_us(before), limit));
}

}  // namespace windlass::api
