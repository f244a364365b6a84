// How jobs end whose end is decided and not durable yet: whoever asks the tables of one would hear that it goes on.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

class PendingEnds {
  public:
    void decided(const Effect& effect) {
        if (const auto* ended = std::get_if<JobEnded>(&effect)) jobs_.emplace(ended->job, ended->state);
        if (const auto* members = std::get_if<MembersEnded>(&effect)) members_.emplace(members->array, *members);
    }
    void durable(const Effect& effect) {
        if (const auto* ended = std::get_if<JobEnded>(&effect)) jobs_.erase(ended->job);
        if (const auto* members = std::get_if<MembersEnded>(&effect)) members_.erase(members->array);
    }
    void clear() {
        jobs_.clear();
        members_.clear();
    }

    std::optional<JobState> find(JobId job) const {
        if (const auto found = jobs_.find(job); found != jobs_.end()) return found->second;
        auto after = members_.lower_bound(job);  // the members of an array have the ids that follow its own
        if (after == members_.begin() || !(--after)->second.contains(job)) return std::nullopt;
        return after->second.state;
    }

  private:
    std::unordered_map<JobId, JobState> jobs_;
    std::map<JobId, MembersEnded> members_;  // by array
};

}  // namespace windlass::scheduler
