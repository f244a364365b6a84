// What a store would have after the effects of a queue: enough to give the queue back to itself. Refuses what a store
// would refuse, by throwing std::logic_error: a write past its fence, an event that comes twice, a row of nobody.
#pragma once

#include <map>
#include <set>

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

class PersistedQueue {
  public:
    // Before the effects of the submit.
    void submitted(const Submit& submit) { submit_ = submit; }
    void quota(UserId user, const Quota& quota) { users_[user].quota = quota; }
    void apply(const Effect& effect);

    StoredQueue load() const;
    // Of every job that ever had one.
    const std::map<JobId, StateRow>& rows() const { return rows_; }
    const std::map<JobId, ArrayRow>& arrays() const { return arrays_; }
    Microseconds cpu_of(UserId user) const;  // on all days

  private:
    NewJob seed_of(JobId job) const;

    Submit submit_;
    std::map<std::size_t, JobId> ids_;  // of the submit, by index
    std::map<JobId, NewJob> seeds_;
    std::map<JobId, StateRow> rows_;
    std::map<JobId, ArrayRow> arrays_;
    std::map<JobId, std::int32_t> last_event_;
    std::map<std::string, QueueConfig> queues_;
    std::map<UserId, StoredUser> users_;
    std::map<UserId, Microseconds> cpu_;
    std::set<WorkerId> draining_;
};

}  // namespace windlass::scheduler
