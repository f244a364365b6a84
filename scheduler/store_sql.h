// The stores on a real database, SQLite or PostgreSQL. Tables: sql/.
#pragma once

#include <memory>

#include "scheduler/store.h"
#include "shared/database/session.h"

namespace windlass::scheduler {

// Connects, brings the tables up to date (migrate) and returns the store of this engine. Failures as of Session::open()
// and migrate(): unavailable means try again later, invalid means that a person has to change something.
Result<std::unique_ptr<Store>> open_store(const DatabaseUrl& url);

// What both engines do alike. Internal to scheduler/store_*.cpp.
class SqlStore : public Store {
  public:
    Result<std::int64_t> lead() override;
    Status commit(const Batch& batch) override;
    Result<StoredState> load() override;
    Status ping() override;

    // Connection, tables.
    virtual Status open();

  protected:
    SqlStore(const DatabaseUrl& url, SessionSettings settings) : session_(url, std::move(settings)) {}

    // The lock that only one scheduler holds at a time. The epoch is what protects the tables; the lock keeps a standby
    // from taking the lead while the leader is well.
    //   conflict     another one holds it
    //   unavailable  the database is away
    virtual Status take_lock() = 0;
    virtual bool holds_lock() = 0;

    // The rest of a commit, inside its transaction. Errors of any kind roll it back.
    virtual Status write(const Batch& batch) = 0;

    // Every job that has not ended, by id.
    virtual Status load_jobs(std::vector<StoredJob>& jobs) = 0;

    Session session_;

  private:
    Status keep_lock();
    Status check_epoch();

    std::int64_t epoch_ = 0;  // 0: never led
};

std::unique_ptr<SqlStore> make_sqlite_store(const DatabaseUrl& url);
std::unique_ptr<SqlStore> make_postgres_store(const DatabaseUrl& url);

Error stale_job(JobId job);
Error occupied_job(JobId job);  // an insert found another job under its id

}  // namespace windlass::scheduler
