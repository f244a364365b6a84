// The SQL of recurring jobs. The api writes these rows; the scheduler reads them, runs what is due and keeps planned_us
// and last_job. Threads: any; each call borrows one session.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "shared/database/session_pool.h"
#include "shared/ids.h"
#include "shared/result.h"
#include "shared/schedule_policy.h"
#include "shared/time.h"

namespace windlass::api {

struct ScheduleView {
    std::int64_t id = 0;
    UserId owner;
    std::string name;
    std::string cron;
    std::string time_zone = "UTC";
    OverlapPolicy overlap = OverlapPolicy::skip;
    MissedPolicy missed = MissedPolicy::skip;
    bool paused = false;
    // {"body": the submit as it was sent, "item": protocol::encode_item() of it}. code and data stand in the body.
    std::string job;
    WallTime created{};
    WallTime planned{};  // the last moment that was dealt with
    JobId last_job;      // 0: none yet
};

class SchedulesRepository {
  public:
    explicit SchedulesRepository(SessionPool& pool) : pool_(pool) {}

    // Gives it its id. `also` is done in the same transaction.
    using Also = std::function<Status(Session& session, const ScheduleView& stored)>;
    Result<ScheduleView> create(ScheduleView schedule, const Also& also);
    Result<std::optional<ScheduleView>> one(std::int64_t id);
    // In the order of their ids, those after `after`. owner 0: everybody's.
    Result<std::vector<ScheduleView>> page(UserId owner, std::int64_t after, int limit);
    // What people may change of it, and planned. False: it is gone.
    Result<bool> update(const ScheduleView& schedule);
    Result<bool> remove(std::int64_t id);
    Status set_last_job(std::int64_t id, JobId job);

  private:
    SessionPool& pool_;
};

}  // namespace windlass::api
