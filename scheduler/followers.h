// Which api processes follow which jobs, and what they are told once it is durable. A noun of the service: belongs to
// the loop's thread.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "scheduler/store.h"
#include "shared/ids.h"
#include "shared/wire/connection.h"

namespace windlass::scheduler {

class Followers {
  public:
    using Peer = std::shared_ptr<wire::Connection>;
    using WorkerName = std::function<std::string(WorkerId)>;  // of a worker that an event names

    // FollowJob and UnfollowJob of an api process. follow() answers with JobFollowed.
    void follow(const Peer& peer, JobId job);
    void unfollow(const Peer& peer, JobId job);
    // The connection is gone.
    void left(const Peer& peer);

    // The batch is durable: tells those who follow its jobs. Of each job first what it printed, then what happened to
    // it, so that whoever hears of the end has heard everything. Costs a comparison when nobody follows anything.
    void committed(const Batch& batch, const WorkerName& worker_name);

    bool follows(JobId job) const { return !peers_.empty() && peers_.contains(job); }
    std::size_t jobs() const { return peers_.size(); }

  private:
    void tell_output(const OutputChunk& chunk, std::vector<std::pair<const wire::Connection*, JobId>>& behind);

    // What waits for one api process that reads slowly. Beyond it output is not told but pointed to (JobFollowed): the
    // api reads it from the tables, at the pace of those who follow.
    static constexpr std::size_t max_unsent_bytes = 4u << 20;

    std::unordered_map<JobId, std::vector<Peer>> peers_;
};

}  // namespace windlass::scheduler
