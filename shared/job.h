// A job as it was submitted. Written once, never changed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/ids.h"
#include "shared/limits.h"
#include "shared/time.h"

namespace windlass {

inline constexpr int min_priority = -100;
inline constexpr int max_priority = 100;

// What a job may reach. Stored: never renumber, only append.
enum class Network : std::int16_t {
    none = 0,  // an empty network namespace of its own
    full = 1,  // the internet, but neither the site's own addresses nor loopback nor metadata services
    // A network of its own with nothing in it but loopback, where its service listens. Follows from JobSpec::service,
    // and is asked for in no other way.
    service = 2,
};

// What a job offers while it runs, to whoever comes through the worker (worker/services.h).
struct ServicePort {
    std::int32_t port = 8080;      // of 127.0.0.1 in its own network, TCP
    std::string check_path = "/";  // it is ready as soon as a GET of this is answered with a status below 500
    Milliseconds idle{0};          // without a forwarded byte for so long it is ended. 0: never
    bool operator==(const ServicePort&) const = default;
};

// Which failures of its own a job is tried again after. Without one: any.
struct RetryOn {
    std::vector<std::int32_t> exit_codes;
    std::vector<std::int32_t> signals;
    bool timeout = false;  // after it reached its time limit

    bool operator==(const RetryOn&) const = default;
};

inline constexpr std::string_view default_queue = "default";

// Who owns the jobs that the site itself has done, such as thumbnails, and where they wait. It is no row of account: it
// cannot log in, stands in no list of accounts and has no quota. (The largest id there is; accounts count from 1.) The
// queue is made by whoever first finds it missing.
inline constexpr UserId system_owner{(std::int64_t{1} << 53) - 1};
inline constexpr std::string_view system_queue = "system";

// When a job that waits for another one may go on. Stored: never renumber, only append.
enum class DependencyCondition : std::int16_t {
    ok = 0,      // it succeeded
    any = 1,     // it ended
    failed = 2,  // it ended in any other way than succeeded
};

// What one user may have at the same time, or use in a day (UTC). nullopt: no limit.
struct Quota {
    std::optional<std::int64_t> queued;  // jobs that wait, members of arrays included
    std::optional<std::int64_t> running;
    std::optional<Microseconds> cpu_per_day;  // held: cores times time
    std::optional<std::int64_t> stored_bytes;

    bool operator==(const Quota&) const = default;
};

struct JobSpec {
    std::string name;  // for people; may be empty
    // Run by /bin/sh (of the image, if it has one) in the working directory. Empty, which only a job with an image may
    // leave it: the image's entry point.
    std::string running_commands;
    std::int16_t priority = 0;            // min_priority..max_priority, higher first, within one user's own jobs
    Milliseconds timeout{Seconds{3600}};  // of running; at the end of it TERM, grace, KILL, state timed_out
    std::int32_t max_attempts = 1;        // tries used up by the job's own failures; losses of workers do not count
    Limits limits;
    std::map<std::string, std::string> env;  // never shown in lists
    std::string queue{default_queue};

    // What follows stands in one column of the table (job.details), and is absent there and on the wire where it has
    // its default.
    std::vector<std::string> tags;
    Network network = Network::none;
    std::optional<RetryOn> retry_on;
    // Before the first further attempt; twice as long before each one after it, with jitter. 0: the site's default.
    Milliseconds retry_delay{0};
    std::map<std::string, std::string> files;  // placed in the working directory: relative path -> SHA-256 of a blob
    std::vector<std::string> outputs;          // patterns of files kept beside out/
    std::optional<WallTime> not_before;        // not started earlier
    std::optional<WallTime> deadline;          // not running later: ends as timed_out, waiting or running
    std::map<std::string, std::string> required_labels;  // labels that the worker must have
    std::map<std::string, std::int64_t> resources;       // named devices taken from the worker, e.g. gpu: 1
    std::string image;                  // name of a site's image; empty: the prepared root of the worker
    std::vector<std::string> datasets;  // names of the site's data sets, found at /tmp/<name>
    std::optional<ServicePort> service;
    std::string traceparent;  // W3C Trace Context of the submit (trace_context.h); empty: none

    bool operator==(const JobSpec&) const = default;
};

// The spec and the bytes of the files `code` and `data` that the job finds in its working directory.
struct JobPayload {
    JobSpec spec;
    std::string code;
    std::string data;
};

}  // namespace windlass
