// The jobs that the monitoring family shows: those of outside clusters beside those of our own queue, in one order.
// Our own are seen from their start on. The ids never meet: the clusters' lie below Config::Scheduler::first_job_id.
//
// Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "api/monitoring/job_filter.h"
#include "api/monitoring/job_metadata.h"
#include "api/principal.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"

namespace windlass::api {

// Whose jobs may be seen: everybody's, or those of one account. Those of a cluster are an account's if the user's name
// there is its username, in any spelling.
struct MonitoredBy {
    UserId account;
    std::string user_key;
    bool everybodys = false;

    static MonitoredBy of(const Principal& principal);
    bool may_see(const JobMetadata& job) const;
};

class MonitoredJobs {
  public:
    explicit MonitoredJobs(SessionPool& pool) : pool_(pool) {}

    // With Tags and kept Data. An outside job of this number before one of ours; of several clusters' the one that was
    // started last. nullopt: none has it, or ours has not been started.
    Result<std::optional<JobMetadata>> find(std::int64_t id);

    // Tags and kept Data of each.
    Status add_details(std::vector<JobMetadata>& jobs);

    enum class Source { clusters, own_states, own_past };
    // The next at most `most` jobs of one source after `after`, without details; fewer: there are no more. Some may be
    // left out of own sources by num_gpus, which the tables do not know: then `position` tells how far this came.
    struct Batch {
        std::vector<JobMetadata> jobs;
        ListPosition position;
        bool end = false;
    };
    Result<Batch> next(Source source, const MonitoredBy& by, const MonitoredFilter& filter, const ListPosition& after,
                       int most);

    // Names of users that have at least one job and contain the text, in any spelling; ascending.
    Result<std::vector<std::string>> users_with_jobs(const std::string& part, int most);

  private:
    SessionPool& pool_;
};

// All of them in order, a step at a time.
class MonitoredFeed {
  public:
    MonitoredFeed(MonitoredJobs& jobs, MonitoredBy by, MonitoredFilter filter, const ListPosition& after, int batch);

    // The next job, without details. nullopt: there are no more.
    Result<std::optional<JobMetadata>> next();

  private:
    struct Feed {
        MonitoredJobs::Source source;
        ListPosition at;
        bool end = false;
        std::deque<JobMetadata> waiting = {};
    };
    Status fill(Feed& feed);

    MonitoredJobs& jobs_;
    MonitoredBy by_;
    MonitoredFilter filter_;
    int batch_;
    std::int64_t last_own_ = 0;  // a job that was moved from one table to the other meanwhile is seen in both
    std::vector<Feed> feeds_;
};

}  // namespace windlass::api
