// What a restart reads. Nothing here grows with the jobs that ended.
#include <algorithm>
#include <set>

#include "scheduler/store_particulars.h"
#include "scheduler/store_rows.h"
#include "scheduler/store_sql.h"

namespace windlass::scheduler {
namespace {

// Ranges of ids do not overlap, so the last array has the highest member.
constexpr std::string_view select_highest =
    "select (select highest_job from scheduler_epoch where id = 1), (select max(id) from job), (select id + count from "
    "job_array order by id desc limit 1)";

constexpr std::string_view select_workers = "select id, name, first_seen_us, draining from worker order by id";

constexpr std::string_view select_queues =
    "select name, weight_millis, max_running, held, description from job_queue order by name";

constexpr std::string_view select_live_arrays =
    "select a.id, a.count, a.next_member, a.max_fails, a.succeeded, a.failed, a.timed_out, a.cancelled, a.lost from "
    "job_array a join job_state s on s.id = a.id where s.state < 4 order by a.id";

// Members with a row of their own though their turn has not come: cancelled one by one.
constexpr std::string_view select_members_ahead =
    "select id from job_state where id between :first and :last union select id from job_past where id between :first "
    "and :last order by id";

constexpr std::string_view select_waited_for =
    "select d.job, d.after_job, d.condition from job_dependency d join job_state s on s.id = d.job where s.state = 0 "
    "order by d.job, d.after_job, d.condition";

constexpr std::string_view select_schedules =
    "select id, owner, cron, time_zone, overlap, missed, paused, job, planned_us, last_job from job_schedule order by "
    "id";

constexpr std::string_view select_quotas = "select subject, queued, running, cpu_s_per_day, stored_bytes from quota";
constexpr std::string_view select_tiers = "select id, tier from account";
constexpr std::string_view select_last_usage =
    "select owner, day, cpu_us from user_usage where day = (select max(day) from user_usage)";

std::optional<Microseconds> seconds_column(const std::optional<std::int64_t>& seconds) {
    return seconds ? std::optional(Microseconds{Seconds{*seconds}}) : std::nullopt;
}

StoredJob* find(std::vector<StoredJob>& jobs, JobId id) {
    const auto found = std::ranges::lower_bound(jobs, id, {}, &StoredJob::job);
    return found != jobs.end() && found->job == id ? &*found : nullptr;
}

}  // namespace

Result<StoredState> SqlStore::load() {
    StoredState stored;
    WINDLASS_TRY(const auto highest, session_.query(select_highest));
    for (std::size_t i = 0; i < 3; ++i)
        stored.queue.highest_job = std::max(stored.queue.highest_job, JobId{highest[0].integer_or_null(i).value_or(0)});
    WINDLASS_TRY(const auto workers, session_.query(select_workers));
    for (const Row& row : workers) {
        stored.workers.push_back({WorkerId{row.integer(0)}, row.text(1), from_unix_us(row.integer(2))});
        if (row.truth(3)) stored.queue.draining.push_back(WorkerId{row.integer(0)});
    }
    WINDLASS_TRY(stored.trust, worker_trust());
    WINDLASS_TRY(const auto queues, session_.query(select_queues));
    for (const Row& row : queues)
        stored.queue.queues.push_back({row.text(0), static_cast<double>(row.integer(1)) / 1000, row.integer_or_null(2),
                                       row.truth(3), row.text(4)});
    // Counted first: a million of these are half a gigabyte, which a growing vector would move ten times.
    WINDLASS_TRY(const auto live, session_.query("select count(*) from job_state where state < 4"));
    stored.queue.jobs.reserve(static_cast<std::size_t>(live[0].integer(0)));
    WINDLASS_TRY_STATUS(load_jobs(stored.queue.jobs));
    const auto members = std::ranges::is_sorted_until(stored.queue.jobs, {}, &StoredJob::job);
    std::ranges::inplace_merge(stored.queue.jobs, members, {}, &StoredJob::job);
    WINDLASS_TRY_STATUS(load_arrays(stored.queue.jobs));
    WINDLASS_TRY_STATUS(load_dependencies(stored.queue.jobs));
    WINDLASS_TRY_STATUS(load_users(stored.queue));
    return stored;
}

Result<std::vector<ScheduleRecord>> SqlStore::schedules() {
    WINDLASS_TRY(const auto rows, session_.query(select_schedules));
    std::vector<ScheduleRecord> records;
    for (const Row& row : rows) {
        ScheduleRecord& record = records.emplace_back();
        record.id = row.integer(0);
        record.owner = UserId{row.integer(1)};
        record.cron = row.text(2);
        record.time_zone = row.text(3);
        record.overlap = static_cast<OverlapPolicy>(row.integer(4));
        record.missed = static_cast<MissedPolicy>(row.integer(5));
        record.paused = row.truth(6);
        record.job = row.text(7);
        record.dealt_with = from_unix_us(row.integer(8));
        record.last_job = JobId{row.integer_or_null(9).value_or(0)};
    }
    return records;
}

Status SqlStore::load_arrays(std::vector<StoredJob>& jobs) {
    WINDLASS_TRY(const auto rows, session_.query(select_live_arrays));
    for (const Row& row : rows) {
        StoredJob* job = find(jobs, JobId{row.integer(0)});
        if (job == nullptr) continue;
        job->array = array_row(row, 1);
        job->seed.array = {job->array->count, job->array->max_fails};
        const std::int64_t first = job->job.value + 1 + job->array->next_member;
        WINDLASS_TRY(const auto members,
                     session_.query(select_members_ahead, first, job->job.value + job->array->count));
        for (const Row& member : members) job->holes.push_back(member.integer(0) - job->job.value - 1);
    }
    return Status();
}

Status SqlStore::load_dependencies(std::vector<StoredJob>& jobs) {
    const auto blocked = [](const StoredJob& job) { return job.row.state == JobState::blocked; };
    if (std::ranges::none_of(jobs, blocked)) return Status();
    WINDLASS_TRY(const auto rows, session_.query(select_waited_for));
    std::vector<JobId> ended;  // or never started, or never there
    for (const Row& row : rows)
        if (const JobId after{row.integer(1)}; find(jobs, after) == nullptr) ended.push_back(after);
    std::ranges::sort(ended);
    ended.erase(std::ranges::unique(ended).begin(), ended.end());
    WINDLASS_TRY(const auto states, final_states(ended));
    for (const Row& row : rows) {
        StoredJob* job = find(jobs, JobId{row.integer(0)});
        if (job == nullptr) continue;
        Dependency dependency{.job = JobId{row.integer(1)},
                              .condition = static_cast<DependencyCondition>(row.integer(2))};
        const auto place = std::ranges::lower_bound(ended, dependency.job);
        if (place != ended.end() && *place == dependency.job)
            dependency.ended = states[static_cast<std::size_t>(place - ended.begin())];
        job->seed.after.push_back(dependency);
    }
    return Status();
}

Status SqlStore::load_users(StoredQueue& queue) {
    std::set<UserId> users;
    for (const StoredJob& job : queue.jobs) users.insert(job.seed.owner);
    std::map<std::string, Quota> quotas;
    WINDLASS_TRY(const auto limits, session_.query(select_quotas));
    for (const Row& row : limits) {
        quotas[row.text(0)] = {row.integer_or_null(1), row.integer_or_null(2), seconds_column(row.integer_or_null(3)),
                               row.integer_or_null(4)};
        if (row.text(0).starts_with("user:")) users.insert(UserId{std::strtoll(row.text(0).c_str() + 5, nullptr, 10)});
    }
    WINDLASS_TRY(const auto usage, session_.query(select_last_usage));
    std::map<UserId, std::pair<std::int64_t, Microseconds>> used;
    for (const Row& row : usage) {
        used[UserId{row.integer(0)}] = {row.integer(1), Microseconds{row.integer(2)}};
        users.insert(UserId{row.integer(0)});
    }
    std::map<UserId, std::string> tiers;
    if (!quotas.empty()) {
        WINDLASS_TRY(const auto accounts, session_.query(select_tiers));
        for (const Row& row : accounts) tiers[UserId{row.integer(0)}] = row.text(1);
    }
    for (const UserId user : users) {
        const auto day = used.contains(user) ? used[user] : std::pair<std::int64_t, Microseconds>();
        queue.users.push_back(
            {user, overridden(quotas["user:" + user.text()], quotas["tier:" + tiers[user]]), day.first, day.second});
    }
    return Status();
}

}  // namespace windlass::scheduler
