// A store that keeps everything in memory: for the simulation, for tests, and to read what a store has to do.
// Several stores may be opened on one MemoryDatabase, as several schedulers are on one PostgreSQL.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "scheduler/store.h"

namespace windlass::scheduler {

// What the tables would hold. Read `tables` only while no store is committing.
class MemoryDatabase {
  public:
    // Of an owner to a content; counts the jobs that use it.
    struct Right {
        WallTime since{};
        std::int64_t jobs = 0;
    };
    struct Piece {
        WallTime created{};
        std::string bytes;
    };
    struct Tables {
        std::map<WorkerId, WorkerRecord> workers;
        std::map<WorkerId, std::vector<SiteOffer>> offers;
        std::set<WorkerId> draining;
        std::map<std::string, std::string> blobs;  // by SHA-256
        std::map<std::pair<UserId, std::string>, Right> rights;
        std::map<std::string, std::int64_t> result_blobs;
        std::map<std::pair<UserId, std::string>, std::map<std::int64_t, Piece>> uploads;
        std::map<JobId, JobRecord> jobs;    // `row` and `array` are the current ones
        std::map<JobId, StateRow> members;  // that have a row of their own
        std::set<JobId> past;               // moved out of the way
        std::map<std::string, QueueConfig> queues{{std::string(default_queue), {std::string(default_queue)}}};
        std::map<std::pair<UserId, std::int64_t>, Microseconds> usage;  // by user and day
        std::map<std::string, Quota> quotas;                            // "tier:NAME", "user:ID"
        std::map<UserId, std::string> tiers;
        std::map<std::tuple<UserId, std::string, std::string>, KeyRecord> keys;
        std::set<std::pair<std::int64_t, WallTime>> planned;  // schedule and moment that have their job
        std::map<std::pair<JobId, std::int32_t>, RecordEvent> events;
        std::map<AttemptRef, ResultRecord> results;
        std::map<std::pair<AttemptRef, std::pair<OutputStream, std::int64_t>>, std::string> output;
        std::map<std::string, StoredToken> tokens;  // by hash
        std::map<std::string, WorkerTrust> trust;   // by worker
        JobId highest_forgotten;
    };
    Tables tables;

    // As if the machine of the leader were cut off: the next store may lead, and the old one finds out at its next
    // commit.
    void break_lock();

  private:
    friend class MemoryStore;
    std::mutex mutex_;
    std::int64_t epoch_ = 0;
    std::int64_t last_batch_ = 0;  // of this epoch
    const void* leader_ = nullptr;
};

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database);

}  // namespace windlass::scheduler
