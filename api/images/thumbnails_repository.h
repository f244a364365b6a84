// The SQL of thumbnails in the making: which of them a job is still to be asked for, and what the jobs left. A
// thumbnail is taken over from its job in one transaction; the job is then given up to be forgotten (job_discard), so
// that the image and its thumbnails are the only ones that hold their bytes.
//
// All of it can be repeated, and done by several processes at the same time: a row is changed only as long as it is in
// the state that was read. Threads: any; each call borrows one session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/images/images_repository.h"
#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct AskedThumbnail {
    ThumbnailId id;
    std::int64_t tries = 0;
    JobId job;
};

class ThumbnailsRepository {
  public:
    explicit ThumbnailsRepository(SessionPool& pool) : pool_(pool) {}

    // Those without a job that were last asked for before `before`.
    Result<std::vector<ThumbnailOrder>> without_job(WallTime before, int limit);
    // These jobs make them. A thumbnail that is gone meanwhile gives its job up; those jobs come back.
    Result<std::vector<JobId>> note_jobs(const std::vector<AskedThumbnail>& asked);
    // Takes over what these jobs left; those that have not ended stay as they are.
    Status settle(const std::vector<JobId>& jobs);
    // The same for every thumbnail in the making, of one account or of all; at most `limit`. How many were looked at.
    Result<int> settle_ended(std::optional<UserId> owner, int limit);
    // Of jobs in the making: for a process that begins to watch.
    Result<std::vector<JobId>> jobs_under_way(int limit);
    // Jobs of the site that no thumbnail knows, older than `before`: given up.
    Status discard_strays(WallTime before, int limit);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
