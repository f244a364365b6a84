#include "api/monitoring/monitored_jobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "api/jobs_repository.h"
#include "api/monitoring/cluster_jobs_repository.h"
#include "api/names.h"
#include "shared/protocol.h"

namespace windlass::api {
namespace {

constexpr std::size_t details_per_query = 50;

// SQL with its parameters, put together from fixed pieces: the same filter gives the same text.
class Query {
  public:
    explicit Query(std::string text) : text_(std::move(text)) {}
    // `piece` has one "?", which becomes the name of this value.
    Query& add(std::string_view piece, Param value) {
        const auto at = piece.find('?');
        text_ += fmt::format("{}:p{}{}", piece.substr(0, at), params_.size(), piece.substr(at + 1));
        params_.push_back(std::move(value));
        return *this;
    }
    Query& add(std::string_view piece) {
        text_ += piece;
        return *this;
    }
    void range(std::string_view expression, const NumberRange& range) {
        if (range.from > 0) add(fmt::format(" and {} >= ?", expression), range.from);
        if (range.to != std::numeric_limits<std::int64_t>::max())
            add(fmt::format(" and {} <= ?", expression), range.to);
    }
    void tags(std::string_view id, std::string_view cluster, const std::vector<std::int64_t>& tags) {
        for (const auto tag : tags)
            add(fmt::format(" and exists (select 1 from monitoring_job_tag t where t.external_id = {} and t.cluster = "
                            "{} and t.tag = ?)",
                            id, cluster),
                tag);
    }
    // What comes after the position in the order start desc, id desc.
    void after(std::string_view start, std::string_view id, const ListPosition& position) {
        add(fmt::format(" and {} <= ?", start), position.start_s);
        add(fmt::format(" and ({} < ?", start), position.start_s);
        add(fmt::format(" or {} < ?)", id), position.id);
    }
    Result<std::vector<Row>> run(Session& session) { return session.run_query(text_, params_); }

  private:
    std::string text_;
    std::vector<Param> params_;
};

std::int64_t gpus_of(const JobSpec& spec) {
    std::int64_t gpus = 0;
    for (const auto& [name, count] : spec.resources)
        if (name_key(name).find("gpu") != std::string::npos) gpus += count;
    return gpus;
}

// As a shell tells it; what did not end by itself has 1 at least.
std::int64_t exit_code_of(JobState state, const std::optional<Ending>& ending) {
    if (!is_final(state) || state == JobState::succeeded) return 0;
    if (ending && ending->outcome == OutcomeKind::exited && ending->exit_code != 0) return ending->exit_code;
    if (ending && ending->outcome == OutcomeKind::signalled) return 128 + ending->signal;
    return 1;
}

std::string own_select(bool past) {
    return fmt::format(
        "select s.id, s.started_us / 1000000, s.finished_us / 1000000, s.state, j.owner, a.username, j.name, j.queue, "
        "j.running_commands, j.details, w.name, r.outcome, r.exit_code, r.signal, r.wall_us from {} s join job j on "
        "j.id = coalesce(s.array_id, s.id) join account a on a.id = j.owner left join attempt_result r on r.job = s.id "
        "and r.attempt = s.attempt left join worker w on w.id = {} where s.started_us is not null and s.state >= 3 and "
        "not exists (select 1 from job_array x where x.id = s.id)",
        past ? "job_past" : "job_state", past ? "r.worker" : "coalesce(s.worker, r.worker)");
}

Result<JobMetadata> own_job(const Row& row) {
    JobMetadata job;
    JobSpec spec;
    WINDLASS_TRY_STATUS(protocol::decode_details(row.text(9), spec));
    const auto state = static_cast<JobState>(row.integer(3));
    job.id = row.integer(0);
    job.start_s = row.integer(1);
    job.is_running = !is_final(state);
    job.stop_s = job.is_running ? 0 : row.integer_or_null(2).value_or(0);
    job.user_id = row.integer(4);
    job.user_name = row.text(5);
    job.cluster_id = own_cluster;
    job.num_nodes = job.num_tasks = job.tasks_per_node = 1;
    job.gpus_per_node = gpus_of(spec);
    job.node_list = row.text_or_null(10).value_or("");
    job.job_name = row.text(6);
    job.account = row.text(5);
    job.partition = row.text(7);
    job.job_script = row.text(8);
    job.exit_code = exit_code_of(state, ending_of(row, 11));
    return job;
}

// Whether no job of ours can match: they have no group, and run on one node with one task.
bool leaves_out_own(const MonitoredFilter& filter) {
    return filter.group_id.value_or(0) != 0 || !filter.group_name.empty() || !filter.num_nodes.contains(1) ||
           !filter.num_tasks.contains(1);
}

Query cluster_query(const MonitoredBy& by, const MonitoredFilter& filter, const ListPosition& after, int most) {
    Query query("select " + std::string(cluster_job_columns) + " from cluster_job c where 1 = 1");
    if (!by.everybodys) query.add(" and c.user_key = ?", by.user_key);
    if (filter.user_id) query.add(" and c.user_id = ?", *filter.user_id);
    if (filter.group_id) query.add(" and c.group_id = ?", *filter.group_id);
    if (!filter.user_name.empty()) {
        query.add(" and c.user_key = ?", name_key(filter.user_name));
        query.add(" and c.user_name = ?", filter.user_name);
    }
    if (!filter.group_name.empty()) query.add(" and c.group_name = ?", filter.group_name);
    if (!filter.partition.empty()) query.add(" and c.partition_name = ?", filter.partition);
    if (filter.running) query.add(*filter.running ? " and c.stop_s is null" : " and c.stop_s is not null");
    query.range("c.num_nodes", filter.num_nodes);
    query.range("c.num_tasks", filter.num_tasks);
    query.range("c.num_nodes * c.gpus_per_node", filter.num_gpus);
    query.range("c.start_s", filter.start_s);
    query.tags("c.external_id", "c.cluster", filter.tags);
    query.add(" and c.start_s <= ?", after.start_s).add(" and (c.start_s < ?", after.start_s);
    query.add(" or c.external_id < ?", after.id).add(" or (c.external_id = ?", after.id);
    query.add(" and c.cluster > ?))", after.cluster);
    query.add(" order by c.start_s desc, c.external_id desc, c.cluster limit ?", most);
    return query;
}

Query own_query(bool past, const MonitoredBy& by, const MonitoredFilter& filter, const ListPosition& after, int most) {
    Query query(own_select(past));
    if (!by.everybodys) query.add(" and s.owner = ?", by.account.value);
    if (filter.user_id) query.add(" and s.owner = ?", *filter.user_id);
    if (!filter.user_name.empty()) query.add(" and a.username = ?", filter.user_name);
    if (!filter.partition.empty()) query.add(" and j.queue = ?", filter.partition);
    if (filter.running) query.add(*filter.running ? " and s.state = 3" : " and s.state > 3");
    query.range("s.started_us / 1000000", filter.start_s);
    query.tags("s.id", "'windlass'", filter.tags);
    query.after("s.started_us / 1000000", "s.id", after);
    query.add(" order by s.started_us / 1000000 desc, s.id desc limit ?", most);
    return query;
}

// Before in the order of the list.
bool comes_first(const JobMetadata& a, const JobMetadata& b) {
    return std::tie(b.start_s, b.id, a.cluster_id) < std::tie(a.start_s, a.id, b.cluster_id);
}

using JobKey = std::pair<std::int64_t, std::string>;

// Calls on_row with each row of the table `from` that belongs to a job of [begin, end): external_id, cluster, ….
template <class OnRow>
Status details_of(Session& session, std::string_view select, std::vector<JobMetadata>::iterator begin,
                  std::vector<JobMetadata>::iterator end, OnRow&& on_row) {
    Query query{std::string(select)};
    query.add(" (");
    // Always as many parameters: one statement for all lengths.
    for (std::size_t i = 0; i < details_per_query; ++i) {
        const auto& job = *(begin + std::min(static_cast<std::ptrdiff_t>(i), end - begin - 1));
        query.add(i == 0 ? "?" : ", ?", job.id);
    }
    query.add(")");
    WINDLASS_TRY(const auto rows, query.run(session));
    for (const Row& row : rows) on_row(row);
    return {};
}

}  // namespace

MonitoredBy MonitoredBy::of(const Principal& principal) {
    return {principal.id, name_key(principal.username), principal.is_admin()};
}

bool MonitoredBy::may_see(const JobMetadata& job) const {
    if (everybodys) return true;
    return job.is_own() ? job.user_id == account.value : name_key(job.user_name) == user_key;
}

Result<std::optional<JobMetadata>> MonitoredJobs::find(std::int64_t id) {
    ClusterJobsRepository clusters(pool_);
    WINDLASS_TRY(auto found, clusters.with_id(id));
    found.resize(std::min<std::size_t>(found.size(), 1));
    if (found.empty()) {
        WINDLASS_TRY(const auto session, pool_.lease());
        for (const bool past : {false, true}) {
            Query query(own_select(past));
            query.add(" and s.id = ?", id);
            WINDLASS_TRY(const auto rows, query.run(*session));
            if (rows.empty()) continue;
            WINDLASS_TRY(auto job, own_job(rows.front()));
            found.push_back(std::move(job));
            break;
        }
    }
    if (found.empty()) return std::optional<JobMetadata>();
    WINDLASS_TRY_STATUS(add_details(found));
    return std::optional(std::move(found.front()));
}

Status MonitoredJobs::add_details(std::vector<JobMetadata>& jobs) {
    WINDLASS_TRY(const auto session, pool_.lease());
    for (auto begin = jobs.begin(); begin != jobs.end();) {
        const auto end = begin + std::min(static_cast<std::ptrdiff_t>(details_per_query), jobs.end() - begin);
        std::map<JobKey, JobMetadata*> by_key;
        for (auto job = begin; job != end; ++job) by_key[{job->id, job->cluster_id}] = &*job;
        const auto job_of = [&](const Row& row) -> JobMetadata* {
            const auto found = by_key.find({row.integer(0), row.text(1)});
            return found == by_key.end() ? nullptr : found->second;
        };
        WINDLASS_TRY_STATUS(details_of(
            *session,
            "select t.external_id, t.cluster, g.id, g.name, g.by_admin, a.username from monitoring_job_tag t join "
            "monitoring_tag g on g.id = t.tag join account a on a.id = g.account where t.external_id in",
            begin, end, [&](const Row& row) {
                if (auto* job = job_of(row))
                    job->tags.push_back({row.integer(2), row.text(3), row.truth(4), row.text(5)});
            }));
        Status readable;
        WINDLASS_TRY_STATUS(details_of(
            *session, "select d.external_id, d.cluster, d.document from monitoring_job_data d where d.external_id in",
            begin, end, [&](const Row& row) {
                auto* job = job_of(row);
                if (job == nullptr || job->is_running) return;
                auto data = decode_metadata_data(row.text(2));
                job->data_kept = true;
                if (data)
                    job->data = std::move(*data);
                else
                    readable = std::move(data).error();
            }));
        WINDLASS_TRY_STATUS(readable);
        for (auto job = begin; job != end; ++job)
            std::sort(job->tags.begin(), job->tags.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
        begin = end;
    }
    return {};
}

Result<MonitoredJobs::Batch> MonitoredJobs::next(Source source, const MonitoredBy& by, const MonitoredFilter& filter,
                                                 const ListPosition& after, int most) {
    Batch batch;
    batch.position = after;
    if (source != Source::clusters && leaves_out_own(filter)) {
        batch.end = true;
        return batch;
    }
    WINDLASS_TRY(const auto session, pool_.lease());
    Query query = source == Source::clusters ? cluster_query(by, filter, after, most)
                                             : own_query(source == Source::own_past, by, filter, after, most);
    WINDLASS_TRY(const auto rows, query.run(*session));
    for (const Row& row : rows) {
        JobMetadata job;
        if (source == Source::clusters) {
            job = job_of_row(row);
        } else {
            WINDLASS_TRY(job, own_job(row));
        }
        batch.position = {job.start_s, job.id, job.cluster_id};
        if (source == Source::clusters || filter.num_gpus.contains(job.gpus_per_node))
            batch.jobs.push_back(std::move(job));
    }
    batch.end = rows.size() < static_cast<std::size_t>(most);
    return batch;
}

Result<std::vector<std::string>> MonitoredJobs::users_with_jobs(const std::string& part, int most) {
    // Text, whatever it looks like: what means something to `like` is marked.
    std::string pattern = "%";
    for (const char c : name_key(part)) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
    }
    pattern += '%';
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select u.name from (select c.user_name as name from cluster_job c where c.user_key "
                                "like :pattern escape '\\' union select a.username from account a where a.username_key "
                                "like :pattern escape '\\' and a.username_key not like 'deleted:%' and exists (select "
                                "1 from job j where j.owner = a.id)) u order by u.name limit :most",
                                pattern, most));
    std::vector<std::string> names;
    for (const Row& row : rows) names.push_back(row.text(0));
    return names;
}

MonitoredFeed::MonitoredFeed(MonitoredJobs& jobs, MonitoredBy by, MonitoredFilter filter, const ListPosition& after,
                             int batch)
    : jobs_(jobs), by_(std::move(by)), filter_(std::move(filter)), batch_(batch) {
    using Source = MonitoredJobs::Source;
    // What has not been moved yet first: a job is then seen twice at worst, and never missed.
    if (filter_.from != MonitoredFrom::clusters)
        for (const auto source : {Source::own_states, Source::own_past}) feeds_.push_back({source, after});
    if (filter_.from != MonitoredFrom::own) feeds_.push_back({Source::clusters, after});
}

Status MonitoredFeed::fill(Feed& feed) {
    while (feed.waiting.empty() && !feed.end) {
        WINDLASS_TRY(auto batch, jobs_.next(feed.source, by_, filter_, feed.at, batch_));
        feed.at = std::move(batch.position);
        feed.end = batch.end;
        for (auto& job : batch.jobs) feed.waiting.push_back(std::move(job));
    }
    return {};
}

Result<std::optional<JobMetadata>> MonitoredFeed::next() {
    while (true) {
        Feed* first = nullptr;
        for (auto& feed : feeds_) {
            WINDLASS_TRY_STATUS(fill(feed));
            if (feed.waiting.empty()) continue;
            if (first == nullptr || comes_first(feed.waiting.front(), first->waiting.front())) first = &feed;
        }
        if (first == nullptr) return std::optional<JobMetadata>();
        JobMetadata job = std::move(first->waiting.front());
        first->waiting.pop_front();
        if (job.is_own() && job.id == last_own_) continue;
        if (job.is_own()) last_own_ = job.id;
        return std::optional(std::move(job));
    }
}

}  // namespace windlass::api
