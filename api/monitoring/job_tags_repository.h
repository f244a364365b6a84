// The SQL of tags on jobs of the monitoring family. A tag belongs to who made it, and lives as long as a job has it.
// Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/monitoring/job_metadata.h"
#include "api/monitoring/monitored_jobs.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

enum class TagRefusal { no_such_tag, not_on_this_job, of_somebody_else, too_many };

class JobTagsRepository {
  public:
    explicit JobTagsRepository(SessionPool& pool) : pool_(pool) {}

    // Puts a tag of this name and maker on the job; it is made if there is none. The same again changes nothing.
    Result<std::variant<JobTag, TagRefusal>> add(const JobMetadata& job, const std::string& name, UserId account,
                                                 bool by_admin, WallTime now);
    // Takes it from the job. nullopt: done.
    Result<std::optional<TagRefusal>> remove(const JobMetadata& job, std::int64_t tag, const MonitoredBy& by);
    // By name: the tags of the account, and those on jobs that it may see.
    Result<std::vector<JobTag>> visible(const MonitoredBy& by);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
