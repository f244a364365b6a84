// Who may run what until when. A lease is the right of one worker to run one attempt until a deadline.
#pragma once

#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/fair_share.h"
#include "scheduler/queue_io.h"

namespace windlass::scheduler {

struct Lease {
    WorkerId worker;
    AttemptNumber attempt = 0;
    SteadyTime expires{};  // the grace included: from here on somebody else may have it
    FairShare::Commitment commitment;
};

class LeaseTable {
  public:
    // A job has one lease or none.
    void add(JobId job, const Lease& lease);
    void remove(JobId job);
    void renew(JobId job, SteadyTime expires);

    const Lease* find(JobId job) const;
    // True when exactly this attempt is leased to exactly this worker: everything else is stale.
    bool is_current(const AttemptRef& attempt, WorkerId worker) const;

    std::size_t size() const { return leases_.size(); }
    std::optional<SteadyTime> earliest() const;
    // Any lease that is over at `now`; the earliest first.
    std::optional<JobId> expired(SteadyTime now) const;

  private:
    std::unordered_map<JobId, Lease> leases_;
    std::set<std::pair<SteadyTime, JobId>> by_expiry_;
};

}  // namespace windlass::scheduler
