// Where handlers leave what was done. A thread of its own appends it to the chain, many entries in one transaction.
//
//   Calls about who may come in (logins, accounts, tokens, admin) are answered when their entry is durable.
//   The others (a submit, a cancel) are not held up; their entries follow within the pace. A process that is killed
//   may lose the last of those: the rows of the jobs themselves say who submitted them.
//
// While the database is away entries wait, up to a bound; beyond it has_room() is false and nothing that would have to
// be recorded is begun.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "api/audit/audit_repository.h"

namespace windlass::api {

struct AuditPace {
    Milliseconds gather{50};  // before entries that nobody waits for are written
    Milliseconds retry{500};  // after the database refused
    std::size_t most_waiting = 20'000;
};

class AuditLog {
  public:
    AuditLog(AuditRepository& repository, AuditPace pace = {});
    ~AuditLog();  // writes what it can in one last try
    AuditLog(const AuditLog&) = delete;
    AuditLog& operator=(const AuditLog&) = delete;

    // Any thread.
    bool has_room() const;
    void record(AuditEntry entry);
    // `durable` is called on the thread of the log, once, when the entry is committed.
    void record(AuditEntry entry, std::function<void()> durable);

    std::uint64_t written() const;
    std::size_t waiting() const;

  private:
    struct Waiting {
        AuditEntry entry;
        std::function<void()> durable;
    };
    void add(Waiting waiting);
    void run();
    bool write(std::vector<AuditEntry>& entries);

    AuditRepository& repository_;
    const AuditPace pace_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Waiting> waiting_;
    std::size_t being_written_ = 0;
    bool urgent_ = false;
    bool stopping_ = false;
    bool database_away_ = false;
    std::uint64_t written_ = 0;
    std::thread thread_;
};

}  // namespace windlass::api
