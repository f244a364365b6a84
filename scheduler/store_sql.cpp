#include "scheduler/store_sql.h"

#include "shared/database/migrate.h"

namespace windlass::scheduler {
namespace {

// One row, so that a commit and a change of leader exclude each other: PostgreSQL keeps the row locked to the end of
// the transaction; in SQLite there is one writer anyway.
constexpr std::string_view read_epoch_postgresql = "select epoch from scheduler_epoch where id = 1 for share";
constexpr std::string_view read_epoch_sqlite = "select epoch from scheduler_epoch where id = 1";
constexpr std::string_view raise_epoch = "update scheduler_epoch set epoch = epoch + 1 where id = 1 returning epoch";

// Of what a commit may fail with, only these two mean something to the caller.
Error commit_error(Error error) {
    if (error.kind != ErrorKind::unavailable && error.kind != ErrorKind::stale) error.kind = ErrorKind::internal;
    return error;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const DatabaseUrl& url) {
    std::unique_ptr<SqlStore> store =
        url.engine() == Engine::sqlite ? make_sqlite_store(url) : make_postgres_store(url);
    WINDLASS_TRY_STATUS(store->open());
    return std::unique_ptr<Store>(std::move(store));
}

Error stale_job(JobId job) {
    return make_error(ErrorKind::stale,
                      "job " + job.text() + " is neither as it was before the change nor as it is after it");
}

Error occupied_job(JobId job) {
    return make_error(ErrorKind::stale, "job " + job.text() + " is there already and is another one");
}

Status SqlStore::open() {
    WINDLASS_TRY_STATUS(session_.open());
    return migrate(session_);
}

Result<std::int64_t> SqlStore::lead() {
    if (!holds_lock()) WINDLASS_TRY_STATUS(take_lock());
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY(const auto rows, session_.query(raise_epoch));
    if (rows.size() != 1) return make_error(ErrorKind::internal, "the table scheduler_epoch has lost its row");
    WINDLASS_TRY_STATUS(transaction.commit());
    epoch_ = rows[0].integer(0);
    return epoch_;
}

// The lock goes with its connection when the database restarts. If nobody else took it, and the epoch is still ours,
// nothing was missed.
Status SqlStore::keep_lock() {
    if (holds_lock()) return Status();
    const Status taken = take_lock();
    if (taken || taken.error().kind != ErrorKind::conflict) return taken;
    // Somebody holds it: a new leader, who is about to raise the epoch or has done so, or what the server keeps of our
    // own connection until it notices that it is dead. The epoch tells the two apart.
    WINDLASS_TRY_STATUS(check_epoch());
    return make_error(ErrorKind::unavailable, "the lock of the leading scheduler is held by another connection");
}

Status SqlStore::check_epoch() {
    const bool sqlite = session_.engine() == Engine::sqlite;
    WINDLASS_TRY(const auto rows, session_.query(sqlite ? read_epoch_sqlite : read_epoch_postgresql));
    if (rows.size() == 1 && rows[0].integer(0) == epoch_) return Status();
    return make_error(ErrorKind::stale, "another scheduler has taken the lead of " + session_.url().shown());
}

Status SqlStore::commit(const Batch& batch) {
    if (epoch_ == 0) return make_error(ErrorKind::stale, "this scheduler has not taken the lead");
    if (Status lock = keep_lock(); !lock) return commit_error(std::move(lock).error());
    auto transaction = Transaction::begin(session_);
    if (!transaction) return commit_error(std::move(transaction).error());
    if (Status epoch = check_epoch(); !epoch) return commit_error(std::move(epoch).error());
    if (Status written = write(batch); !written) return commit_error(std::move(written).error());
    if (Status committed = transaction->commit(); !committed) return commit_error(std::move(committed).error());
    return Status();
}

Result<StoredState> SqlStore::load() {
    StoredState stored;
    WINDLASS_TRY(const auto highest, session_.query("select max(id) from job"));
    stored.highest_job = JobId{highest[0].integer_or_null(0).value_or(0)};
    WINDLASS_TRY(const auto workers, session_.query("select id, name, first_seen_us from worker order by id"));
    for (const Row& row : workers) {
        stored.workers.push_back({WorkerId{row.integer(0)}, row.text(1), from_unix_us(row.integer(2))});
    }
    WINDLASS_TRY_STATUS(load_jobs(stored.jobs));
    return stored;
}

Status SqlStore::ping() {
    WINDLASS_TRY([[maybe_unused]] const auto rows, session_.query("select 1"));
    return Status();
}

}  // namespace windlass::scheduler
