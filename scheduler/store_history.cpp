// What becomes of finished jobs: they move out of the way of those that run, and are forgotten one day. Every step is
// one transaction that touches a bounded number of jobs.
//
// References to blobs are counted (blob_owner.jobs, result_blob.results) in the transactions that make and forget jobs,
// so that nothing has to search ten million jobs for the last one that uses a content.
#include <algorithm>
#include <set>

#include "scheduler/store_lists.h"
#include "scheduler/store_particulars.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "scheduler/store_text.h"
#include "shared/guard.h"
#include "shared/metrics/metric_aging.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view select_finished = "select id from job_state where state >= 4 order by id";

const EngineSql copy_to_past(
    "insert into job_past (id, owner, array_id, state, attempt, failures, losses, cancel_requested, started_us, "
    "finished_us, event_seq) select id, owner, array_id, state, attempt, failures, losses, cancel_requested, "
    "started_us, finished_us, event_seq from job_state where state >= 4 and id in @ids on conflict (id) do nothing");
const EngineSql delete_finished("delete from job_state where state >= 4 and id in @ids");

// What a blocked job waits for stays (of an array: each member), so that a restart knows how it ended.
#define WINDLASS_IS_OLD "p.finished_us < :cutoff"
#define WINDLASS_NOBODY_WAITS                                                                                         \
    "not exists (select 1 from job_dependency d join job_state s on s.id = d.job where d.after_job between p.id and " \
    "p.id + coalesce(a.count, 0) and s.state = 0)"
constexpr std::string_view select_old =
    "select p.id, coalesce(a.count, 0) from job_past p left join job_array a on a.id = p.id where p.array_id is null "
    "and " WINDLASS_IS_OLD " and " WINDLASS_NOBODY_WAITS " order by p.finished_us limit :most";
constexpr std::string_view select_old_members =
    "select id from (select id from job_past where id > :first and id <= :last union all select id from job_state "
    "where "
    "id > :first and id <= :last) m order by id limit :most";

const EngineSql select_references("select owner, code_sha256, data_sha256, details from job where id in @ids");
const EngineSql select_result_files("select files from attempt_result where files <> '[]' and job in @ids");

const EngineSql drop_uses("update blob_owner set jobs = jobs - :uses where owner = :owner and sha256 in @@hashes");
const EngineSql drop_results("update result_blob set results = results - :results where sha256 in @@hashes");
// What nobody refers to any more, of these contents.
const EngineSql drop_rights("delete from blob_owner where sha256 in @@hashes and jobs <= 0 and created_us < :cutoff");
const EngineSql drop_own_rights("delete from blob_owner where owner = :owner and sha256 in @@hashes and jobs <= 0");
const EngineSql drop_result_blobs("delete from result_blob where sha256 in @@hashes and results <= 0");
const EngineSql drop_blobs(
    "delete from blob where sha256 in @@hashes and not exists (select 1 from blob_owner o where o.sha256 = "
    "blob.sha256) and not exists (select 1 from result_blob r where r.sha256 = blob.sha256) and not exists (select 1 "
    "from image_blob i where i.sha256 = blob.sha256)");

constexpr std::string_view raise_highest =
    "update scheduler_epoch set highest_job = :highest where id = 1 and highest_job < :highest";

constexpr std::string_view select_rights =
    "select owner, sha256, jobs, created_us from blob_owner where (owner, sha256) > (:owner, :sha256) order by owner, "
    "sha256 limit :most";

constexpr std::string_view select_discarded =
    "select d.job from job_discard d join job_past p on p.id = d.job order by d.job limit :most";
const EngineSql delete_discarded("delete from job_discard where job in @ids");

constexpr std::string_view delete_keys =
    "delete from idempotency_key where (account, route, key) in (select account, route, key from idempotency_key where "
    "created_us < :before order by created_us limit :most)";
constexpr std::string_view select_abandoned =
    "select distinct p.owner, p.sha256 from upload_piece p where p.created_us < :before and not exists (select 1 from "
    "upload_piece q where q.owner = p.owner and q.sha256 = p.sha256 and q.created_us >= :before) limit :most";
constexpr std::string_view delete_pieces = "delete from upload_piece where owner = :owner and sha256 = :sha256";

constexpr Microseconds one_day{std::chrono::hours(24)};

Status execute_all(Session& session, const std::vector<JobId>& ids, const std::vector<const EngineSql*>& statements) {
    if (ids.empty()) return Status();
    const std::string list = ids_text(session.engine(), ids);
    for (const EngineSql* statement : statements)
        WINDLASS_TRY_STATUS(done(session.execute(statement->of(session.engine()), list)));
    return Status();
}

}  // namespace

// ---- moving --------------------------------------------------------------------------------------------------------

Result<std::vector<JobId>> SqlStore::take_finished(std::int64_t most) {
    if (!finished_known_) {
        WINDLASS_TRY(const auto rows, session_.query(select_finished));
        finished_.clear();
        for (const Row& row : rows) finished_.push_back(JobId{row.integer(0)});
        finished_known_ = true;
    }
    const auto count = std::min<std::ptrdiff_t>(most, static_cast<std::ptrdiff_t>(finished_.size()));
    return std::vector<JobId>(finished_.begin(), finished_.begin() + count);
}

Result<std::int64_t> SqlStore::move_finished(std::int64_t most) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY(const std::vector<JobId> jobs, take_finished(most));
    if (jobs.empty()) return 0;
    const std::string list = ids_text(engine(), jobs);
    WINDLASS_TRY([[maybe_unused]] const auto copied, session_.execute(copy_to_past.of(engine()), list));
    WINDLASS_TRY(const std::int64_t moved, session_.execute(delete_finished.of(engine()), list));
    WINDLASS_TRY_STATUS(transaction.commit());
    finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(jobs.size()));
    return moved;
}

// ---- forgetting ----------------------------------------------------------------------------------------------------

struct SqlStore::Victims {
    std::vector<JobId> jobs;     // with a row in job: plain jobs, and arrays whose members all go or are gone
    std::vector<JobId> members;  // of arrays
    std::vector<JobId> all() const {
        std::vector<JobId> both(jobs);
        both.insert(both.end(), members.begin(), members.end());
        return both;
    }
    JobId highest;  // id that must never be used again
    WallTime cutoff{};
    bool only_by_them = false;  // rights that their owners have by these jobs alone go with them, whatever the cutoff
};

Result<SqlStore::Victims> SqlStore::choose_victims(WallTime cutoff, std::int64_t most) {
    Victims victims;
    victims.cutoff = cutoff;
    WINDLASS_TRY(const auto rows,
                 session_.query(WINDLASS_GUARDED_SQL(sql_forget_only_the_old,
                                                     WINDLASS_GUARDED_SQL(sql_what_is_waited_for_stays, select_old,
                                                                          WINDLASS_NOBODY_WAITS),
                                                     WINDLASS_IS_OLD),
                                to_unix_us(cutoff), most));
    std::int64_t left = most;
    for (const Row& row : rows) {
        if (left == 0) break;
        const std::int64_t id = row.integer(0), count = row.integer(1);
        victims.highest = std::max(victims.highest, JobId{id + count});
        if (count > 0) {
            WINDLASS_TRY(const auto members, session_.query(select_old_members, id, id + count, left));
            for (const Row& member : members) victims.members.push_back(JobId{member.integer(0)});
            left -= static_cast<std::int64_t>(members.size());
            if (left == 0) break;  // perhaps there are more: the array itself goes last
        }
        victims.jobs.push_back(JobId{id});
        --left;
    }
    return victims;
}

Status SqlStore::drop_references(const Victims& victims) {
    std::map<std::pair<std::int64_t, std::string>, std::int64_t> uses;  // by owner and content
    std::map<std::string, std::int64_t> results;
    std::set<std::string> suspects;
    if (!victims.jobs.empty()) {
        WINDLASS_TRY(const auto jobs, session_.query(select_references.of(engine()), ids_text(engine(), victims.jobs)));
        for (const Row& row : jobs) {
            JobSpec spec;
            WINDLASS_TRY_STATUS(protocol::decode_details(row.text(3), spec));
            for (auto& sha256 : blobs_of(row.text_or_null(1).value_or(""), row.text_or_null(2).value_or(""), spec))
                ++uses[{row.integer(0), sha256}];
        }
    }
    WINDLASS_TRY(const auto files, session_.query(select_result_files.of(engine()), ids_text(engine(), victims.all())));
    for (const Row& row : files) {
        WINDLASS_TRY(const auto stored, stored_files_of(row.text(0)));
        for (const std::string& sha256 : stored) ++results[sha256];
    }
    // Most contents are used once: one statement for all that go down by the same number.
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::string>> by_owner_and_number;
    for (const auto& [key, count] : uses) {
        by_owner_and_number[{key.first, count}].push_back(key.second);
        suspects.insert(key.second);
    }
    std::map<std::int64_t, std::vector<std::string>> by_number;
    for (const auto& [sha256, count] : results) {
        by_number[count].push_back(sha256);
        suspects.insert(sha256);
    }
    for (const auto& [key, hashes] : by_owner_and_number)
        WINDLASS_TRY_STATUS(
            done(session_.execute(drop_uses.of(engine()), key.second, key.first, hashes_text(engine(), hashes))));
    for (const auto& [count, hashes] : by_number)
        WINDLASS_TRY_STATUS(done(session_.execute(drop_results.of(engine()), count, hashes_text(engine(), hashes))));
    if (victims.only_by_them)
        for (const auto& [key, hashes] : by_owner_and_number)
            WINDLASS_TRY_STATUS(
                done(session_.execute(drop_own_rights.of(engine()), key.first, hashes_text(engine(), hashes))));
    return drop_unused({suspects.begin(), suspects.end()}, victims.cutoff);
}

Status SqlStore::drop_unused(const std::vector<std::string>& contents, WallTime cutoff) {
    if (contents.empty()) return Status();
    const std::string hashes = hashes_text(engine(), contents);
    WINDLASS_TRY_STATUS(done(session_.execute(drop_rights.of(engine()), hashes, to_unix_us(cutoff))));
    WINDLASS_TRY_STATUS(done(session_.execute(drop_result_blobs.of(engine()), hashes)));
    return done(session_.execute(drop_blobs.of(engine()), hashes));
}

// Some rights after the ones that were looked at last time, and around again.
Status SqlStore::sweep_uploads(WallTime cutoff, std::int64_t most) {
    WINDLASS_TRY(const auto rights, session_.query(select_rights, swept_owner_.value, swept_sha256_, most));
    std::vector<std::string> unused;
    for (const Row& row : rights) {
        swept_owner_ = UserId{row.integer(0)};
        swept_sha256_ = row.text(1);
        if (row.integer(2) <= 0 && row.integer(3) < to_unix_us(cutoff)) unused.push_back(swept_sha256_);
    }
    if (static_cast<std::int64_t>(rights.size()) < most) {
        swept_owner_ = {};
        swept_sha256_.clear();
    }
    return drop_unused(unused, cutoff);
}

Status SqlStore::forget(const Victims& victims) {
    static const EngineSql events("delete from job_event where job in @ids"),
        results("delete from attempt_result where job in @ids"), output("delete from job_output where job in @ids"),
        states("delete from job_state where id in @ids"), past("delete from job_past where id in @ids"),
        tags("delete from job_tag where job in @ids"), dependencies("delete from job_dependency where job in @ids"),
        params("delete from job_array_params where array_id in @ids"), arrays("delete from job_array where id in @ids"),
        jobs("delete from job where id in @ids"),
        seen_tags("delete from monitoring_job_tag where cluster = 'windlass' and external_id in @ids"),
        seen_data("delete from monitoring_job_data where cluster = 'windlass' and external_id in @ids"),
        metric_windows("delete from metric_window where series in (select id from metric_series where job in @ids)"),
        metric_series("delete from metric_series where job in @ids");

    const std::vector<JobId> all = victims.all();
    if (all.empty()) return Status();
    WINDLASS_TRY_STATUS(drop_references(victims));
    WINDLASS_TRY_STATUS(
        execute_all(session_, all, {&events, &results, &output, &states, &past, &seen_tags, &seen_data, &metric_windows,
                                    &metric_series}));
    WINDLASS_TRY_STATUS(execute_all(session_, victims.jobs, {&tags, &dependencies, &params, &arrays, &jobs}));
    if (!WINDLASS_GUARD(sql_highest_id_is_kept)) return Status();
    return done(session_.execute(raise_highest, victims.highest.value));
}

Result<std::int64_t> SqlStore::forget_finished(WallTime cutoff, std::int64_t most) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY_STATUS(lock_blobs());
    WINDLASS_TRY(const Victims victims, choose_victims(cutoff, most));
    WINDLASS_TRY_STATUS(forget(victims));
    WINDLASS_TRY_STATUS(sweep_uploads(cutoff, most));
    WINDLASS_TRY_STATUS(transaction.commit());
    return static_cast<std::int64_t>(victims.all().size());
}

// Jobs that nobody wants to look at any more (job_discard): plain ones, which nobody waits for. What came to their
// owner by them alone goes with them, however young it is.
Result<std::int64_t> SqlStore::forget_discarded(std::int64_t most) {
    WINDLASS_TRY(const auto rows, session_.query(select_discarded, most));
    if (rows.empty()) return 0;
    WINDLASS_TRY_STATUS(lock_blobs());
    Victims victims;
    for (const Row& row : rows) {
        victims.jobs.push_back(JobId{row.integer(0)});
        victims.highest = std::max(victims.highest, victims.jobs.back());
    }
    victims.only_by_them = true;
    WINDLASS_TRY_STATUS(forget(victims));
    WINDLASS_TRY_STATUS(execute_all(session_, victims.jobs, {&delete_discarded}));
    return static_cast<std::int64_t>(victims.jobs.size());
}

Result<std::int64_t> SqlStore::forget_expired(WallTime now, std::int64_t most) {
    const std::int64_t before = to_unix_us(now - one_day);
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY(std::int64_t forgotten, session_.execute(delete_keys, before, most));
    WINDLASS_TRY(const auto abandoned, session_.query(select_abandoned, before, most));
    for (const Row& row : abandoned) {
        WINDLASS_TRY_STATUS(done(session_.execute(delete_pieces, row.integer(0), row.text(1))));
        ++forgotten;
    }
    WINDLASS_TRY(const std::int64_t discarded, forget_discarded(most));
    WINDLASS_TRY_STATUS(transaction.commit());
    return forgotten + discarded;
}

Result<std::int64_t> SqlStore::age_metrics(const metrics::AgingSettings& settings, WallTime now, std::int64_t most) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY(const std::int64_t aged, metrics::age(session_, settings, now, most));
    WINDLASS_TRY_STATUS(transaction.commit());
    return aged;
}

}  // namespace windlass::scheduler
