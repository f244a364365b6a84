// The shell around the queue: a libuv loop with workers and api processes on one side and the store's thread on the
// other.
//
// One turn of the loop: messages become events, the queue turns them into effects, effects gather in a BatchBuilder. At
// the end of the turn the batch is committed, and while it commits the next one gathers (group commit). What is to be
// told to somebody is told when the batch it came with is durable, never before. What comes with no change does not
// wait for a commit, but for a proof that we still lead when there was none for a while (proofs.h): answers to
// renewals, welcomes, answers to questions.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>

#include "scheduler/greeting.h"
#include "scheduler/housekeeping.h"
#include "scheduler/queue_io.h"
#include "scheduler/store.h"
#include "scheduler/trust_desk.h"
#include "shared/figures.h"
#include "shared/time.h"
#include "shared/wire/connection.h"

namespace windlass::scheduler {

struct ServiceSettings {
    wire::Endpoint listen;
    Door door;
    QueueSettings queue;
    Milliseconds renew_every{5'000};
    Milliseconds self_kill_after{10'000};  // must be less than lease_ttl
    // What comes with no change (renewals, welcomes, answers to questions) is said without asking the store so long
    // after it took a commit of ours. Not longer than the grace of a lease: a new leader waits that long before it
    // hands anything out; where others wait to take over, less than the time for which the store takes us for well.
    Milliseconds proof_lasts{5'000};
    // A worker with nothing in hand has nothing to lose, and an idle site asks next to nothing of its database. But it
    // must not wait for ever for work from one who was deposed.
    Milliseconds proof_for_idle_lasts{60'000};
    // Others wait to take over: the store is told so often that this one is well. 0: nobody waits.
    Milliseconds say_well_every{0};
    Milliseconds hello_deadline{10'000};  // for strangers to say who they are
    std::size_t payload_cache_bytes = 32u << 20;
    HousekeepingSettings housekeeping;
    std::optional<wire::Endpoint> tls_listen;  // for workers of other machines; needs trust.authority
    TrustSettings trust;
    // Over TLS: connections of one address that have not said who they are, and all such together. More are closed
    // before their handshake: each may cost some 100 KiB until hello_deadline.
    std::size_t strangers_per_address = 128;
    std::size_t strangers = 1024;

    // From decision to sending. A worker that hears of a lease this late, renews once more and is then cut off kills
    // the job at the latest when the queue may hand it out again.
    Milliseconds longest_wait_of_a_lease() const {
        return queue.lease_ttl + queue.lease_grace - self_kill_after - renew_every;
    }
};

class Service {
  public:
    // `store` leads already (epoch) and `state` is what it held. `on_deposed` is called once if another scheduler took
    // over: the process must end without telling anybody anything more.
    static Result<std::unique_ptr<Service>> open(uv_loop_t* loop, const Clock& clock, ServiceSettings settings,
                                                 std::unique_ptr<Store> store, std::int64_t epoch, StoredState state,
                                                 std::function<void(const std::string& why)> on_deposed);
    virtual ~Service() = default;

    virtual wire::Endpoint endpoint() const = 0;
    // For workers of other machines; as in the settings, with the port that was picked.
    virtual std::optional<wire::Endpoint> tls_endpoint() const = 0;
    // For Prometheus; service_figures.cpp has their names.
    virtual void add_figures(figures::Families& families) const = 0;
    // Commits what has happened, tells whom it concerns, closes all connections, calls `done`. Leases live on: workers
    // keep running their jobs and find the next scheduler.
    virtual void stop(std::function<void()> done) = 0;
};

}  // namespace windlass::scheduler
