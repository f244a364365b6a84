#include "api/monitoring/cluster_jobs_repository.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::int64_t rows_per_sweep = 1'000;  // in one statement; a sweep repeats until there are none

std::int64_t unix_s(WallTime time) {
    return to_unix_us(time) / 1'000'000;
}

Status as_status(Result<std::int64_t> changed) {
    return changed ? Status() : Status(std::move(changed).error());
}

// Whether a report says the same of the job as what is stored.
bool same_job(const JobMetadata& stored, const JobMetadata& reported) {
    const auto key = [](const JobMetadata& job) {
        return std::tie(job.user_id, job.user_name, job.group_id, job.group_name, job.num_nodes, job.num_tasks,
                        job.tasks_per_node, job.gpus_per_node, job.node_list, job.job_name, job.account, job.ttl_s,
                        job.partition, job.job_script);
    };
    return key(stored) == key(reported) && (reported.start_s == 0 || reported.start_s == stored.start_s);
}

Result<std::int64_t> write_job(Session& session, std::string_view sql, const JobMetadata& job, WallTime now) {
    return session.execute(sql, job.cluster_id, job.id, job.user_id, job.user_name, name_key(job.user_name),
                           job.group_id, job.group_name, job.num_nodes, job.num_tasks, job.tasks_per_node,
                           job.gpus_per_node, job.node_list, job.start_s, job.job_name, job.account, job.ttl_s,
                           job.partition, job.job_script, to_unix_us(now));
}

constexpr std::string_view insert_job =
    "insert into cluster_job (cluster, external_id, user_id, user_name, user_key, group_id, group_name, num_nodes, "
    "num_tasks, tasks_per_node, gpus_per_node, node_list, start_s, stop_s, exit_code, swept, job_name, account, ttl_s, "
    "partition_name, job_script, reported_us) values (:cluster, :id, :user, :user_name, :user_key, :group_id, "
    ":group_name, :nodes, :tasks, :tasks_per_node, :gpus, :node_list, :start, null, 0, 0, :name, :account, :ttl, "
    ":partition, :script, :now) on conflict (cluster, external_id) do nothing";
// A run of its own: what was computed of the one before goes.
constexpr std::string_view start_again =
    "update cluster_job set user_id = :user, user_name = :user_name, user_key = :user_key, group_id = :group_id, "
    "group_name = :group_name, num_nodes = :nodes, num_tasks = :tasks, tasks_per_node = :tasks_per_node, "
    "gpus_per_node = :gpus, node_list = :node_list, start_s = :start, stop_s = null, exit_code = 0, swept = 0, "
    "job_name = :name, account = :account, ttl_s = :ttl, partition_name = :partition, job_script = :script, "
    "reported_us = :now where cluster = :cluster and external_id = :id";

Status restart(Session& session, const JobMetadata& job, WallTime now) {
    WINDLASS_TRY_STATUS(as_status(session.execute(
        start_again, job.user_id, job.user_name, name_key(job.user_name), job.group_id, job.group_name, job.num_nodes,
        job.num_tasks, job.tasks_per_node, job.gpus_per_node, job.node_list, job.start_s, job.job_name, job.account,
        job.ttl_s, job.partition, job.job_script, to_unix_us(now), job.cluster_id, job.id)));
    WINDLASS_TRY_STATUS(as_status(
        session.execute("update monitoring_job_tag set user_key = :user where external_id = :id and cluster = :cluster",
                        name_key(job.user_name), job.id, job.cluster_id)));
    return as_status(session.execute("delete from monitoring_job_data where cluster = :cluster and external_id = :id",
                                     job.cluster_id, job.id));
}

}  // namespace

JobMetadata job_of_row(const Row& row) {
    JobMetadata job;
    job.id = row.integer(0);
    job.user_id = row.integer(1);
    job.user_name = row.text(2);
    job.group_id = row.integer(3);
    job.group_name = row.text(4);
    job.cluster_id = row.text(5);
    job.num_nodes = row.integer(6);
    job.num_tasks = row.integer(7);
    job.tasks_per_node = row.integer(8);
    job.gpus_per_node = row.integer(9);
    job.node_list = row.text(10);
    job.start_s = row.integer(11);
    job.is_running = row.is_null(12);
    job.stop_s = row.integer_or_null(12).value_or(0);
    job.job_name = row.text(13);
    job.account = row.text(14);
    job.ttl_s = row.integer(15);
    job.partition = row.text(16);
    job.job_script = row.text(17);
    job.exit_code = row.integer(18);
    return job;
}

Result<StartVerdict> ClusterJobsRepository::start(const JobMetadata& reported, WallTime now) {
    static const std::string select = "select " + std::string(cluster_job_columns) +
                                      " from cluster_job c where c.cluster = :cluster and c.external_id = :id";
    JobMetadata job = reported;
    if (job.start_s == 0) job.start_s = unix_s(now);
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(auto transaction, Transaction::begin(*session));
    WINDLASS_TRY(const auto made, write_job(*session, insert_job, job, now));
    StartVerdict verdict = StartVerdict::started;
    if (made == 0) {
        // Held before it is looked at: two reports of one number come one after the other.
        WINDLASS_TRY_STATUS(as_status(
            session->execute("update cluster_job set reported_us = :now where cluster = :cluster and external_id = :id",
                             to_unix_us(now), job.cluster_id, job.id)));
        WINDLASS_TRY(const auto rows, session->query(select, job.cluster_id, job.id));
        if (rows.empty()) return make_error(ErrorKind::unavailable, "The job was removed at the same moment.");
        const JobMetadata stored = job_of_row(rows.front());
        if (!stored.is_running) {
            WINDLASS_TRY_STATUS(restart(*session, job, now));
            verdict = StartVerdict::requeued;
        } else {
            verdict = same_job(stored, reported) ? StartVerdict::again : StartVerdict::another_runs;
        }
    }
    WINDLASS_TRY_STATUS(transaction.commit());
    return verdict;
}

Result<StopVerdict> ClusterJobsRepository::stop(const JobStop& stop, WallTime now) {
    const std::int64_t at = stop.stop_s.value_or(unix_s(now));
    WINDLASS_TRY(auto jobs, with_id(stop.id));
    if (stop.cluster) std::erase_if(jobs, [&](const auto& job) { return job.cluster_id != *stop.cluster; });
    if (jobs.empty()) return StopVerdict::unknown;
    const auto runs = [](const JobMetadata& job) { return job.is_running; };
    if (std::count_if(jobs.begin(), jobs.end(), runs) > 1) return StopVerdict::ambiguous;
    auto meant = std::find_if(jobs.begin(), jobs.end(), runs);
    if (meant == jobs.end()) meant = jobs.begin();
    WINDLASS_TRY(const auto session, pool_.lease());
    // start_s: if it was requeued in between, this stop is not of the run that is there now. What a sweep closed is
    // not known to have stopped: who knows better says so.
    WINDLASS_TRY(
        const auto changed,
        session->execute("update cluster_job set stop_s = :stop, exit_code = :code, swept = 0 where cluster = "
                         ":cluster and external_id = :id and start_s = :start and (stop_s is null or swept = "
                         "1)",
                         std::max(at, meant->start_s), stop.exit_code, meant->cluster_id, stop.id, meant->start_s));
    return changed > 0 ? StopVerdict::stopped : StopVerdict::before;
}

Result<std::vector<JobMetadata>> ClusterJobsRepository::with_id(std::int64_t id) {
    static const std::string select =
        "select " + std::string(cluster_job_columns) +
        " from cluster_job c where c.external_id = :id order by c.start_s desc, c.cluster limit 100";
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query(select, id));
    std::vector<JobMetadata> jobs;
    for (const Row& row : rows) jobs.push_back(job_of_row(row));
    return jobs;
}

Result<Swept> ClusterJobsRepository::sweep(WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto loaded, load_monitoring_config(*session));
    Swept swept;
    WINDLASS_TRY(swept.closed, close_late(*session, loaded.config, now));
    WINDLASS_TRY(swept.removed, remove_passed(*session, now));
    return swept;
}

Result<std::int64_t> ClusterJobsRepository::close_late(Session& session, const MonitoringConfig& config, WallTime now) {
    std::int64_t closed = 0;
    for (const auto& [name, partition] : config.partitions) {
        // The shortest time of all that the partition knows: only what is older can be late.
        std::int64_t shortest =
            partition.max_time_s > 0 ? partition.max_time_s : std::numeric_limits<std::int64_t>::max();
        if (partition.virtual_partitions)
            for (const auto& [part_name, part] : *partition.virtual_partitions)
                if (part.max_time_s > 0) shortest = std::min(shortest, part.max_time_s);
        if (shortest == std::numeric_limits<std::int64_t>::max()) continue;
        std::int64_t start = std::numeric_limits<std::int64_t>::min(), id = 0;  // of the last one that was looked at
        std::size_t found = 0;
        do {
            WINDLASS_TRY(const auto rows,
                         session.query("select cluster, external_id, start_s, node_list from cluster_job where stop_s "
                                       "is null and partition_name = :partition and start_s <= :late and start_s >= "
                                       ":start and (start_s > :start or external_id > :id) order by start_s, "
                                       "external_id limit :most",
                                       name, unix_s(now) - shortest, start, id, rows_per_sweep));
            found = rows.size();
            for (const Row& row : rows) {
                id = row.integer(1);
                start = row.integer(2);
                const std::int64_t most = config.max_time_s(name, row.text(3));
                if (most == 0 || start + most > unix_s(now)) continue;
                WINDLASS_TRY(const auto changed,
                             session.execute("update cluster_job set stop_s = :stop, exit_code = 1, swept = 1 where "
                                             "cluster = :cluster and external_id = :id and start_s = :start and "
                                             "stop_s is null",
                                             start + most, row.text(0), id, start));
                closed += changed;
            }
        } while (found == static_cast<std::size_t>(rows_per_sweep));
    }
    return closed;
}

Result<std::int64_t> ClusterJobsRepository::remove_passed(Session& session, WallTime now) {
    constexpr std::string_view still_passed =
        "cluster = :cluster and external_id = :id and stop_s is not null and ttl_s > 0 and stop_s + ttl_s <= :now";
    static const std::string remove = "delete from cluster_job where " + std::string(still_passed);
    std::int64_t removed = 0;
    while (true) {
        WINDLASS_TRY(const auto rows, session.query("select cluster, external_id from cluster_job where ttl_s > 0 and "
                                                    "stop_s is not null and stop_s + ttl_s <= :now limit :most",
                                                    unix_s(now), rows_per_sweep));
        for (const Row& row : rows) {
            WINDLASS_TRY(auto transaction, Transaction::begin(session));
            WINDLASS_TRY(const auto gone, session.execute(remove, row.text(0), row.integer(1), unix_s(now)));
            if (gone == 0) continue;  // requeued, or another process was quicker
            WINDLASS_TRY_STATUS(as_status(session.execute(
                "delete from monitoring_tag where id in (select t.tag from monitoring_job_tag t where t.external_id = "
                ":id and t.cluster = :cluster) and not exists (select 1 from monitoring_job_tag o where o.tag = "
                "monitoring_tag.id and (o.external_id <> :id or o.cluster <> :cluster))",
                row.integer(1), row.text(0))));
            WINDLASS_TRY_STATUS(as_status(
                session.execute("delete from monitoring_job_tag where external_id = :id and cluster = :cluster",
                                row.integer(1), row.text(0))));
            WINDLASS_TRY_STATUS(as_status(
                session.execute("delete from monitoring_job_data where cluster = :cluster and external_id = :id",
                                row.text(0), row.integer(1))));
            WINDLASS_TRY_STATUS(transaction.commit());
            removed += gone;
        }
        if (rows.size() < static_cast<std::size_t>(rows_per_sweep)) return removed;
    }
}

Result<std::optional<std::vector<JobMetadataData>>> ClusterJobsRepository::data_of(const JobMetadata& job) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows, session->query("select document from monitoring_job_data where cluster = :cluster "
                                                 "and external_id = :id",
                                                 job.cluster_id, job.id));
    if (rows.empty()) return std::optional<std::vector<JobMetadataData>>();
    WINDLASS_TRY(auto data, decode_metadata_data(rows.front().text(0)));
    return std::optional(std::move(data));
}

Status ClusterJobsRepository::keep_data(const JobMetadata& job, const std::vector<JobMetadataData>& data,
                                        WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    return as_status(session->execute(
        "insert into monitoring_job_data (cluster, external_id, document, computed_us) values (:cluster, :id, "
        ":document, :now) on conflict (cluster, external_id) do update set document = excluded.document, computed_us = "
        "excluded.computed_us",
        job.cluster_id, job.id, encode_metadata_data(data), to_unix_us(now)));
}

}  // namespace windlass::api
