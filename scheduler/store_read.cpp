// What a leader reads of single jobs: payloads, contents, how jobs ended, what a key was used for.
#include <algorithm>
#include <set>

#include "scheduler/store_lists.h"
#include "scheduler/store_particulars.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"

namespace windlass::scheduler {
namespace {

const EngineSql select_bases("select j.id, " + std::string(payload_columns) + " from job j where j.id in @ids");

const EngineSql select_blobs("select sha256, bytes from blob where sha256 in @@hashes");

// Not from job_now: SQLite would build all of it for a list of ids.
const EngineSql select_members(
    "select n.id, n.array_id, a.count from (select id, array_id from job_state where id in @ids union all select id, "
    "array_id from job_past where id in @ids) n join job_array a on a.id = n.array_id");

constexpr std::string_view select_params =
    "select params from job_array_params where array_id = :array and first = :first";
constexpr std::size_t most_params_kept = 8;  // rows of params_per_row members

const EngineSql select_states(
    "select id, state from job_state where id in @ids union all select id, state from job_past where id in @ids");
constexpr std::size_t states_at_once = 10'000;

constexpr std::string_view select_array_before =
    "select id, count from job_array where id < :member order by id desc limit 1";

constexpr std::string_view select_key =
    "select body_sha256, created_us, first_job, job_count, answer from idempotency_key where account = :account and "
    "route = :route and key = :key and first_job is not null";

Error unknown_job(JobId job) {
    return make_error(ErrorKind::internal, "job " + job.text() + " is not in the store");
}

}  // namespace

// Each job once, and each content once however many jobs use it. Jobs that are not there are left out.
Result<std::map<JobId, SqlStore::Base>> SqlStore::bases(const std::vector<JobId>& jobs) {
    std::map<JobId, Base> found;
    if (jobs.empty()) return found;
    WINDLASS_TRY(const auto rows, session_.query(select_bases.of(engine()), ids_text(engine(), jobs)));
    std::map<JobId, PayloadRow> payloads;
    std::map<std::string, std::string> bytes;
    for (const Row& row : rows) {
        WINDLASS_TRY(PayloadRow payload, payload_of(row, 1));
        if (!payload.code_sha256.empty()) bytes.try_emplace(payload.code_sha256);
        if (!payload.data_sha256.empty()) bytes.try_emplace(payload.data_sha256);
        payloads.emplace(JobId{row.integer(0)}, std::move(payload));
    }
    if (!bytes.empty()) {
        std::vector<std::string> hashes;
        for (const auto& [hash, content] : bytes) hashes.push_back(hash);
        WINDLASS_TRY(const auto contents, session_.query(select_blobs.of(engine()), hashes_text(engine(), hashes)));
        if (contents.size() != bytes.size())
            return make_error(ErrorKind::internal, "the code or data of a job is not in the store");
        for (const Row& row : contents) bytes[row.text(0)] = row.bytes(1);
    }
    for (auto& [job, payload] : payloads)
        found.emplace(job, Base{std::move(payload.spec), bytes[payload.code_sha256], bytes[payload.data_sha256]});
    return found;
}

Result<std::vector<StoredPayload>> SqlStore::payloads(const std::vector<JobId>& jobs) {
    WINDLASS_TRY(auto found, bases(jobs));
    std::vector<JobId> missing;
    for (const JobId job : jobs)
        if (!found.contains(job)) missing.push_back(job);
    struct Membership {
        JobId array;
        std::int64_t count = 0;
    };
    std::map<JobId, Membership> members;
    if (!missing.empty()) {
        WINDLASS_TRY(const auto rows, session_.query(select_members.of(engine()), ids_text(engine(), missing)));
        std::set<JobId> arrays;
        for (const Row& row : rows) {
            members[JobId{row.integer(0)}] = {JobId{row.integer(1)}, row.integer(2)};
            arrays.insert(JobId{row.integer(1)});
        }
        WINDLASS_TRY(auto of_arrays, bases({arrays.begin(), arrays.end()}));
        found.merge(of_arrays);
    }
    std::vector<StoredPayload> payloads(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        StoredPayload& payload = payloads[i];
        JobId base = jobs[i];
        if (const auto member = members.find(base); member != members.end()) {
            base = payload.array = member->second.array;
            payload.count = member->second.count;
            payload.member = jobs[i].value - base.value - 1;
        }
        const auto place = found.find(base);
        if (place == found.end()) return unknown_job(jobs[i]);
        payload.payload = {place->second.spec, place->second.code, place->second.data};
    }
    WINDLASS_TRY_STATUS(add_params(payloads));
    return payloads;
}

Status SqlStore::add_params(std::vector<StoredPayload>& payloads) {
    for (StoredPayload& payload : payloads) {
        if (!payload.array) continue;
        const std::int64_t first = payload.member / params_per_row * params_per_row;
        auto chunk = params_.find({payload.array, first});
        if (chunk == params_.end()) {
            WINDLASS_TRY(const auto rows, session_.query(select_params, payload.array.value, first));
            std::vector<std::string> params;
            if (!rows.empty()) {
                WINDLASS_TRY(params, split_params(rows[0].text(0)));
            }
            if (params_.size() >= most_params_kept) params_.clear();
            chunk = params_.emplace(std::pair(payload.array, first), std::move(params)).first;
        }
        const auto place = static_cast<std::size_t>(payload.member - first);
        if (place < chunk->second.size()) payload.params = chunk->second[place];
    }
    return Status();
}

Result<std::string> SqlStore::blob(const std::string& sha256) {
    WINDLASS_TRY(const auto rows, session_.query("select bytes from blob where sha256 = :sha256", sha256));
    if (rows.empty()) return make_error(ErrorKind::not_found, "there is no content " + sha256 + " in the store");
    return rows[0].bytes(0);
}

Result<std::optional<JobId>> SqlStore::array_around(JobId member) {
    WINDLASS_TRY(const auto rows, session_.query(select_array_before, member.value));
    if (rows.empty() || rows[0].integer(0) + rows[0].integer(1) < member.value) return std::optional<JobId>();
    return std::optional(JobId{rows[0].integer(0)});
}

Result<std::vector<std::optional<JobState>>> SqlStore::final_states(const std::vector<JobId>& jobs) {
    std::map<JobId, JobState> known;
    const auto look_up = [&](const std::vector<JobId>& wanted) -> Status {
        for (std::size_t first = 0; first < wanted.size(); first += states_at_once) {
            const std::size_t last = std::min(wanted.size(), first + states_at_once);
            const std::vector<JobId> some(wanted.begin() + static_cast<std::ptrdiff_t>(first),
                                          wanted.begin() + static_cast<std::ptrdiff_t>(last));
            WINDLASS_TRY(const auto rows, session_.query(select_states.of(engine()), ids_text(engine(), some)));
            for (const Row& row : rows) known[JobId{row.integer(0)}] = static_cast<JobState>(row.integer(1));
        }
        return Status();
    };
    WINDLASS_TRY_STATUS(look_up(jobs));
    std::vector<std::optional<JobState>> states;
    for (const JobId job : jobs) {
        auto state = known.find(job);
        bool unstarted = false;
        if (state == known.end()) {  // a member without a row?
            WINDLASS_TRY(const std::optional<JobId> array, array_around(job));
            if (array && !known.contains(*array)) WINDLASS_TRY_STATUS(look_up({*array}));
            if (array) state = known.find(*array);
            unstarted = true;
        }
        if (state == known.end() || !is_final(state->second))
            states.emplace_back();
        else
            states.emplace_back(unstarted ? state_of_unstarted(state->second) : state->second);
    }
    return states;
}

Result<std::optional<KeyRecord>> SqlStore::submitted_with(UserId account, const std::string& route,
                                                          const std::string& key) {
    WINDLASS_TRY(const auto rows, session_.query(select_key, account.value, route, key));
    if (rows.empty()) return std::optional<KeyRecord>();
    const Row& row = rows[0];
    KeyRecord record{account, route, key, row.text(0), from_unix_us(row.integer(1)), {}};
    WINDLASS_TRY(record.jobs, jobs_of_key(row.integer(2), row.integer(3), row.text_or_null(4)));
    return std::optional(std::move(record));
}

}  // namespace windlass::scheduler
