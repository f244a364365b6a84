// Brings leases to workers: what a job is made of comes from the cache of recent submits or from the store, and the
// queue is asked once more whether the lease still holds.
//
// Everything belongs to the loop's thread.
#pragma once

#include <functional>
#include <vector>

#include "scheduler/payload_cache.h"
#include "scheduler/turns.h"
#include "shared/protocol.h"

namespace windlass::scheduler {

class LeaseSender {
  public:
    // Hands a message to a worker, if it is connected.
    using Send = std::function<void(WorkerId, const protocol::Message&, std::string_view body)>;

    // `longest_wait`: from decision to sending; an older lease is handed back instead.
    LeaseSender(Turns& turns, std::size_t cache_bytes, Milliseconds longest_wait, Send send)
        : turns_(turns), cache_(cache_bytes), longest_wait_(longest_wait), send_(std::move(send)) {}

    // Jobs were born of these items.
    void keep(const Effects& effects, const std::vector<SubmittedItem>& items);
    void forget(JobId job) { cache_.forget(job); }
    // True when the lease is dealt with; false: its payload is not at hand.
    bool send_now(const SendLease& lease, SteadyTime decided);
    // Those that were not at hand.
    void fetch_and_send(std::vector<SendLease> leases, SteadyTime decided);

  private:
    bool may_still_be_sent(const SendLease& lease, SteadyTime decided);
    void hand_over(const SendLease& lease, JobSpec spec, std::string_view code, std::string_view data);

    Turns& turns_;
    PayloadCache cache_;
    Milliseconds longest_wait_;
    Send send_;
};

// What a member of an array sees beside the environment of its array. `params`: JSON object of strings, or empty.
Status add_member_environment(JobSpec& spec, JobId array, std::int64_t member, std::int64_t count,
                              std::string_view params);

}  // namespace windlass::scheduler
