// Everything that scheduler, workers and api say to each other. All messages are plain structs here; how they look on
// the wire is in codec.cpp and nowhere else.
//
// A connection begins with Hello from whoever dialled, answered by Welcome or Refused. After that each side sends when
// it has something to say. Unknown fields are ignored (an older peer may lack them), unknown messages are refused by
// closing.
//
// Frame: u32 header size, u32 body size (both little-endian), JSON header, raw body. See frame.h for the bounds.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "shared/ids.h"
#include "shared/job.h"
#include "shared/job_state.h"
#include "shared/outcome.h"
#include "shared/result.h"

namespace windlass::protocol {

inline constexpr std::int64_t version = 1;

// ---- greeting
// ---------------------------------------------------------------------------------------------------------

struct Hello {
    std::int64_t version = protocol::version;
    std::string role;       // "worker" or "api"
    std::string name;       // worker: unique in the site; the identity that leases belong to. api: for the log
    std::string instance;   // random, new at each start of the process
    std::string secret;     // the site's shared secret; never logged
    std::int64_t dial = 0;  // grows with every connection of one instance: a Hello that arrives late is known as such
    // worker only:
    std::int64_t cpu_millis = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t prefetch = 0;                      // attempts it will hold ready beyond its capacity
    std::string software;                           // version of the program, for people
    std::map<std::string, std::string> labels;      // what jobs may require, e.g. network: full
    std::map<std::string, std::int64_t> resources;  // named devices, e.g. gpu: 2
    std::map<std::string, std::string> images;      // of the site: name -> digest ("sha256:…"); when they change, the
                                                    // worker connects again
    std::map<std::string, std::string> datasets;    // likewise; the digest is empty
    std::vector<AttemptRef> held;  // every attempt in hand: waiting, running, or ended and not yet acknowledged
};
struct Welcome {
    std::int64_t version = protocol::version;
    std::int64_t epoch = 0;  // of the scheduler's leadership; grows with every start
    // worker only: the clockwork of leases, the scheduler's to decide
    std::int64_t lease_ttl_ms = 0;
    std::int64_t renew_every_ms = 0;
    std::int64_t self_kill_after_ms = 0;  // without an answered renewal for this long the worker kills its own jobs
};
struct Refused {
    std::string reason;  // a sentence; the connection is closed after it
};

// ---- worker to scheduler
// ----------------------------------------------------------------------------------------------

struct Renew {  // every renew_every_ms; answered by Renewed
    std::vector<AttemptRef> held;
};
struct AttemptStarted {
    AttemptRef attempt;
};
struct AttemptReady {  // its service answered its check; said again after every reconnect
    AttemptRef attempt;
    std::string address;  // of the worker's listener for services: unix:/path or HOST:PORT
};
struct AttemptOutput {  // body: the bytes. Sent while the attempt runs; offsets of a stream are gapless from 0
    AttemptRef attempt;
    OutputStream stream = OutputStream::standard_output;
    std::int64_t offset = 0;
};
// Sent again after every reconnect until AcknowledgeFinish comes. Body: what of stdout was not sent as AttemptOutput,
// then of stderr, then the bytes of the files with stored = true, in order.
struct AttemptFinished {
    AttemptRef attempt;
    AttemptResult result;
    std::int64_t stdout_offset = 0;  // where the tail in the body begins
    std::int64_t stdout_size = 0;    // of the tail
    std::int64_t stderr_offset = 0;
    std::int64_t stderr_size = 0;
};
struct AttemptReturned {  // not started, handed back: somebody else may have it at once
    AttemptRef attempt;
};
// One number about an attempt at one moment.
struct AttemptSample {
    WallTime at{};
    std::string measurement;  // "cpu_used"; "user." and a name: the program wrote it itself
    std::string type;         // empty: of the node; "accelerator": of the device type_id
    std::string type_id;      // of the program's own numbers: their tags, "phase=train,rank=0"
    double value = 0;         // finite
};
// While the attempt runs and once more before AttemptFinished. Best effort: nobody answers, nobody says it again.
struct AttemptSampled {
    AttemptRef attempt;
    std::vector<AttemptSample> samples;
};
struct WorkerDraining {};
// Instead of Hello, over TLS from a worker without a certificate: a one-time token for one. Answered by Certified or
// Refused, and then the connection is closed. Said again with the same key it is answered again.
struct Enrol {
    std::string token;
    std::string name;             // the worker's; the token is for this one alone
    std::string signing_request;  // PKCS #10 in PEM
};
struct RenewCertificate {         // after Welcome, over TLS; answered by Certified
    std::string signing_request;  // PKCS #10 in PEM, of a new key
};
struct FetchBlob {  // an input file that is not in the worker's cache; answered by BlobFetched
    std::string sha256;
};

// ---- scheduler to worker
// ----------------------------------------------------------------------------------------------

struct Lease {  // body: code, then data
    AttemptRef attempt;
    JobSpec spec;  // env holds what a member of an array sees beside it: WINDLASS_ARRAY_ID, _INDEX, _COUNT, parameters
    std::int64_t code_size = 0;
    std::int64_t data_size = 0;
    UserId owner;  // of the job
};
struct BlobFetched {  // body: the bytes
    std::string sha256;
    bool found = false;
};
struct CancelAttempt {  // TERM, grace, KILL; then AttemptFinished
    AttemptRef attempt;
};
struct RevokeAttempt {  // no right to it any more: kill it at once, drop its result, report nothing
    AttemptRef attempt;
};
struct AcknowledgeFinish {
    AttemptRef attempt;
    bool accepted = false;
};
struct Renewed {
    std::vector<AttemptRef> kept;
};
struct Certified {
    std::string certificate;  // PEM
    std::string authority;    // the certificate of the site's authority, PEM
};

// ---- api to scheduler
// -------------------------------------------------------------------------------------------------

struct SubmitDependency {
    JobId job;  // 0: the item of this submit with this index
    std::int64_t index = 0;
    DependencyCondition condition = DependencyCondition::ok;
    bool operator==(const SubmitDependency&) const = default;
};
struct SubmitItem {
    JobSpec spec;
    std::int64_t code_size = 0;
    std::int64_t data_size = 0;
    std::vector<SubmitDependency> after;
    std::int64_t array_count = 0;                            // 0: no array
    std::optional<std::int64_t> max_fails;                   // of an array
    std::vector<std::map<std::string, std::string>> params;  // of an array: the environment of each member; or empty
    JobId rerun_of;
};
// Answered by JobsSubmitted after the commit, by SubmitRefused, or by Unavailable. Body: code and data of each item in
// turn. An item whose code (or data) has the same bytes as that of the item before says so with size -1 and sends
// nothing. All items come into being, or none.
struct SubmitJobs {
    RequestId request;
    UserId owner;
    std::vector<SubmitItem> jobs;
    Quota quota;
    // Idempotency-Key: a second submit with the same account (owner), route and key is not carried out.
    std::string route;
    std::string key;  // empty: none
    std::string body_sha256;
};
struct CancelJobs {  // answered by CancelAnswered after the commit, or Unavailable
    RequestId request;
    std::vector<JobId> jobs;
    std::string reason;
};
// ---- by an administrator. Each is answered by OperatorAnswered after the commit, or by Unavailable.
struct ConfigureQueue {
    RequestId request;
    std::string name;
    std::int64_t weight_millis = 1000;
    std::optional<std::int64_t> max_running;
    bool held = false;
    std::string description;
};
struct RemoveQueue {
    RequestId request;
    std::string name;
};
struct DrainWorker {
    RequestId request;
    std::string worker;  // its name
    bool draining = true;
};
struct ForgetWorker {  // it is dead: its attempts are lost now
    RequestId request;
    std::string worker;
};
struct EnrolWorker {  // answered by WorkerEnrolled, or OperatorAnswered when it is refused
    RequestId request;
    std::string worker;  // its name, known or not
};
struct RevokeWorker {  // its certificates are worth nothing any more, nor are its tokens
    RequestId request;
    std::string worker;
};
struct UserQuota {
    UserId user;
    Quota quota;  // what holds now, the part of his tier included
};
struct SetQuotas {  // they changed (answered by OperatorAnswered)
    RequestId request;
    std::vector<UserQuota> users;
};
struct SchedulesChanged {  // rows of job_schedule came, changed or went: read them again (answered by OperatorAnswered)
    RequestId request;
};
struct ListWorkers {  // answered by WorkersListed
    RequestId request;
};
struct ListQueues {  // answered by QueuesListed
    RequestId request;
};
// From now on what happens to this job, and what it prints, is told with JobHappened and JobPrinted, each once it is
// durable. Answered by JobFollowed: what happened before it is in the tables, so read them then, and leave out what
// came twice.
struct FollowJob {
    JobId job;
};
struct UnfollowJob {
    JobId job;
};
struct WatchJob {  // answered by JobEnded: at once if the job is not waiting and not running, else when it ends
    JobId job;
};
struct ExplainJob {  // answered by JobExplained
    RequestId request;
    JobId job;
};
struct AskStatistics {  // answered by Statistics
    RequestId request;
};

// ---- scheduler to api
// -------------------------------------------------------------------------------------------------

struct JobsSubmitted {
    RequestId request;
    std::vector<JobId> jobs;  // in the order of the items
    bool replayed = false;    // an earlier submit with this key made them
};
struct SubmitRefused {
    enum class Why : std::int16_t {
        queued_quota = 0,  // the owner has as many waiting jobs as he may
        cpu_quota = 1,     // the owner used up the processor time of the day
        no_such_queue = 2,
        no_such_job = 3,     // a dependency was never submitted
        key_in_use = 4,      // the first submit with this key is still under way
        key_of_another = 5,  // this key was used with another body
        no_such_blob = 6,    // an input file was never uploaded
    };
    RequestId request;
    Why why = Why::queued_quota;
    std::string detail;               // a sentence
    std::int64_t retry_after_ms = 0;  // 0: no use in trying again
};
struct CancelAnswered {
    RequestId request;
    std::vector<std::int64_t> answers;  // scheduler::CancelAnswer, in the order of the jobs
};
struct OperatorAnswered {
    RequestId request;
    std::string refused;  // a sentence; empty: done
};
struct WorkerEnrolled {
    RequestId request;
    std::string token;  // a secret: shown once, never logged
    WallTime expires{};
};
struct WorkerView {
    std::string name;
    std::string software;
    bool connected = false;
    bool draining = false;
    std::int64_t cpu_millis = 0;
    std::int64_t cpu_millis_used = 0;
    std::int64_t memory_bytes = 0;
    std::int64_t memory_bytes_used = 0;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::int64_t> resources;
    std::map<std::string, std::string> images;  // name -> digest
    std::map<std::string, std::string> datasets;
    std::vector<AttemptRef> attempts;
    std::optional<WallTime> connected_since;  // or, of one that is not: absent
};
struct WorkersListed {
    RequestId request;
    std::vector<WorkerView> workers;
};
struct QueueView {
    std::string name;
    std::int64_t weight_millis = 1000;
    std::optional<std::int64_t> max_running;
    bool held = false;
    std::string description;
    std::int64_t queued = 0;
    std::int64_t running = 0;
};
struct QueuesListed {
    RequestId request;
    std::vector<QueueView> queues;
};
// Of this job something durable was not told: what came before FollowJob (which this answers), or output that the api
// takes too slowly. Read the tables.
struct JobFollowed {
    JobId job;
};
struct JobHappened {  // one row of job_event
    JobId job;
    std::int64_t seq = 0;
    WallTime at{};
    JobMove move = JobMove::submit;
    JobState state = JobState::queued;
    std::int64_t attempt = 0;
    std::string worker;  // its name; empty: none
    std::string detail;
};
struct JobPrinted {  // body: the bytes
    AttemptRef attempt;
    OutputStream stream = OutputStream::standard_output;
    std::int64_t offset = 0;
};
struct JobEnded {
    JobId job;
    bool known = false;  // false: the scheduler does not have it (ended before, or never was): read the table
};
struct JobExplained {
    RequestId request;
    std::string text;
    std::string reason;  // name of scheduler::WaitReason
    std::int64_t own_jobs_ahead = 0;
    std::int64_t users_ahead = 0;
    std::vector<JobId> waits_for;
    std::optional<WallTime> not_before;
    std::optional<WallTime> estimated_start;
};
struct Statistics {
    RequestId request;
    std::int64_t blocked = 0, queued = 0, starting = 0, running = 0;
    std::int64_t workers_connected = 0;
    std::int64_t commits = 0, committed_changes = 0, commit_failures = 0;
    std::int64_t submitted = 0, ended = 0, lost_attempts = 0, stale_refused = 0;
    std::int64_t resident_bytes = 0;
};
struct Unavailable {  // this request was not carried out, as far as we know; try again later
    RequestId request;
    std::string reason;
    std::int64_t retry_after_ms = 1000;
};

using Message =
    std::variant<Hello, Welcome, Refused, Renew, AttemptStarted, AttemptReady, AttemptOutput, AttemptFinished,
                 AttemptReturned, AttemptSampled, WorkerDraining, FetchBlob, Lease, BlobFetched, CancelAttempt,
                 RevokeAttempt, AcknowledgeFinish, Renewed, SubmitJobs, CancelJobs, ConfigureQueue, RemoveQueue,
                 DrainWorker, ForgetWorker, SetQuotas, SchedulesChanged, ListWorkers, ListQueues, FollowJob,
                 UnfollowJob, WatchJob, ExplainJob, AskStatistics, JobsSubmitted, SubmitRefused, CancelAnswered,
                 OperatorAnswered, WorkersListed, QueuesListed, JobFollowed, JobHappened, JobPrinted, JobEnded,
                 JobExplained, Statistics, Unavailable, Enrol, RenewCertificate, Certified, EnrolWorker, RevokeWorker,
                 WorkerEnrolled>;

// The JSON header of a frame. Never fails.
std::string encode(const Message& message);
// invalid: not JSON, an unknown message, a field of the wrong type or out of range. Never crashes, whatever the bytes.
Result<Message> decode(std::string_view header);

// One item of a submit as JSON text: how a recurring job keeps it (job_schedule.job).
std::string encode_item(const SubmitItem& item);
Result<SubmitItem> decode_item(std::string_view text);

// The parts of a spec without a column of their own, as JSON text; empty when all of them have their defaults.
std::string encode_details(const JobSpec& spec);
// Into a spec whose other parts are there already.
Status decode_details(std::string_view text, JobSpec& spec);

}  // namespace windlass::protocol
