// What api processes asked and what still waits for a commit: pairs the number that the queue was given with the peer
// that asked and its own number.
#pragma once

#include <string>
#include <unordered_map>
#include <utility>

#include "scheduler/peer.h"

namespace windlass::scheduler {

class Questions {
  public:
    struct Question {
        PeerPtr peer;  // null: gone, or nobody asked
        RequestId theirs;
        std::string key;  // of a submit with an Idempotency-Key: what stands in keys_in_flight
    };

    RequestId remember(const PeerPtr& peer, RequestId theirs, std::string key = {}) {
        const RequestId ours{++last_};
        open_.emplace(ours, Open{peer, theirs, std::move(key)});
        return ours;
    }
    Question recall(RequestId ours) {
        const auto found = open_.find(ours);
        if (found == open_.end()) return {};
        Question question{found->second.peer.lock(), found->second.theirs, std::move(found->second.key)};
        open_.erase(found);
        return question;
    }

  private:
    struct Open {
        std::weak_ptr<Peer> peer;
        RequestId theirs;
        std::string key;
    };
    std::unordered_map<RequestId, Open> open_;
    std::int64_t last_ = 0;
};

}  // namespace windlass::scheduler
