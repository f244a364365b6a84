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
    std::int64_t prefetch = 0;     // attempts it will hold ready beyond its capacity
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
struct WorkerDraining {};

// ---- scheduler to worker
// ----------------------------------------------------------------------------------------------

struct Lease {  // body: code, then data
    AttemptRef attempt;
    JobSpec spec;
    std::int64_t code_size = 0;
    std::int64_t data_size = 0;
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

// ---- api to scheduler
// -------------------------------------------------------------------------------------------------

struct SubmitItem {
    JobSpec spec;
    std::int64_t code_size = 0;
    std::int64_t data_size = 0;
};
// Answered by JobsSubmitted after the commit, or Unavailable. Body: code and data of each item in turn. An item whose
// code (or data) has the same bytes as that of the item before says so with size -1 and sends nothing.
struct SubmitJobs {
    RequestId request;
    UserId owner;
    std::vector<SubmitItem> jobs;
};
struct CancelJob {  // answered by CancelAnswered after the commit, or Unavailable
    RequestId request;
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

struct JobsSubmitted {  // ids are first, first+1, … in the order of the items
    RequestId request;
    JobId first;
    std::int64_t count = 0;
};
struct CancelAnswered {
    RequestId request;
    std::int64_t answer = 0;  // scheduler::CancelAnswer
};
struct JobEnded {
    JobId job;
    bool known = false;  // false: the scheduler does not have it (ended before, or never was): read the table
};
struct JobExplained {
    RequestId request;
    std::string text;  // empty: the job is not waiting
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

using Message = std::variant<Hello, Welcome, Refused, Renew, AttemptStarted, AttemptOutput, AttemptFinished,
                             AttemptReturned, WorkerDraining, Lease, CancelAttempt, RevokeAttempt, AcknowledgeFinish,
                             Renewed, SubmitJobs, CancelJob, WatchJob, ExplainJob, AskStatistics, JobsSubmitted,
                             CancelAnswered, JobEnded, JobExplained, Statistics, Unavailable>;

// The JSON header of a frame. Never fails.
std::string encode(const Message& message);
// invalid: not JSON, an unknown message, a field of the wrong type or out of range. Never crashes, whatever the bytes.
Result<Message> decode(std::string_view header);

// The parts of a spec without a column of their own, as JSON text; empty when all of them have their defaults.
std::string encode_details(const JobSpec& spec);
// Into a spec whose other parts are there already.
Status decode_details(std::string_view text, JobSpec& spec);

}  // namespace windlass::protocol
