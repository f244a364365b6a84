#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "cli/follow_log.h"
#include "cli/job_ending.h"
#include "cli/last_job.h"
#include "cli/noun.h"
#include "cli/progress.h"
#include "cli/selected_jobs.h"
#include "cli/server.h"
#include "cli/terminal.h"
#include "shared/digest.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

constexpr int per_page = 1000;  // the most that the server gives at once

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
    command.add_option("--status,--state", filter.status, "only those that are queued, running, succeeded, …");
    command.add_option("--tag", filter.tag, "only those with this tag");
    command.add_option("--queue", filter.queue, "only those of this queue");
    command.add_option("--search", filter.name_part, "only those whose name contains this");
}

std::string path_of(const JobFilter& filter, int limit) {
    std::string path = "/api/jobs/";
    char separator = '?';
    const auto add = [&](const char* key, const std::string& value) {
        if (!value.empty()) path += fmt::format("{}{}={}", std::exchange(separator, '&'), key, percent_encoded(value));
    };
    add("limit", limit > 0 ? std::to_string(limit) : "");
    add("status", filter.status);
    add("tag", filter.tag);
    add("queue", filter.queue);
    add("q", filter.name_part);
    return path;
}

Status list_jobs(const Options& options, const JobFilter& filter) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    std::string path = path_of(filter, std::min(filter.limit, per_page));
    // What programs read stays as it was documented first.
    if (!options.json) path += (path.find('?') == std::string::npos ? "?" : "&") + std::string("details=true");
    WINDLASS_TRY(const ServerAnswer answer,
                 server.get_list(path, filter.limit > 0 ? static_cast<std::size_t>(filter.limit) : Server::no_limit));
    return print_list(options, answer,
                      {{"id", "ID", 9},
                       {"status", "STATUS", 9, nullptr, Shown::status},
                       {"submitted", "SUBMITTED", 9, nullptr, Shown::ago},
                       {"duration", "SECONDS", 7},
                       {"name", "NAME", 0}},
                      "id");
}

Status show_job(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string id, selected_job(server, word));
    WINDLASS_TRY(const std::string path, job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    print_object(options, answer, "status");
    return {};
}

Status why_job(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string id, selected_job(server, word));
    WINDLASS_TRY(const std::string path, job_path(id, "why/"));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "why"));
    return {};
}

// What it has printed so far, byte for byte, also while it runs.
Status print_log(const Options& options, const std::string& word, bool standard_error, bool follow) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string id, selected_job(server, word));
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

// Ends with the code of the first job, in the order in which they were named, that did not end with 0.
Result<int> wait_jobs(const Options& options, const std::vector<std::string>& words) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const auto ids, selected_jobs(server, words));
    int exit_code = 0;
    Progress progress("waiting", static_cast<std::int64_t>(ids.size()), false, ids.size() > 1 && !options.quiet);
    for (const std::string& id : ids) {
        WINDLASS_TRY(const ServerAnswer job, wait_for_job(server, id));
        WINDLASS_TRY(const ServerAnswer result, server.get("/api/results/" + id + "/"));
        const std::string status = member_text(job.document, "status");
        const rapidjson::Value* results = results_of(result);
        if (results == nullptr)
            return make_error(ErrorKind::internal, fmt::format("job {} ended without a result", id));
        if (exit_code == 0) exit_code = ending_of(status, *results).exit_code;
        progress.add(1);
        if (options.json)
            fmt::print("{}\n", result.text);
        else if (!options.quiet && ids.size() == 1)
            fmt::print("{}\n", coloured_status(status, has_colours(stdout)));
        else if (!options.quiet && !is_terminal(stderr))
            fmt::print("{} {}\n", id, status);
    }
    return exit_code;
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

Status cancel_jobs(const Options& options, const std::vector<std::string>& words, const JobFilter& filter) {
    if (words.empty() == !filter.any())
        return make_error(ErrorKind::invalid,
                          "say which jobs: either by their ids, or with --status, --tag, --queue "
                          "or --search");
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const auto ids, selected_jobs(server, words));
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

// The ids of those that a filter finds, newest first; no more than one command may name.
Result<std::vector<std::string>> ids_of(Server& server, const JobFilter& filter) {
    WINDLASS_TRY(const ServerAnswer list, server.get_list(path_of(filter, per_page), most_jobs + 1));
    if (!list.document.IsArray()) return make_error(ErrorKind::internal, "the server's list is not a list");
    if (list.document.Size() > most_jobs)
        return make_error(ErrorKind::invalid, fmt::format("these are more than {} jobs; narrow it down", most_jobs));
    std::vector<std::string> ids;
    for (const auto& row : list.document.GetArray()) ids.push_back(member_text(row, "id"));
    return ids;
}

Status rerun_jobs(const Options& options, const std::vector<std::string>& words, const JobFilter& filter) {
    if (words.empty() == !filter.any())
        return make_error(ErrorKind::invalid,
                          "say which jobs: either by their ids, or with --status, --tag, --queue or --search");
    WINDLASS_TRY(Server server, Server::find(options.url));
    std::vector<std::string> ids;
    if (filter.any()) {
        WINDLASS_TRY(ids, ids_of(server, filter));
    } else {
        WINDLASS_TRY(ids, selected_jobs(server, words));
    }
    Progress progress("sending again", static_cast<std::int64_t>(ids.size()), false, !options.quiet);
    for (const std::string& id : ids) {
        WINDLASS_TRY(const std::string path, job_path(id, "rerun/"));
        WINDLASS_TRY(const ServerAnswer answer, server.post(path, "{}", random_token()));
        progress.add(1);
        fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
        remember_last_job(server.credentials().url, member_text(answer.document, "id"));
    }
    return {};
}

}  // namespace

void add_job(CLI::App& app, Options& options) {
    CLI::App* job = app.add_subcommand("job", "look at jobs, wait for them, cancel them");
    job->require_subcommand(1);
    const char* id = "the job's id, or `last`";
    const char* several = "ids: 100000042, last, 1,3,5-8, 10-30:5";

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
    cancel->add_option("ids", *ids, several);
    add_filter(*cancel, *cancelled);
    on_use(*cancel, options, [ids, cancelled, &options] { return cancel_jobs(options, *ids, *cancelled); });
    auto again = std::make_shared<std::vector<std::string>>();
    auto found = std::make_shared<JobFilter>();
    CLI::App* rerun = job->add_subcommand("rerun", "send the same jobs again (also lost ones) and print their ids");
    rerun->add_option("ids", *again, several);
    add_filter(*rerun, *found);
    on_use(*rerun, options, [again, found, &options] { return rerun_jobs(options, *again, *found); });
    auto standard_error = std::make_shared<bool>(false);
    auto follow = std::make_shared<bool>(false);
    CLI::App* log = add_with_argument(*job, "log", "what it has printed so far", "id", id, options,
                                      [standard_error, follow, &options](const std::string& which) {
                                          return print_log(options, which, *standard_error, *follow);
                                      });
    log->add_flag("--stderr", *standard_error, "its standard error instead of its standard output");
    log->add_flag("--follow,-f", *follow, "go on with what it prints until it has ended");
    auto awaited = std::make_shared<std::vector<std::string>>();
    CLI::App* wait = job->add_subcommand(
        "wait", "wait until they have ended; ends with the exit code of the first that did not end with 0");
    wait->add_option("ids", *awaited, several)->required();
    on_use(*wait, options, [awaited, &options]() -> Status {
        WINDLASS_TRY(options.exit_code, wait_jobs(options, *awaited));
        return {};
    });
}

}  // namespace windlass::cli
