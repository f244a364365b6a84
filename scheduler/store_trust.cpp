// Tokens and trust of workers of other machines, and what a worker may fetch. Each change is a transaction of its own,
// by the leader alone.
#include <algorithm>
#include <set>

#include "scheduler/store_lists.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"
#include "shared/protocol.h"

namespace windlass::scheduler {
namespace {

constexpr std::string_view insert_token =
    "insert into worker_enrolment (token_hash, worker, created_us, expires_us) values (:hash, :worker, :created, "
    ":expires)";
constexpr std::string_view select_token =
    "select worker, created_us, expires_us, key_sha256, generation from worker_enrolment where token_hash = :hash";
constexpr std::string_view use_token =
    "update worker_enrolment set key_sha256 = :key, generation = :generation where token_hash = :hash and key_sha256 "
    "is "
    "null";
constexpr std::string_view select_trust =
    "select worker, generation, case when revoked_us is null then 0 else 1 end from worker_trust";
constexpr std::string_view select_trust_of =
    "select worker, generation, case when revoked_us is null then 0 else 1 end from worker_trust where worker = "
    ":worker";
constexpr std::string_view raise_generation =
    "insert into worker_trust (worker, generation, revoked_us) values (:worker, 1, null) on conflict (worker) do "
    "update "
    "set generation = worker_trust.generation + 1, revoked_us = null returning generation";
constexpr std::string_view revoke =
    "update worker_trust set revoked_us = coalesce(revoked_us, :now) where worker = :worker";

const EngineSql select_details("select id, details from job where id in @ids");
const EngineSql select_arrays("select array_id from job_state where id in @ids and array_id is not null");

WorkerTrust trust_of(const Row& row) {
    return {row.text(0), row.integer(1), row.truth(2)};
}

Result<bool> any_names(const std::vector<Row>& rows, const std::string& sha256) {
    for (const Row& row : rows) {
        JobSpec spec;
        WINDLASS_TRY_STATUS(protocol::decode_details(row.text(1), spec));
        if (std::ranges::any_of(spec.files, [&](const auto& file) { return file.second == sha256; })) return true;
    }
    return false;
}

}  // namespace

Result<std::vector<WorkerTrust>> SqlStore::worker_trust() {
    WINDLASS_TRY(const auto rows, session_.query(select_trust));
    std::vector<WorkerTrust> trust;
    for (const Row& row : rows) trust.push_back(trust_of(row));
    return trust;
}

Status SqlStore::keep_token(const StoredToken& token) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY_STATUS(done(session_.execute("delete from worker_enrolment where expires_us < :before",
                                              to_unix_us(token.created - forget_tokens_after))));
    WINDLASS_TRY_STATUS(done(session_.execute(insert_token, token.token_hash, token.worker, to_unix_us(token.created),
                                              to_unix_us(token.expires))));
    return transaction.commit();
}

Result<std::int64_t> SqlStore::redeem_token(const Redemption& redemption) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY(const auto rows, session_.query(select_token, redemption.token_hash));
    std::optional<StoredToken> token;
    if (!rows.empty())
        token = StoredToken{redemption.token_hash,
                            rows[0].text(0),
                            from_unix_us(rows[0].integer(1)),
                            from_unix_us(rows[0].integer(2)),
                            rows[0].text_or_null(3),
                            rows[0].integer_or_null(4).value_or(0)};
    WINDLASS_TRY(const auto known, session_.query(select_trust_of, redemption.worker));
    std::optional<WorkerTrust> trust;
    if (!known.empty()) trust = trust_of(known[0]);
    WINDLASS_TRY(const bool first_use,
                 judge_redemption(token ? &*token : nullptr, trust ? &*trust : nullptr, redemption));
    if (!first_use) return token->generation;
    WINDLASS_TRY(const auto raised, session_.query(raise_generation, redemption.worker));
    const std::int64_t generation = raised.at(0).integer(0);
    WINDLASS_TRY(const std::int64_t used,
                 session_.execute(use_token, redemption.key_sha256, generation, redemption.token_hash));
    if (used != 1) return make_error(ErrorKind::unavailable, "another scheduler answered this enrolment meanwhile");
    WINDLASS_TRY_STATUS(transaction.commit());
    return generation;
}

Status SqlStore::revoke_worker(const std::string& worker, WallTime now) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    WINDLASS_TRY(const std::int64_t tokens,
                 session_.execute("delete from worker_enrolment where worker = :worker", worker));
    WINDLASS_TRY(const std::int64_t certificates, session_.execute(revoke, to_unix_us(now), worker));
    if (tokens + certificates == 0)
        return make_error(ErrorKind::not_found, "No worker of this name was ever enrolled.");
    return transaction.commit();
}

Result<bool> SqlStore::needs_file(const std::vector<JobId>& jobs, const std::string& sha256) {
    if (jobs.empty()) return false;
    WINDLASS_TRY(const auto own, session_.query(select_details.of(engine()), ids_text(engine(), jobs)));
    WINDLASS_TRY(const bool named, any_names(own, sha256));
    if (named || own.size() == jobs.size()) return named;
    // Members of arrays: what their array names.
    WINDLASS_TRY(const auto members, session_.query(select_arrays.of(engine()), ids_text(engine(), jobs)));
    std::set<JobId> arrays;
    for (const Row& row : members) arrays.insert(JobId{row.integer(0)});
    if (arrays.empty()) return false;
    const std::vector<JobId> list(arrays.begin(), arrays.end());
    WINDLASS_TRY(const auto of_arrays, session_.query(select_details.of(engine()), ids_text(engine(), list)));
    return any_names(of_arrays, sha256);
}

}  // namespace windlass::scheduler
