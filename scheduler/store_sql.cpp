#include "scheduler/store_sql.h"

#include "scheduler/store_rows.h"
#include "shared/database/migrate.h"
#include "shared/guard.h"
#include "shared/metrics/metric_store.h"

namespace windlass::scheduler {
namespace {

// One row, so that a commit and a change of leader exclude each other: PostgreSQL keeps the row locked to the end of
// the transaction; in SQLite there is one writer anyway.
constexpr std::string_view read_epoch_postgresql = "select epoch from scheduler_epoch where id = 1 for share";
constexpr std::string_view read_epoch_sqlite = "select epoch from scheduler_epoch where id = 1";
constexpr std::string_view raise_epoch_alone =
    "update scheduler_epoch set epoch = epoch + 1, last_batch = 0, expires_us = null, leader = :leader where id = 1 "
    "returning epoch";
constexpr std::string_view raise_batch =
    "update scheduler_epoch set last_batch = :number where id = 1 and epoch = :epoch and last_batch < :number";

#define WINDLASS_CLAIM(sql)                                                                              \
    WINDLASS_GUARDED_SQL(sql_epoch, WINDLASS_GUARDED_SQL(sql_batch_number, sql, "last_batch < :number"), \
                         "epoch = :epoch")

// Where schedulers share a database, which is PostgreSQL's then. Its clock is the only one that all of them see.
#define WINDLASS_NOW_US "cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"
constexpr std::string_view raise_epoch_shared =
    "update scheduler_epoch set epoch = epoch + 1, last_batch = 0, expires_us = " WINDLASS_NOW_US
    " + cast(:well_for as bigint), leader = :leader where id = 1 and (cast(:any as smallint) = 1 or expires_us "
    "<= " WINDLASS_NOW_US ") returning epoch";
constexpr std::string_view raise_batch_shared =
    "update scheduler_epoch set last_batch = :number, expires_us = " WINDLASS_NOW_US
    " + cast(:well_for as bigint) where id = 1 and epoch = :epoch and last_batch < :number";
constexpr std::string_view extend_expiry = "update scheduler_epoch set expires_us = " WINDLASS_NOW_US
                                           " + cast(:well_for as bigint) where id = 1 and epoch = :epoch";
constexpr std::string_view read_expiry =
    "select case when expires_us <= " WINDLASS_NOW_US " then 1 else 0 end, leader from scheduler_epoch where id = 1";

// Of what a commit may fail with, only these two mean something to the caller.
Error commit_error(Error error) {
    if (error.kind == ErrorKind::conflict) error.kind = ErrorKind::stale;  // a planned moment that has its job already
    if (error.kind != ErrorKind::unavailable && error.kind != ErrorKind::stale) error.kind = ErrorKind::internal;
    return error;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const DatabaseUrl& url, LeadSettings lead) {
    if (lead.shared && url.engine() == Engine::sqlite)
        return make_error(ErrorKind::invalid,
                          "scheduler.standby = true needs PostgreSQL: a SQLite file belongs to one machine and one "
                          "scheduler. Set database.url to postgresql://…, or scheduler.standby to false");
    std::unique_ptr<SqlStore> store = url.engine() == Engine::sqlite ? make_sqlite_store(url, std::move(lead))
                                                                     : make_postgres_store(url, std::move(lead));
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
    const Status taken = holds_lock() ? Status() : take_lock();
    if (!taken && (taken.error().kind != ErrorKind::conflict || !lead_.shared)) return taken.error();
    if (!lead_.shared) return raise_epoch(false);
    if (!taken) WINDLASS_TRY_STATUS(check_expiry());
    // Whoever may not end connections of the old leader leads by the epoch alone, once the old one's commit is through.
    if (const Status ended = unseat(); !ended && ended.error().kind == ErrorKind::unavailable) return ended.error();
    const auto epoch = raise_epoch(!taken);
    // Now it is free, or in the hands of one who is deposed: what counts is the epoch.
    if (epoch && !taken)
        if (const Status late = take_lock(); !late && late.error().kind != ErrorKind::conflict) return late.error();
    return epoch;
}

// A conflict as long as the leader is well.
Status SqlStore::check_expiry() {
    WINDLASS_TRY(const auto rows, session_.query(read_expiry));
    if (rows.size() == 1 && rows[0].truth(0)) return Status();
    const std::string leader = rows.size() == 1 ? rows[0].text(1) : std::string();
    return make_error(ErrorKind::conflict, "standing by; " + (leader.empty() ? "another scheduler" : leader) +
                                               " leads " + session_.url().shown());
}

Result<std::int64_t> SqlStore::raise_epoch(bool only_if_expired) {
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY(const auto rows,
                 lead_.shared ? session_.query(raise_epoch_shared, Microseconds{lead_.well_for_at_first}.count(),
                                               lead_.name, !only_if_expired)
                              : session_.query(raise_epoch_alone, lead_.name));
    if (rows.empty() && only_if_expired)
        return make_error(ErrorKind::conflict, "standing by; the leader is well again, or another took over");
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
    if (lead_.shared) return Status();  // others look at the expiry as well: the lock is not needed
    return make_error(ErrorKind::unavailable, "the lock of the leading scheduler is held by another connection");
}

Status SqlStore::check_epoch() {
    const bool sqlite = session_.engine() == Engine::sqlite;
    WINDLASS_TRY(const auto rows, session_.query(sqlite ? read_epoch_sqlite : read_epoch_postgresql));
    return rows.size() == 1 && is_ours(rows[0].integer(0)) ? Status() : Status(deposed());
}

bool SqlStore::is_ours(std::int64_t epoch) const {
    return epoch == epoch_ || !WINDLASS_GUARD(sql_epoch);
}

Error SqlStore::deposed() const {
    return make_error(ErrorKind::stale, "another scheduler has taken the lead of " + session_.url().shown());
}

Result<Transaction> SqlStore::begin_as_leader() {
    if (epoch_ == 0) return make_error(ErrorKind::stale, "this scheduler has not taken the lead");
    WINDLASS_TRY_STATUS(keep_lock());
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session_));
    WINDLASS_TRY_STATUS(check_epoch());
    return transaction;
}

// Checks the epoch and takes the number in one statement. The row stays locked to the end of the transaction.
Result<bool> SqlStore::claim(std::int64_t number) {
    if (number == 0) {
        WINDLASS_TRY_STATUS(check_epoch());
        return false;
    }
    WINDLASS_TRY(const std::int64_t raised,
                 lead_.shared ? session_.execute(WINDLASS_CLAIM(raise_batch_shared), number, well_for_us(), epoch_)
                              : session_.execute(WINDLASS_CLAIM(raise_batch), number, epoch_));
    if (raised == 1) return false;
    WINDLASS_TRY_STATUS(check_epoch());
    WINDLASS_TRY(const auto rows, session_.query("select last_batch from scheduler_epoch where id = 1"));
    if (rows[0].integer(0) == number) return true;
    return make_error(ErrorKind::stale, "batch " + std::to_string(number) + " comes after a later one");
}

Status SqlStore::commit(const Batch& batch) {
    if (epoch_ == 0) return make_error(ErrorKind::stale, "this scheduler has not taken the lead");
    if (batch.number == 0 && !batch.usage.empty())
        return make_error(ErrorKind::internal, "a batch with usage needs a number: it cannot be repeated without one");
    if (Status lock = keep_lock(); !lock) return commit_error(std::move(lock).error());
    auto transaction = Transaction::begin(session_);
    if (!transaction) return commit_error(std::move(transaction).error());
    const auto before = claim(batch.number);
    if (!before) return commit_error(before.error());
    if (!*before) {
        if (Status written = write(batch); !written) return commit_error(std::move(written).error());
        if (Status committed = transaction->commit(); !committed) return commit_error(std::move(committed).error());
    }
    const auto note = [&](JobId job, const StateRow& row) {
        if (finished_known_ && is_final(row.state)) finished_.push_back(job);
    };
    for (const JobRecord& job : batch.jobs) note(job.job, job.row);
    for (const MemberRecord& member : batch.members) note(member.job, member.row);
    for (const StateChange& change : batch.changes) note(change.job, change.row);
    return Status();
}

// Nothing that anybody was promised: on PostgreSQL it need not wait for the disk, and must not wait long for another
// process that writes numbers about the same host, as transitions of jobs wait behind it.
Status SqlStore::append_samples(const std::vector<metrics::MetricPoint>& points) {
    WINDLASS_TRY(Transaction transaction, begin_as_leader());
    if (engine() == Engine::postgresql) {
        WINDLASS_TRY([[maybe_unused]] const auto loose, session_.execute("set local synchronous_commit = off"));
        WINDLASS_TRY([[maybe_unused]] const auto brief, session_.execute("set local lock_timeout = '250ms'"));
    }
    WINDLASS_TRY_STATUS(metrics::append(session_, points));
    return transaction.commit();
}

Status SqlStore::ping() {
    if (epoch_ == 0) {
        WINDLASS_TRY([[maybe_unused]] const auto rows, session_.query("select 1"));
        return Status();
    }
    if (!lead_.shared) {
        WINDLASS_TRY(const auto rows, session_.query(read_epoch_sqlite));  // nothing follows that needs the row's lock
        return rows.size() == 1 && is_ours(rows[0].integer(0)) ? Status() : Status(deposed());
    }
    WINDLASS_TRY(
        const std::int64_t extended,
        session_.execute(WINDLASS_GUARDED_SQL(sql_epoch, extend_expiry, "epoch = :epoch"), well_for_us(), epoch_));
    return extended == 1 ? Status() : Status(deposed());
}

Status SqlStore::write_offers(const std::vector<OffersRecord>& records) {
    for (const OffersRecord& record : records) {
        WINDLASS_TRY_STATUS(
            done(session_.execute("delete from site_offer where worker = :worker", record.worker.value)));
        for (const SiteOffer& offer : record.offers)
            WINDLASS_TRY_STATUS(done(session_.execute(
                "insert into site_offer (worker, kind, name, digest) values (:worker, :kind, :name, :digest)",
                record.worker.value, static_cast<int>(offer.kind), offer.name, offer.digest)));
    }
    return Status();
}

}  // namespace windlass::scheduler
