// A store that keeps everything in memory: for the simulation, for tests, and to read what a store has to do.
// Several stores may be opened on one MemoryDatabase, as several schedulers are on one PostgreSQL.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "scheduler/store.h"

namespace windlass::scheduler {

// What the tables would hold. Read `tables` only while no store is committing.
class MemoryDatabase {
  public:
    struct Tables {
        std::map<WorkerId, WorkerRecord> workers;
        std::map<std::string, std::string> blobs;  // by SHA-256
        std::map<JobId, JobRecord> jobs;           // `row` is the current one
        std::map<std::pair<JobId, std::int32_t>, RecordEvent> events;
        std::map<AttemptRef, ResultRecord> results;
        std::map<std::pair<AttemptRef, std::pair<OutputStream, std::int64_t>>, std::string> output;
    };
    Tables tables;

    // As if the machine of the leader were cut off: the next store may lead, and the old one finds out at its next
    // commit.
    void break_lock();

  private:
    friend class MemoryStore;
    std::mutex mutex_;
    std::int64_t epoch_ = 0;
    const void* leader_ = nullptr;
};

std::unique_ptr<Store> make_memory_store(std::shared_ptr<MemoryDatabase> database);

}  // namespace windlass::scheduler
