#include "scheduler/lease_table.h"

#include "shared/result.h"

namespace windlass::scheduler {

void LeaseTable::add(JobId job, const Lease& lease) {
    WINDLASS_CHECK(leases_.emplace(job, lease).second, "a job was leased that already has a lease");
    by_expiry_.emplace(lease.expires, job);
}

void LeaseTable::remove(JobId job) {
    const auto found = leases_.find(job);
    WINDLASS_CHECK(found != leases_.end(), "a lease was ended that does not exist");
    by_expiry_.erase({found->second.expires, job});
    leases_.erase(found);
}

void LeaseTable::renew(JobId job, SteadyTime expires) {
    const auto found = leases_.find(job);
    WINDLASS_CHECK(found != leases_.end(), "a lease was renewed that does not exist");
    by_expiry_.erase({found->second.expires, job});
    found->second.expires = expires;
    by_expiry_.emplace(expires, job);
}

const Lease* LeaseTable::find(JobId job) const {
    const auto found = leases_.find(job);
    return found == leases_.end() ? nullptr : &found->second;
}

bool LeaseTable::is_current(const AttemptRef& attempt, WorkerId worker) const {
    const Lease* lease = find(attempt.job);
    return lease != nullptr && lease->attempt == attempt.attempt && lease->worker == worker;
}

std::optional<SteadyTime> LeaseTable::earliest() const {
    if (by_expiry_.empty()) return std::nullopt;
    return by_expiry_.begin()->first;
}

std::optional<JobId> LeaseTable::expired(SteadyTime now) const {
    if (by_expiry_.empty() || by_expiry_.begin()->first > now) return std::nullopt;
    return by_expiry_.begin()->second;
}

}  // namespace windlass::scheduler
