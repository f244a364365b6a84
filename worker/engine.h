// Whoever runs the attempts of this worker: our own sandbox on this machine (runner.h), or somebody else's scheduler
// (slurm/engine.h). The agent hands it what the scheduler says, calls it when a descriptor is readable or a
// moment has come, and takes from it each ended attempt as a FinishedAttempt.
//
// An engine knows no loop. One thread; what would keep it standing still goes to the Background it was made with.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/figures.h"
#include "shared/protocol.h"
#include "shared/result.h"
#include "shared/time.h"
#include "shared/wire/connection.h"
#include "worker/background.h"
#include "worker/finished_attempt.h"

namespace windlass::worker {

// What this worker can take, as it says in Hello. When it changes, the agent connects again to say so.
struct Offer {
    std::int64_t cpu_millis = 0;
    std::int64_t memory_bytes = 0;
    std::map<std::string, std::string> images;    // of the site: name -> digest
    std::map<std::string, std::string> datasets;  // likewise; the digest is empty

    bool operator==(const Offer&) const = default;
};

class Engine {
  public:
    using OnFinished = std::function<void(FinishedAttempt, SteadyTime now)>;
    virtual ~Engine() = default;

    // As it is now: looked at after every turn.
    virtual const Offer& offer() const = 0;
    virtual std::string why_less() const { return {}; }  // a sentence; empty: it offers all that the settings say
    virtual std::map<std::string, std::string> labels() const { return {}; }  // beside those of the settings

    // ---- what the scheduler says ----
    // An attempt in hand already is left as it is. An error: the lease is no lease, and the connection is given up.
    virtual Status lease(protocol::Lease lease, std::string body, SteadyTime now) = 0;
    virtual void cancel(AttemptRef ref, SteadyTime now) = 0;
    virtual void revoke(AttemptRef ref) = 0;
    virtual void blob_fetched(const protocol::BlobFetched& blob, std::string body, SteadyTime now) = 0;
    // `connection` must stay until disconnected(). Says again which attempts run, and their output from the beginning.
    virtual void connected(wire::Connection& connection, SteadyTime now) = 0;
    virtual void disconnected() = 0;
    // The result of an attempt needs this engine no more: the scheduler has it, or it is on this machine's disk.
    virtual void result_is_safe(AttemptRef) {}

    // ---- what happens here ----
    struct Watch {
        int fd = -1;  // the engine's; open as long as it lives
        std::function<void(SteadyTime now)> on_readable;
    };
    virtual std::vector<Watch> watches() { return {}; }
    virtual void on_time(SteadyTime now) = 0;
    // When on_time() has something to do; may be earlier than necessary.
    virtual std::optional<SteadyTime> next() const = 0;
    // Empty while all is well. Otherwise why nothing can be run any more: the worker must end.
    virtual std::string broken() const { return {}; }

    // ---- for a next life of this worker ----
    // What runs outlives this process: it may, until then. No value: nothing may any more.
    virtual bool outlives() const { return false; }
    virtual void leases_good_until(std::optional<SteadyTime>) {}

    // ---- ends ----
    // From now on nothing is started, and what waits is handed back.
    virtual void drain() = 0;
    // What runs, and would end with this process, is told to end, and reported as worker_lost.
    virtual void stop_all(const std::string& why) = 0;
    // The leases are lost: everything is killed at once and nothing of it is reported.
    virtual void kill_all() = 0;

    // Nothing runs that would end with this process.
    virtual bool runs_nothing() const = 0;
    // No attempt would be lost with this process.
    virtual bool empty() const = 0;
    virtual void append_held(std::vector<AttemptRef>& refs) const = 0;
    virtual void add_figures(figures::Families& families) const = 0;
};

// Makes the engine of an agent, which says what its work in the background is done on and who takes the results.
using MakeEngine = std::function<std::unique_ptr<Engine>(Background, Engine::OnFinished)>;

}  // namespace windlass::worker
