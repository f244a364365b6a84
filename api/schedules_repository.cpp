#include "api/schedules_repository.h"

#include <utility>

namespace windlass::api {
namespace {

constexpr std::string_view columns =
    "select id, owner, name, cron, time_zone, overlap, missed, paused, job, created_us, planned_us, last_job from "
    "job_schedule ";

ScheduleView schedule_of(const Row& row) {
    ScheduleView schedule;
    schedule.id = row.integer(0);
    schedule.owner = UserId{row.integer(1)};
    schedule.name = row.text(2);
    schedule.cron = row.text(3);
    schedule.time_zone = row.text(4);
    schedule.overlap = static_cast<OverlapPolicy>(row.integer(5));
    schedule.missed = static_cast<MissedPolicy>(row.integer(6));
    schedule.paused = row.truth(7);
    schedule.job = row.text(8);
    schedule.created = from_unix_us(row.integer(9));
    schedule.planned = from_unix_us(row.integer(10));
    schedule.last_job = JobId{row.integer_or_null(11).value_or(0)};
    return schedule;
}

}  // namespace

Result<ScheduleView> SchedulesRepository::create(ScheduleView schedule, const Also& also) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto ids,
                 session->query("update id_counter set next = next + 1 where name = 'schedule' returning next - 1"));
    WINDLASS_CHECK(ids.size() == 1, "the counter of schedule ids is missing from id_counter");
    schedule.id = ids.front().integer(0);
    WINDLASS_TRY([[maybe_unused]] const auto added,
                 session->execute(
                     "insert into job_schedule (id, owner, name, cron, time_zone, overlap, missed, paused, job, "
                     "created_us, planned_us, last_job) values (:id, :owner, :name, :cron, :zone, :overlap, :missed, "
                     ":paused, :job, :created, :planned, null)",
                     schedule.id, schedule.owner.value, schedule.name, schedule.cron, schedule.time_zone,
                     static_cast<std::int64_t>(schedule.overlap), static_cast<std::int64_t>(schedule.missed),
                     schedule.paused, schedule.job, to_unix_us(schedule.created), to_unix_us(schedule.planned)));
    WINDLASS_TRY_STATUS(also(*session, schedule));
    WINDLASS_TRY_STATUS(transaction.commit());
    return schedule;
}

Result<std::optional<ScheduleView>> SchedulesRepository::one(std::int64_t id) {
    static const std::string sql = std::string(columns) + "where id = :id";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, id));
    if (rows.empty()) return std::optional<ScheduleView>();
    return std::optional(schedule_of(rows.front()));
}

Result<std::vector<ScheduleView>> SchedulesRepository::page(UserId owner, std::int64_t after, int limit) {
    static const std::string everybodys = std::string(columns) + "where id > :after order by id limit :limit";
    static const std::string own =
        std::string(columns) + "where owner = :owner and id > :after order by id limit :limit";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 owner ? session->query(own, owner.value, after, limit) : session->query(everybodys, after, limit));
    std::vector<ScheduleView> page;
    for (const Row& row : rows) page.push_back(schedule_of(row));
    return page;
}

Result<bool> SchedulesRepository::update(const ScheduleView& schedule) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(
        const auto changed,
        session->execute("update job_schedule set name = :name, cron = :cron, time_zone = :zone, "
                         "overlap = :overlap, missed = :missed, paused = :paused, job = :job, "
                         "planned_us = :planned where id = :id",
                         schedule.name, schedule.cron, schedule.time_zone, static_cast<std::int64_t>(schedule.overlap),
                         static_cast<std::int64_t>(schedule.missed), schedule.paused, schedule.job,
                         to_unix_us(schedule.planned), schedule.id));
    return changed > 0;
}

Result<bool> SchedulesRepository::remove(std::int64_t id) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto removed, session->execute("delete from job_schedule where id = :id", id));
    return removed > 0;
}

Status SchedulesRepository::set_last_job(std::int64_t id, JobId job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY([[maybe_unused]] const auto changed,
                 session->execute("update job_schedule set last_job = :job where id = :id", job.value, id));
    return Status();
}

}  // namespace windlass::api
