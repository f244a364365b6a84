// The stores on a real database, SQLite or PostgreSQL. Tables: sql/.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "scheduler/store.h"
#include "shared/database/session.h"

namespace windlass::scheduler {

// How a scheduler leads a database.
struct LeadSettings {
    std::string name = {};  // of the leader, for people: its host
    // Others wait to take over (PostgreSQL only). The leader is well for `well_for` after each commit and each ping();
    // then the next one that calls lead() ends its connections and leads.
    bool shared = false;
    Milliseconds well_for{6'000};
    // After lead(): the queue has to be read before anything can be said.
    Milliseconds well_for_at_first{60'000};
};

// Connects, brings the tables up to date (migrate) and returns the store of this engine. Failures as of Session::open()
// and migrate(): unavailable means try again later, invalid means that a person has to change something.
Result<std::unique_ptr<Store>> open_store(const DatabaseUrl& url, LeadSettings lead = {});

// What both engines do alike: leading (store_sql.cpp), a restart (store_load.cpp), reading (store_read.cpp), what
// becomes of finished jobs (store_history.cpp), trust in workers (store_trust.cpp). Internal to scheduler/store_*.cpp.
class SqlStore : public Store {
  public:
    Result<std::int64_t> lead() override;
    Status commit(const Batch& batch) override;
    Result<StoredState> load() override;
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) override;
    Result<std::string> blob(const std::string& sha256) override;
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override;
    Result<std::vector<ScheduleRecord>> schedules() override;
    Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                    const std::string& key) override;
    Result<std::int64_t> move_finished(std::int64_t most) override;
    Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) override;
    Result<std::int64_t> forget_expired(WallTime now, std::int64_t most) override;
    Result<std::int64_t> age_metrics(const metrics::AgingSettings& settings, WallTime now, std::int64_t most) override;
    Status append_samples(const std::vector<metrics::MetricPoint>& points) override;
    Status keep_token(const StoredToken& token) override;
    Result<std::int64_t> redeem_token(const Redemption& redemption) override;
    Status revoke_worker(const std::string& worker, WallTime now) override;
    Result<bool> needs_file(const std::vector<JobId>& jobs, const std::string& sha256) override;
    Status ping() override;

    // Connection, tables.
    virtual Status open();

  protected:
    SqlStore(const DatabaseUrl& url, SessionSettings settings, LeadSettings lead)
        : session_(url, std::move(settings)), lead_(std::move(lead)) {}

    // The lock that only one scheduler holds at a time. The epoch is what protects the tables; the lock keeps a standby
    // from taking the lead while the leader is well.
    //   conflict     another one holds it
    //   unavailable  the database is away
    virtual Status take_lock() = 0;
    virtual bool holds_lock() = 0;
    // Ends the connections of a leader that was silent for too long: the one that holds the lock, and one that was
    // frozen in the middle of a commit and keeps the row of the epoch locked. Only where schedulers share a database.
    virtual Status unseat() = 0;

    // The rest of a commit, inside its transaction. Errors of any kind roll it back.
    virtual Status write(const Batch& batch) = 0;

    // Every job that has not ended, by id, and after them every such member, by id; without what stands in tables of
    // its own (arrays, dependencies).
    virtual Status load_jobs(std::vector<StoredJob>& jobs) = 0;

    // Inside a transaction that deletes blobs: nobody adds one, or a right to one, before its end.
    virtual Status lock_blobs() = 0;

    // Takes the place of what these workers had before. Rare: with every connection of a worker, if it changed.
    Status write_offers(const std::vector<OffersRecord>& records);

    Engine engine() const { return session_.engine(); }

    Session session_;

  private:
    Status keep_lock();
    Status check_epoch();
    Status check_expiry();
    bool is_ours(std::int64_t epoch) const;
    Error deposed() const;
    Result<std::int64_t> raise_epoch(bool only_if_expired);
    std::int64_t well_for_us() const { return Microseconds{lead_.well_for}.count(); }

    const LeadSettings lead_;
    Result<Transaction> begin_as_leader();
    // Whether the batch of this number was committed before.
    Result<bool> claim(std::int64_t number);

    Status load_arrays(std::vector<StoredJob>& jobs);
    Status load_dependencies(std::vector<StoredJob>& jobs);
    Status load_users(StoredQueue& queue);
    Result<std::vector<WorkerTrust>> worker_trust();

    struct Base {
        JobSpec spec;
        std::string code, data;
    };
    Result<std::map<JobId, Base>> bases(const std::vector<JobId>& jobs);
    Status add_params(std::vector<StoredPayload>& members);
    Result<std::optional<JobId>> array_around(JobId member);

    Result<std::vector<JobId>> take_finished(std::int64_t most);
    struct Victims;
    Result<Victims> choose_victims(WallTime cutoff, std::int64_t most);
    Status drop_references(const Victims& victims);
    Status forget(const Victims& victims);
    Result<std::int64_t> forget_discarded(std::int64_t most);
    Status drop_unused(const std::vector<std::string>& contents, WallTime cutoff);
    Status sweep_uploads(WallTime cutoff, std::int64_t most);

    std::int64_t epoch_ = 0;  // 0: never led
    // Finished, and as far as is known still in job_state. Nothing is known before the first move.
    std::deque<JobId> finished_;
    bool finished_known_ = false;
    // Parameters of members that were read lately: members of an array start one after the other.
    std::map<std::pair<JobId, std::int64_t>, std::vector<std::string>> params_;
    // How far the sweep for uploads that nobody uses has come.
    UserId swept_owner_;
    std::string swept_sha256_;
};

std::unique_ptr<SqlStore> make_sqlite_store(const DatabaseUrl& url, LeadSettings lead);
std::unique_ptr<SqlStore> make_postgres_store(const DatabaseUrl& url, LeadSettings lead);

Error stale_job(JobId job);
Error occupied_job(JobId job);  // an insert found another job under its id

}  // namespace windlass::scheduler
