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
#include "scheduler/worker_trust.h"
#include "shared/job.h"
#include "shared/metrics/aging_settings.h"
#include "shared/metrics/metric_point.h"
#include "shared/outcome.h"
#include "shared/result.h"
#include "shared/schedule_policy.h"

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
    StateRow row;               // as it is at the end of the batch
    JobId rerun_of;             // 0: of none
    std::int64_t schedule = 0;  // 0: of none
    // Of a scheduled job: the schedule has then dealt with this moment (job_schedule.planned_us). A second job of the
    // same moment is refused as stale.
    std::optional<WallTime> planned;
    std::vector<Dependency> after;    // with real ids
    std::optional<ArrayRow> array;    // of an array, as it is at the end of the batch
    std::vector<std::string> params;  // of an array: JSON objects, one per member; empty: none
};

// A member of an array that gets a row of its own.
struct MemberRecord {
    JobId job;
    StateRow row;  // row.array: whose
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

// What of the site's a worker has. Stored: never renumber, only append.
enum class SiteThing : std::int16_t { image = 1, dataset = 2 };
struct SiteOffer {
    SiteThing kind = SiteThing::image;
    std::string name;
    std::string digest;
};
struct OffersRecord {  // takes the place of all that this worker had before
    WorkerId worker;
    std::vector<SiteOffer> offers;
};

// A recurring job, as its row has it.
struct ScheduleRecord {
    std::int64_t id = 0;
    UserId owner;
    std::string cron;
    std::string time_zone;
    OverlapPolicy overlap = OverlapPolicy::skip;
    MissedPolicy missed = MissedPolicy::once;
    bool paused = false;
    std::string job;  // JSON: {"body": the submit as it was sent, "item": protocol::encode_item() of it}
    WallTime dealt_with{};
    JobId last_job;  // 0: none yet
};
// A planned moment was left out. (One that was run is known by its job.)
struct ScheduleProgress {
    std::int64_t schedule = 0;
    WallTime dealt_with{};
};

// The key under which a submit was made (Idempotency-Key), so that it is not made twice.
struct KeyRecord {
    UserId account;
    std::string route;
    std::string key;
    std::string body_sha256;
    WallTime created{};
    std::vector<JobId> jobs;  // the answer
};

// All that happened in one turn of the loop: one transaction. At most one JobRecord, MemberRecord or StateChange per
// job, and one ChangeArray per array (of an array born in this batch: none, it stands in the JobRecord). A queue is in
// one of `queues` and `dropped_queues`.
struct Batch {
    // Counts the batches of one leader, from 1 (gaps are allowed): a batch that is committed again after an unknown end
    // is known by its number, and then nothing of it is done twice. 0: not counted; such a batch may hold no usage.
    std::int64_t number = 0;
    std::vector<WorkerRecord> workers;
    std::vector<OffersRecord> offers;  // the last of a worker counts
    std::vector<Blob> blobs;
    std::vector<JobRecord> jobs;
    std::vector<MemberRecord> members;
    std::vector<StateChange> changes;
    std::vector<ChangeArray> arrays;
    std::vector<StoreQueue> queues;
    std::vector<DropQueue> dropped_queues;
    std::vector<StoreDraining> draining;
    std::vector<AddUsage> usage;  // one per user and day
    std::vector<KeyRecord> keys;
    std::vector<ScheduleProgress> schedules;
    std::vector<RecordEvent> events;
    std::vector<ResultRecord> results;
    std::vector<OutputChunk> output;

    bool empty() const {
        return workers.empty() && offers.empty() && blobs.empty() && jobs.empty() && members.empty() &&
               changes.empty() && arrays.empty() && queues.empty() && dropped_queues.empty() && draining.empty() &&
               usage.empty() && keys.empty() && schedules.empty() && events.empty() && results.empty() &&
               output.empty();
    }
};

// What a restart needs.
struct StoredState {
    StoredQueue queue;
    std::vector<WorkerRecord> workers;  // every worker ever seen
    std::vector<WorkerTrust> trust;     // every worker ever enrolled
};

// What a worker needs to run a job: the payload, and for a member of an array which member it is.
struct StoredPayload {
    JobPayload payload;
    JobId array;              // 0: no member
    std::int64_t member = 0;  // from 0
    std::int64_t count = 0;   // of the array
    std::string params;       // JSON object of this member; empty: none
};

class Store {
  public:
    virtual ~Store() = default;

    // Takes the leadership of this database: raises the epoch, which every later commit of this object checks. A
    // scheduler that was leader before gets `stale` from then on. `conflict` when another scheduler holds the lock now
    // (PostgreSQL: an advisory lock; SQLite: a lock file beside the database): wait and try again. Where schedulers
    // share a database (LeadSettings) a leader that has not said for a while that it is well is replaced.
    virtual Result<std::int64_t> lead() = 0;

    // Applies everything or nothing, durably: when it returns ok, the batch survives a power cut.
    // Repeating a batch whose commit had an unknown end is safe and reports ok (known by its number; without one, every
    // row is either as it was before or as the batch leaves it).
    //   unavailable  the database is away; nothing or everything happened; commit the same batch again later
    //   stale        the epoch moved on, a job is neither as before nor as after, or a planned moment has its job
    //   already:
    //                stop, do not go on
    virtual Status commit(const Batch& batch) = 0;

    virtual Result<StoredState> load() = 0;

    // The payloads of these jobs, in this order. Unknown ids are an internal error.
    virtual Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) = 0;

    // The bytes under a hash: input files of a job. not_found when there are none.
    virtual Result<std::string> blob(const std::string& sha256) = 0;

    // The final states of jobs and members that the queue does not know (any more); nullopt: there never was such a
    // job, or it has not ended. A member that was never started ended with its array: cancelled, or timed_out.
    virtual Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) = 0;

    // What a submit with this key did, if there was one. It may be older than 24 h (see `created`): such a key is free
    // again, and a commit with it replaces the old record.
    virtual Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                            const std::string& key) = 0;

    // Every recurring job.
    virtual Result<std::vector<ScheduleRecord>> schedules() = 0;

    // Moves finished jobs, at most `most` of them, from job_state to job_past; how many there were. Durable on return;
    // harmless to repeat or to leave out. Checks the epoch like commit(). Readers see each job once at every moment.
    virtual Result<std::int64_t> move_finished(std::int64_t most) = 0;

    // Deletes what finished before `cutoff`, at most `most` jobs, with all they left, and blobs nobody refers to any
    // more; how many jobs. Members go with their array (a large one takes several calls), and what a blocked job waits
    // for stays. Uploads older than `cutoff` to which no job refers go too, by and by. One transaction.
    virtual Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) = 0;

    // Deletes idempotency keys older than 24 h and uploads under way of which nothing came for 24 h, at most `most` of
    // each; how many.
    virtual Result<std::int64_t> forget_expired(WallTime now, std::int64_t most) = 0;

    // Metrics that grow old become coarser, and go: about `most` windows of them, in one transaction; how many, 0 when
    // none is old enough. A store without metrics has none.
    virtual Result<std::int64_t> age_metrics(const metrics::AgingSettings&, WallTime /*now*/, std::int64_t /*most*/) {
        return std::int64_t{0};
    }
    // Numbers about attempts, in a transaction of their own. Best effort: what fails is not tried again, and a store
    // may keep none. Checks the epoch like commit().
    virtual Status append_samples(const std::vector<metrics::MetricPoint>&) { return {}; }

    // ---- workers of other machines (worker_trust.h). Each change is durable on return, and checks the epoch like
    // commit(). A store may know of none.
    virtual Status keep_token(const StoredToken&) { return no_enrolment(); }
    // The generation that is certified. Safe to repeat with the same key.
    //   denied  judge_redemption() says why
    virtual Result<std::int64_t> redeem_token(const Redemption&) { return no_enrolment(); }
    // Also withdraws the tokens that were made for it. not_found: it was never enrolled.
    virtual Status revoke_worker(const std::string& /*worker*/, WallTime /*now*/) { return no_enrolment(); }

    // One of these jobs has this content among its input files.
    virtual Result<bool> needs_file(const std::vector<JobId>& /*jobs*/, const std::string& /*sha256*/) { return true; }

    // Cheap: is the database there, and do we still lead it? Where schedulers share a database this says that the
    // leader is well; so does every commit. Before lead(): only whether the database is there.
    //   unavailable  the database is away
    //   stale        another one leads: stop, tell nobody anything
    virtual Status ping() = 0;

  private:
    static Error no_enrolment() { return make_error(ErrorKind::internal, "this store keeps no enrolments"); }
};

std::unique_ptr<Store> make_memory_store();

}  // namespace windlass::scheduler
