// Bodies with a parser of their own, beside those of jobs (job_body.cpp): logins of each family, accounts, courses, and
// what clusters and their people send to the monitoring family. The first line of the input is the Content-Type (empty:
// none), the rest is the body; it is tried as each of them. All other bodies, through their routes: api_generated_test.
//
// Promises: every refusal is a 4xx that is JSON in the families that say so, and UTF-8 in those that do not; what is
// accepted is text within the limits of its place; a list of hosts that was written out stays as it is; a configuration
// and the data of a job are written as they are read; a number that was measured is finite, and of a host.
#include <algorithm>
#include <cmath>

#include "api/accounts/account_body.h"
#include "api/auth/login_body.h"
#include "api/courses/course_body.h"
#include "api/family.h"
#include "api/monitoring/admin_notices.h"
#include "api/monitoring/config_fields.h"
#include "api/monitoring/host_list.h"
#include "api/monitoring/job_metadata.h"
#include "api/monitoring/job_reports.h"
#include "api/monitoring/written_points.h"
#include "api/oidc/role_map.h"
#include "tests/fuzz/refusal.h"

namespace windlass::fuzz {
namespace {

constexpr auto now = WallTime{Seconds{1'800'000'000}};

void require_refused_in_its_words(api::Family family, const api::Problem& problem) {
    require_fit_for_a_client(problem);
    const auto response = api::render_problem(family, problem, "request");
    require(response.status == problem.status, "each family says the same status");
    require(is_valid_utf8(response.body), "what a family answers is text", problem.detail);
    if (response.content_type.find("json") != std::string::npos)
        require(parse_json(response.body).ok(), "what says that it is JSON is JSON", response.body);
}

void require_text(std::string_view text, const char* what) {
    require(is_valid_utf8(text), what, text);
}

void try_logins(const api::Request& request) {
    const auto judge = [](api::Family family, const api::OrProblem<api::LoginBody>& login) {
        if (!login) return require_refused_in_its_words(family, login.error());
        require_text(login->username, "a name is text");
        require_text(login->password, "a password is text");
    };
    judge(api::Family::jobs, api::read_login(request));
    judge(api::Family::monitoring, api::read_monitoring_login(request));
    judge(api::Family::accounts, api::read_accounts_login(request));
    judge(api::Family::images, api::read_images_login(request));
}

void try_account(const api::Request& request) {
    const auto body = api::read_account_body(request);
    if (!body) return require_refused_in_its_words(api::Family::accounts, body.error());
    api::Faults faults;
    api::AccountFields fields(*body, faults);
    for (const auto& text : {fields.required("username"), fields.optional("email"), fields.optional("first_name")}) {
        if (!text) continue;
        require_text(*text, "a field is text");
        require(!text->empty() && text->front() != ' ' && text->back() != ' ' && text->size() <= 255 * 4 &&
                    text->find('\0') == std::string::npos,
                "a field has no spaces around it and keeps to its length", *text);
    }
    if (const auto password = fields.required_as_it_is("password")) require_text(*password, "a password is text");
    if (faults.any()) require_refused_in_its_words(api::Family::accounts, std::move(faults).problem());
}

void try_course(const rapidjson::Document& document) {
    if (const auto wish = api::parse_course_wish(document); !wish)
        require_refused_in_its_words(api::Family::courses, wish.error());
    else if (wish->course)
        require(!wish->course->name.empty() && wish->course->port >= 1 && wish->course->port <= 65535 &&
                    wish->course->check_path.starts_with('/') && wish->launch == 0,
                "a course has a name, a port and a path", wish->course->name);
    else
        require(wish->launch >= 1, "a launch names its course");
    if (const auto launch = api::parse_launch(document); !launch)
        require_refused_in_its_words(api::Family::courses, launch.error());
    else
        require(launch->course >= 1, "a launch names its course");
    if (const auto name = api::parse_class_name(document); !name)
        require_refused_in_its_words(api::Family::courses, name.error());
}

template <class Write>
std::string written(Write write) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write(json);
    return std::string(text_of(buffer));
}

void try_configuration(const rapidjson::Document& document) {
    api::Faults faults;
    const auto change = api::read_config_change(document, api::default_monitoring_config(), faults);
    if (faults.any()) return require_refused_in_its_words(api::Family::monitoring, std::move(faults).problem());
    api::MonitoringConfig config;
    config.metrics = change.metrics.value_or(config.metrics);
    config.partitions = change.partitions.value_or(config.partitions);
    config.metric_categories = change.metric_categories.value_or(config.metric_categories);
    const auto text = written([&](JsonWriter& json) { api::write_monitoring_config(json, config); });
    const auto again = api::parse_stored_config(text);
    require(again.ok() && *again == config, "a configuration is read as it was written", text);
    for (const auto& metric : config.metrics) {
        const auto interval_s = api::sample_interval_s(metric);
        require(interval_s >= 1 && interval_s <= 86'400, "an interval is from a second to a day",
                metric.sample_interval);
    }
    for (const auto& [name, partition] : config.partitions)
        require(config.max_time_s(name, "n1|n2") >= 0, "a time limit is none or positive", name);
}

void try_reports(std::string_view body) {
    constexpr std::int64_t first_own_id = 100'000'000;
    if (const auto job = api::parse_job_start(body, first_own_id)) {
        require(job->id >= 1 && job->id < first_own_id && !job->is_own(), "a job of a cluster is none of ours");
        require(!job->user_name.empty() && job->is_running && job->num_nodes >= 0, "a job that starts is somebody's");
        const auto hosts = api::expand_host_list(job->node_list);
        require(hosts.ok() && api::joined_hosts(*hosts) == job->node_list, "hosts that are written out stay so",
                job->node_list);
        const auto text = written([&](JsonWriter& json) { api::write_job_metadata(json, *job); });
        require(parse_json(text).ok(), "a job is shown as JSON", text);
    } else {
        require_refused_in_its_words(api::Family::monitoring, job.error());
    }
    if (const auto stop = api::parse_job_stop(body, 7); !stop)
        require_refused_in_its_words(api::Family::monitoring, stop.error());
    if (const auto user = api::parse_user_info(body); !user)
        require_refused_in_its_words(api::Family::monitoring, user.error());
    else
        require(user->roles.size() <= 3, "there are three roles");
    if (const auto data = api::decode_metadata_data(body)) {
        const auto text = api::encode_metadata_data(*data);
        const auto again = api::decode_metadata_data(text);
        require(again.ok() && api::encode_metadata_data(*again) == text, "data of a job is read as it was written",
                text);
    }
}

void try_lists(std::string_view body) {
    if (const auto hosts = api::expand_host_list(body)) {
        require(hosts->size() <= api::most_hosts, "no more hosts than there may be");
        for (const auto& host : *hosts) require(!host.empty(), "a host has a name");
        const auto again = api::expand_host_list(api::joined_hosts(*hosts));
        require(again.ok() && *again == *hosts, "hosts that are written out stay so");
    }
    if (const auto points = api::parse_written_points(body, metrics::Precision{}, now)) {
        require(points->size() <= api::most_written_points, "no more points than there may be");
        for (const auto& point : *points)
            require(std::isfinite(point.value) && !point.series.hostname.empty() && !point.series.measurement.empty() &&
                        point.series.job == JobId{},
                    "a number is finite and of a host", point.series.measurement);
    }
    std::vector<std::string> entries;
    for (std::size_t at = 0; at < body.size() && entries.size() < 8;
         at = std::min(body.find('\n', at), body.size()) + 1)
        entries.emplace_back(body.substr(at, body.find('\n', at) - at));
    if (const auto map = api::RoleMap::parse(entries, {"user"}))
        (void)map->roles_for(entries);
    else
        require(!map.error().message.empty(), "a refusal is a sentence");
}

}  // namespace

void fuzz_request_bodies(std::string_view input) {
    const auto end = std::min(input.find('\n'), input.size());
    api::Request request;
    request.method = "POST";
    // The framer lets no control character through.
    const auto type = input.substr(0, end);
    if (!type.empty() &&
        std::all_of(type.begin(), type.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20; }))
        request.headers.emplace_back("Content-Type", type);
    request.body = input.substr(std::min(end + 1, input.size()));
    try_logins(request);
    try_account(request);
    try_reports(request.body);
    try_lists(request.body);
    const auto document = api::parse_object(request.body);
    if (!document) return;
    try_course(*document);
    try_configuration(*document);
}

}  // namespace windlass::fuzz
