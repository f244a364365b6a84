// Payloads of jobs that were submitted a moment ago, so that a lease need not ask the database. Bounded in bytes: when
// it is full, newcomers are not taken. The oldest jobs are the next to be leased, so it is their payloads that are
// worth keeping; those of the others are read back from the store when their turn comes.
#pragma once

#include <cstddef>
#include <optional>
#include <unordered_map>

#include "scheduler/content.h"
#include "shared/ids.h"

namespace windlass::scheduler {

class PayloadCache {
  public:
    explicit PayloadCache(std::size_t bound_bytes) : bound_bytes_(bound_bytes) {}

    void put(JobId job, const SharedPayload& payload) {
        const std::size_t cost = cost_of(payload);
        if (bytes_ + cost > bound_bytes_) return;
        if (payloads_.emplace(job, payload).second) bytes_ += cost;
    }
    // A lease uses it up: a retry is rare enough to ask the store.
    std::optional<SharedPayload> take(JobId job) {
        const auto found = payloads_.find(job);
        if (found == payloads_.end()) return std::nullopt;
        std::optional<SharedPayload> payload(std::move(found->second));
        payloads_.erase(found);
        bytes_ -= cost_of(*payload);
        return payload;
    }
    // Of an array: its members come one after the other.
    const SharedPayload* peek(JobId job) const {
        const auto found = payloads_.find(job);
        return found == payloads_.end() ? nullptr : &found->second;
    }
    void forget(JobId job) { take(job); }
    std::size_t bytes() const { return bytes_; }

  private:
    // Shared content is counted at each of its users: an over-estimate, which errs on the safe side.
    static std::size_t cost_of(const SharedPayload& payload) {
        std::size_t bytes = 512 + payload.spec.running_commands.size() + payload.spec.name.size();
        for (const auto& [name, value] : payload.spec.env) bytes += 96 + name.size() + value.size();
        return bytes + payload.code->bytes.size() + payload.data->bytes.size();
    }

    std::size_t bound_bytes_;
    std::size_t bytes_ = 0;
    std::unordered_map<JobId, SharedPayload> payloads_;
};

}  // namespace windlass::scheduler
