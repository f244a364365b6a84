#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "cli/follow_log.h"
#include "cli/job_ending.h"
#include "cli/noun.h"
#include "cli/server.h"
#include "shared/digest.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

// What jobs have in common: of `job list` and `job cancel`.
struct JobFilter {
    std::string status;
    std::string tag;
    std::string queue;
    std::string name_part;
    int limit = 0;

    bool any() const { return !status.empty() || !tag.empty() || !queue.empty() || !name_part.empty(); }
};

void add_filter(CLI::App& command, JobFilter& filter) {
    command.add_option("--status", filter.status, "only those that are queued, running, succeeded, …");
    command.add_option("--tag", filter.tag, "only those with this tag");
    command.add_option("--queue", filter.queue, "only those of this queue");
    command.add_option("--search", filter.name_part, "only those whose name contains this");
}

Status list_jobs(const Options& options, const JobFilter& filter) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    std::string path = "/api/jobs/";
    char separator = '?';
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) path += fmt::format("{}{}={}", std::exchange(separator, '&'), key, percent_encoded(value));
    };
    add("limit", filter.limit > 0 ? std::to_string(filter.limit) : "");
    add("status", filter.status);
    add("tag", filter.tag);
    add("queue", filter.queue);
    add("q", filter.name_part);
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    return print_list(options, answer, {{"id", "ID", 16}, {"status", "STATUS", 10}, {"duration", "SECONDS", 0}}, "id");
}

Status show_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    print_object(options, answer, "status");
    return {};
}

Status why_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id, "why/"));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "why"));
    return {};
}

// What it has printed so far, byte for byte, also while it runs.
Status print_log(const Options& options, const std::string& id, bool standard_error, bool follow) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    if (follow)
        return follow_log(server, id, standard_error ? "stderr" : "stdout", [](bool, std::string_view bytes) {
            std::fwrite(bytes.data(), 1, bytes.size(), stdout);
            std::fflush(stdout);
        });
    WINDLASS_TRY(const std::string path, job_path(id, standard_error ? "log/?stream=stderr" : "log/"));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    std::fwrite(answer.text.data(), 1, answer.text.size(), stdout);
    return {};
}

Result<int> wait_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer job, wait_for_job(server, id));
    WINDLASS_TRY(const ServerAnswer result, server.get("/api/results/" + id + "/"));
    const std::string status = member_text(job.document, "status");
    if (options.json)
        fmt::print("{}\n", result.text);
    else if (!options.quiet)
        fmt::print("{}\n", status);
    const rapidjson::Value* results = results_of(result);
    if (results == nullptr) return make_error(ErrorKind::internal, fmt::format("job {} ended without a result", id));
    return ending_of(status, *results).exit_code;
}

Status cancel_one(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.remove(path));
    if (options.json)
        fmt::print("{}\n", answer.text);
    else if (!options.quiet)
        fmt::print("{}\n", answer.status == 202 ? "cancelling: its processes are being ended" : "it had already ended");
    return {};
}

Status cancel_jobs(const Options& options, const std::vector<std::string>& ids, const JobFilter& filter) {
    if (ids.empty() == !filter.any())
        return make_error(ErrorKind::invalid,
                          "say which jobs: either by their ids, or with --status, --tag, --queue "
                          "or --search");
    if (ids.size() == 1) return cancel_one(options, ids.front());
    rapidjson::StringBuffer buffer;
    JsonWriter writer(buffer);
    const auto text = [&](const char* key, const std::string& value) {
        if (value.empty()) return;
        put_key(writer, key);
        put(writer, value);
    };
    writer.StartObject();
    if (filter.any()) {
        put_key(writer, "filter");
        writer.StartObject();
        text("status", filter.status);
        text("tag", filter.tag);
        text("queue", filter.queue);
        text("q", filter.name_part);
        writer.EndObject();
    } else {
        put_key(writer, "ids");
        writer.StartArray();
        for (const std::string& id : ids) put(writer, id);
        writer.EndArray();
    }
    writer.EndObject();
    return perform(options, "POST", "/api/jobs/cancel/", std::string(text_of(buffer)), "requested", nullptr);
}

Status rerun_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id, "rerun/"));
    WINDLASS_TRY(const ServerAnswer answer, server.post(path, "{}", random_token()));
    fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
    return {};
}

Status print_result(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY_STATUS(job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.get("/api/results/" + id + "/"));
    const rapidjson::Value* results = results_of(answer);
    if (results == nullptr)
        return make_error(ErrorKind::conflict,
                          fmt::format("job {} has not ended yet; `windlass job wait {}` waits for it", id, id));
    if (options.json)
        fmt::print("{}\n", answer.text);
    else
        print_members(*results);
    return {};
}

}  // namespace

void add_job(CLI::App& app, Options& options) {
    CLI::App* job = app.add_subcommand("job", "look at jobs, wait for them, cancel them");
    job->require_subcommand(1);
    const char* id = "the job's id";

    auto listed = std::make_shared<JobFilter>();
    CLI::App* list = job->add_subcommand("list", "your jobs (an admin's: all), newest first");
    list->add_option("--limit", listed->limit, "at most so many")->check(CLI::PositiveNumber);
    add_filter(*list, *listed);
    on_use(*list, options, [listed, &options] { return list_jobs(options, *listed); });

    add_with_argument(*job, "show", "everything about one job", "id", id, options,
                      [&options](const std::string& which) { return show_job(options, which); });
    add_with_argument(*job, "why", "why it waits, in a sentence", "id", id, options,
                      [&options](const std::string& which) { return why_job(options, which); });
    auto ids = std::make_shared<std::vector<std::string>>();
    auto cancelled = std::make_shared<JobFilter>();
    CLI::App* cancel = job->add_subcommand("cancel", "end jobs with their whole process trees");
    cancel->add_option("ids", *ids, "their ids");
    add_filter(*cancel, *cancelled);
    on_use(*cancel, options, [ids, cancelled, &options] { return cancel_jobs(options, *ids, *cancelled); });
    add_with_argument(*job, "rerun", "send the same job again (also one that was lost) and print its id", "id", id,
                      options, [&options](const std::string& which) { return rerun_job(options, which); });
    auto standard_error = std::make_shared<bool>(false);
    auto follow = std::make_shared<bool>(false);
    CLI::App* log = add_with_argument(*job, "log", "what it has printed so far", "id", id, options,
                                      [standard_error, follow, &options](const std::string& which) {
                                          return print_log(options, which, *standard_error, *follow);
                                      });
    log->add_flag("--stderr", *standard_error, "its standard error instead of its standard output");
    log->add_flag("--follow,-f", *follow, "go on with what it prints until it has ended");
    add_with_argument(*job, "wait", "wait until it has ended; ends with the job's exit code", "id", id, options,
                      [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(options.exit_code, wait_job(options, which));
                          return {};
                      });
    add_with_argument(app, "result", "the result of one job", "id", id, options,
                      [&options](const std::string& which) { return print_result(options, which); });
}

}  // namespace windlass::cli
