#include "api/monitoring/job_reports.h"

#include <fmt/format.h>

#include <limits>
#include <optional>
#include <string>

#include "api/monitoring/any_case_fields.h"
#include "api/monitoring/host_list.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::int64_t latest_time_s = 253'402'300'799;  // the end of the year 9999
constexpr std::int64_t longest_ttl_s = 100LL * 366 * 86'400;
constexpr std::int64_t largest_number = std::numeric_limits<std::int32_t>::max();
constexpr std::int64_t largest_unix_id = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t longest_name = 1'024;
constexpr std::size_t longest_script = 4 * 1024 * 1024;

std::int64_t number(AnyCaseFields& fields, std::string_view key, std::int64_t most) {
    const auto value = fields.integer(key);
    if (value && (*value < 0 || *value > most)) fields.bad(key, fmt::format("must be from 0 to {}", most));
    return value.value_or(0);
}

std::string text(AnyCaseFields& fields, std::string_view key, std::size_t most = longest_name) {
    auto value = fields.text(key);
    if (value && value->size() > most) fields.bad(key, fmt::format("must not be longer than {} bytes", most));
    return value.value_or("");
}

void read_nodes(AnyCaseFields& fields, JobMetadata& job) {
    const auto list = fields.text("NodeList");
    if (!list) return;
    const auto hosts = expand_host_list(*list);
    if (!hosts) return fields.bad("NodeList", hosts.error().message);
    job.node_list = joined_hosts(*hosts);
    if (job.num_nodes == 0) job.num_nodes = static_cast<std::int64_t>(hosts->size());
}

}  // namespace

OrProblem<JobMetadata> parse_job_start(std::string_view body, std::int64_t first_own_id) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    JobMetadata job;
    if (const auto id = fields.integer("Id")) {
        job.id = *id;
        if (job.id < 1 || job.id >= first_own_id)
            fields.bad("Id", fmt::format("must be from 1 to {}: above are the jobs of this server", first_own_id - 1));
    } else if (!faults.any()) {
        fields.bad("Id", "is required");
    }
    job.user_name = text(fields, "UserName");
    if (is_blank(job.user_name)) fields.bad("UserName", "is required");
    job.user_id = number(fields, "UserId", largest_unix_id);
    job.group_id = number(fields, "GroupId", largest_unix_id);
    job.group_name = text(fields, "GroupName");
    job.cluster_id = text(fields, "ClusterId");
    if (job.cluster_id == own_cluster)
        fields.bad("ClusterId", fmt::format("\"{}\" is this server itself", own_cluster));
    job.num_nodes = number(fields, "NumNodes", largest_number);
    job.num_tasks = number(fields, "NumTasks", largest_number);
    job.tasks_per_node = number(fields, "TasksPerNode", largest_number);
    job.gpus_per_node = number(fields, "GPUsPerNode", largest_number);
    read_nodes(fields, job);
    job.start_s = number(fields, "StartTime", latest_time_s);
    job.job_name = text(fields, "JobName");
    job.account = text(fields, "Account");
    job.ttl_s = number(fields, "TTL", longest_ttl_s);
    job.partition = text(fields, "Partition");
    job.job_script = text(fields, "JobScript", longest_script);
    job.is_running = true;
    if (faults.any()) return std::move(faults).problem();
    return job;
}

OrProblem<JobStop> parse_job_stop(std::string_view body, std::int64_t id) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    JobStop stop;
    stop.id = id;
    stop.cluster = fields.text("ClusterId");
    if (const auto at = number(fields, "StopTime", latest_time_s); at > 0) stop.stop_s = at;
    stop.exit_code = fields.integer("ExitCode").value_or(0);
    if (stop.exit_code < -largest_number || stop.exit_code > largest_number)
        fields.bad("ExitCode", "must be a number of 32 bits");
    if (faults.any()) return std::move(faults).problem();
    return stop;
}

}  // namespace windlass::api
