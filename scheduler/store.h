// Where jobs live. One interface, three implementations (memory, SQLite, PostgreSQL), one conformance suite
// (tests/scheduler/store_conformance.h). Exceptions of SOCI end inside; expected failures are values.
//
// Threads: one thread at a time (the scheduler's store thread). Blocking.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/queue_io.h"
#include "shared/job.h"
#include "shared/outcome.h"
#include "shared/result.h"

namespace windlass::scheduler {

// The bytes of code, data and result files, kept once under their SHA-256 however many jobs use them.
struct Blob {
    std::string sha256;  // hex, lower case; the hash of bytes
    std::string bytes;
};

struct JobRecord {
    JobId job;
    UserId owner;
    WallTime submitted{};
    JobSpec spec;
    std::string code_sha256;  // empty: no bytes at all
    std::string data_sha256;
    StateRow row;  // as it is at the end of the batch
};

struct StateChange {
    JobId job;
    JobState from_state = JobState::queued;  // as it was before the batch: the fence
    AttemptNumber from_attempt = 0;
    StateRow row;  // as it is at the end of the batch
};

struct ResultRecord {
    AttemptRef attempt;
    WorkerId worker;
    WallTime ended{};
    AttemptResult result;
};

// A piece of what an attempt printed. (attempt, stream, offset) is unique; pieces do not overlap.
struct OutputChunk {
    AttemptRef attempt;
    OutputStream stream = OutputStream::standard_output;
    std::int64_t offset = 0;
    std::string bytes;  // any bytes, NUL included
};

struct WorkerRecord {
    WorkerId worker;
    std::string name;
    WallTime first_seen{};
};

// All that happened in one turn of the loop: one transaction. At most one JobRecord or StateChange per job.
struct Batch {
    std::vector<WorkerRecord> workers;
    std::vector<Blob> blobs;
    std::vector<JobRecord> jobs;
    std::vector<StateChange> changes;
    std::vector<RecordEvent> events;
    std::vector<ResultRecord> results;
    std::vector<OutputChunk> output;

    bool empty() const {
        return workers.empty() && blobs.empty() && jobs.empty() && changes.empty() && events.empty() &&
               results.empty() && output.empty();
    }
};

// What a restart needs.
struct StoredState {
    std::vector<StoredJob> jobs;        // every job that has not ended, by id
    std::vector<WorkerRecord> workers;  // every worker ever seen
    JobId highest_job;                  // 0: none yet
};

class Store {
  public:
    virtual ~Store() = default;

    // Takes the leadership of this database: raises the epoch, which every later commit of this object checks. A
    // scheduler that was leader before gets `stale` from then on. `conflict` when another scheduler holds the lock now
    // (PostgreSQL: an advisory lock; SQLite: a lock file beside the database): wait and try again.
    virtual Result<std::int64_t> lead() = 0;

    // Applies everything or nothing, durably: when it returns ok, the batch survives a power cut.
    // Repeating a batch whose commit had an unknown end is safe and reports ok (every row is either as it was before or
    // as the batch leaves it).
    //   unavailable  the database is away; nothing or everything happened; commit the same batch again later
    //   stale        the epoch moved on, or a job is neither as before nor as after: stop, do not go on
    virtual Status commit(const Batch& batch) = 0;

    virtual Result<StoredState> load() = 0;

    // The payloads of these jobs, in this order. Unknown ids are an internal error.
    virtual Result<std::vector<JobPayload>> payloads(const std::vector<JobId>& jobs) = 0;

    // Cheap: is the database there?
    virtual Status ping() = 0;
};

std::unique_ptr<Store> make_memory_store();

}  // namespace windlass::scheduler
