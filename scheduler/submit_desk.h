// The way of a submit into the queue: taken apart, its key looked up, the jobs it waits for looked up, fed; and its
// answer afterwards. What needs no look-up goes straight through, in the same turn.
//
// Everything belongs to the loop's thread.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "scheduler/questions.h"
#include "scheduler/turns.h"
#include "shared/protocol.h"

namespace windlass::scheduler {

class SubmitDesk {
  public:
    SubmitDesk(Turns& turns, Questions& questions) : turns_(turns), questions_(questions) {}

    void heard(const PeerPtr& peer, protocol::SubmitJobs submit, const std::string& body);
    void answer(const AnswerSubmit& answer);
    void answer(const RefuseSubmit& refusal);

    std::int64_t submitted() const { return submitted_; }

  private:
    struct Pending {
        std::weak_ptr<Peer> peer;
        RequestId request;
        Submit event;
        UserId owner;
        std::vector<SubmittedItem> items;
        std::optional<KeyRecord> key;
        std::string key_name;  // in keys_in_flight_; empty: none
    };
    using PendingPtr = std::shared_ptr<Pending>;

    void look_up_key(const PendingPtr& pending);
    void look_up_dependencies(const PendingPtr& pending);
    void looked_up(const PendingPtr& pending, const std::vector<JobId>& jobs,
                   const std::vector<std::optional<JobState>>& states);
    std::vector<JobId> note_ends(Pending& pending);
    void feed(const PendingPtr& pending);
    void refuse(const Pending& pending, protocol::SubmitRefused::Why why, std::string detail);
    void unavailable(const Pending& pending, const std::string& why);
    void tell(const Pending& pending, const protocol::Message& message);

    Turns& turns_;
    Questions& questions_;
    std::unordered_set<std::string> keys_in_flight_;
    std::int64_t submitted_ = 0;
};

}  // namespace windlass::scheduler
