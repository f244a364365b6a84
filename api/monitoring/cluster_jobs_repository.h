// The SQL of jobs that outside clusters report, and of the Data beside jobs that have stopped. A job is known by the
// cluster's name and the cluster's number of it. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/monitoring/job_metadata.h"
#include "shared/database/session_pool.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

// Columns of cluster_job c that job_of_row() reads, from its first on.
inline constexpr std::string_view cluster_job_columns =
    "c.external_id, c.user_id, c.user_name, c.group_id, c.group_name, c.cluster, c.num_nodes, c.num_tasks, "
    "c.tasks_per_node, c.gpus_per_node, c.node_list, c.start_s, c.stop_s, c.job_name, c.account, c.ttl_s, "
    "c.partition_name, c.job_script, c.exit_code";
JobMetadata job_of_row(const Row& row);  // without Tags and Data

enum class StartVerdict {
    started,       // a new job
    again,         // the same as before: nothing changed
    requeued,      // it had stopped, and runs anew
    another_runs,  // another job of this number runs: nothing was done
};
enum class StopVerdict {
    stopped,
    before,     // it had stopped already; the first stop stands
    unknown,    // no cluster has such a job
    ambiguous,  // jobs of several clusters with this number run: say which
};
struct JobStop {
    std::int64_t id = 0;
    std::optional<std::string> cluster;  // none: whose job it is must be clear from the number
    std::optional<std::int64_t> stop_s;  // none: now
    std::int64_t exit_code = 0;
};
struct Swept {
    std::int64_t closed = 0;   // their time was over, and nobody had stopped them
    std::int64_t removed = 0;  // their TTL had passed
};

class ClusterJobsRepository {
  public:
    explicit ClusterJobsRepository(SessionPool& pool) : pool_(pool) {}

    // Committed when it returns. Times, number of the job and texts are within bounds (job_reports.h). start_s 0: now,
    // and as before when the rest is the same.
    Result<StartVerdict> start(const JobMetadata& job, WallTime now);
    // Committed when it returns. A stop before the start is taken as one at the start.
    Result<StopVerdict> stop(const JobStop& stop, WallTime now);
    // Of all clusters, the most recently started first.
    Result<std::vector<JobMetadata>> with_id(std::int64_t id);

    // Closes what ran past the MaxTime of its partition (exit code 1), and removes what is past its TTL, with all that
    // belongs to it. Any number of processes may do it at the same time: each statement says again what must hold.
    Result<Swept> sweep(WallTime now);

    // What is kept as JobMetadata.Data; nullopt: nothing has been computed.
    Result<std::optional<std::vector<JobMetadataData>>> data_of(const JobMetadata& job);
    Status keep_data(const JobMetadata& job, const std::vector<JobMetadataData>& data, WallTime now);

  private:
    Result<std::int64_t> close_late(Session& session, const MonitoringConfig& config, WallTime now);
    Result<std::int64_t> remove_passed(Session& session, WallTime now);

    SessionPool& pool_;
};

}  // namespace windlass::api
