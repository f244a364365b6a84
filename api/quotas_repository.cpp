#include "api/quotas_repository.h"

#include <utility>

#include "api/blobs_repository.h"

namespace windlass::api {
namespace {

constexpr Seconds remembered_for{1};
constexpr std::size_t most_remembered = 10'000;

// Four columns from `column` on.
Quota quota_of(const Row& row, std::size_t column) {
    Quota quota;
    quota.queued = row.integer_or_null(column);
    quota.running = row.integer_or_null(column + 1);
    if (const auto seconds = row.integer_or_null(column + 2)) quota.cpu_per_day = Seconds{*seconds};
    quota.stored_bytes = row.integer_or_null(column + 3);
    return quota;
}

QuotaLine line_of(const Row& row) {
    return {row.text(0), row.text_or_null(1).value_or(""), quota_of(row, 2)};
}

constexpr std::string_view line_columns =
    "select q.subject, a.username, q.queued, q.running, q.cpu_s_per_day, q.stored_bytes from quota q "
    "left join account a on q.subject = 'user:' || cast(a.id as text) ";

// Of each kind the user's own number, else that of his tier.
#define WINDLASS_EFFECTIVE                                                                                             \
    "coalesce(u.queued, t.queued), coalesce(u.running, t.running), coalesce(u.cpu_s_per_day, t.cpu_s_per_day), "       \
    "coalesce(u.stored_bytes, t.stored_bytes) from account a left join quota t on t.subject = 'tier:' || a.tier left " \
    "join quota u on u.subject = 'user:' || cast(a.id as text) "
constexpr std::string_view of_one = "select " WINDLASS_EFFECTIVE "where a.id = :id";
constexpr std::string_view of_tier =
    "select a.id, " WINDLASS_EFFECTIVE "where a.tier = :tier and a.id in (select owner from job_state where state < 4)";

}  // namespace

Result<Quota> QuotasRepository::effective(UserId account, SteadyTime now) {
    std::uint64_t generation = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto found = cache_.find(account);
        if (found != cache_.end() && found->second.until > now) return found->second.quota;
        generation = generation_;
    }
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(of_one, account.value));
    const Quota quota = rows.empty() ? Quota{} : quota_of(rows.front(), 0);
    const std::lock_guard lock(mutex_);
    if (generation == generation_) {
        if (cache_.size() >= most_remembered) cache_.clear();
        cache_[account] = {quota, now + remembered_for};
    }
    return quota;
}

Result<std::vector<protocol::UserQuota>> QuotasRepository::of_active_users(const std::string& tier) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(of_tier, tier));
    std::vector<protocol::UserQuota> users;
    for (const Row& row : rows) users.push_back({UserId{row.integer(0)}, quota_of(row, 1)});
    return users;
}

Result<QuotaUsage> QuotasRepository::usage(UserId account, WallTime now) {
    QuotaUsage usage;
    const std::int64_t day = std::chrono::floor<std::chrono::days>(now).time_since_epoch().count();
    {
        WINDLASS_TRY(const auto session, pool_.lease());
        // An array's own row waits as long as it lives, and counts as its members that have no row.
        WINDLASS_TRY(const auto states,
                     session->query("select s.state, count(*) from job_state s where s.owner = :owner and s.state < 4 "
                                    "and not exists (select 1 from job_array a where a.id = s.id) group by s.state",
                                    account.value));
        for (const Row& row : states) (row.integer(0) >= 2 ? usage.running : usage.queued) += row.integer(1);
        WINDLASS_TRY(const auto arrays,
                     session->query("select a.count - a.next_member from job_array a join job_state s on s.id = a.id "
                                    "where s.owner = :owner and s.state < 4",
                                    account.value));
        for (const Row& row : arrays) usage.queued += row.integer(0);
        WINDLASS_TRY(const auto cpu, session->query("select cpu_us from user_usage where owner = :owner and day = :day",
                                                    account.value, day));
        if (!cpu.empty()) usage.cpu_today = Microseconds{cpu.front().integer(0)};
    }
    WINDLASS_TRY(usage.stored_bytes, stored_bytes(account));
    return usage;
}

Result<std::int64_t> QuotasRepository::stored_bytes(UserId account) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return stored_bytes_of(*session, account);
}

Result<std::vector<QuotaLine>> QuotasRepository::all() {
    static const std::string sql = std::string(line_columns) + "order by q.subject";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql));
    std::vector<QuotaLine> lines;
    for (const Row& row : rows) lines.push_back(line_of(row));
    return lines;
}

Result<std::optional<QuotaLine>> QuotasRepository::one(const std::string& subject) {
    static const std::string sql = std::string(line_columns) + "where q.subject = :subject";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(sql, subject));
    if (rows.empty()) return std::optional<QuotaLine>();
    return std::optional(line_of(rows.front()));
}

Status QuotasRepository::put(const std::string& subject, const Quota& quota) {
    std::optional<std::int64_t> cpu_s;
    if (quota.cpu_per_day) cpu_s = std::chrono::duration_cast<Seconds>(*quota.cpu_per_day).count();
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY([[maybe_unused]] const auto changed,
                 session->execute("insert into quota (subject, queued, running, cpu_s_per_day, stored_bytes) values "
                                  "(:subject, :queued, :running, :cpu, :stored) on conflict (subject) do update set "
                                  "queued = excluded.queued, running = excluded.running, "
                                  "cpu_s_per_day = excluded.cpu_s_per_day, stored_bytes = excluded.stored_bytes",
                                  subject, quota.queued, quota.running, cpu_s, quota.stored_bytes));
    forget_all();
    return Status();
}

Result<bool> QuotasRepository::remove(const std::string& subject) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto removed, session->execute("delete from quota where subject = :subject", subject));
    forget_all();
    return removed > 0;
}

void QuotasRepository::forget_all() {
    const std::lock_guard lock(mutex_);
    cache_.clear();
    ++generation_;
}

}  // namespace windlass::api
