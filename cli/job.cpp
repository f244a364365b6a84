#include <fmt/format.h>

#include "shared/percent_encoding.h"

#include <cstdio>
#include <memory>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/job_ending.h"
#include "cli/server.h"

namespace windlass::cli {
namespace {

Status list_jobs(const Options& options, int limit, const std::string& status) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    std::string path = "/api/jobs/";
    char separator = '?';
    if (limit > 0) {
        path += fmt::format("{}limit={}", separator, limit);
        separator = '&';
    }
    if (!status.empty()) path += fmt::format("{}status={}", separator, percent_encoded(status));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    if (options.json) {
        fmt::print("{}\n", answer.text);
        return {};
    }
    if (!answer.document.IsArray()) return make_error(ErrorKind::internal, "the server's list of jobs is not a list");
    if (!options.quiet) fmt::print("{:<16} {:<10} {:>12}\n", "ID", "STATUS", "SECONDS");
    for (const auto& job : answer.document.GetArray()) {
        if (options.quiet)
            fmt::print("{}\n", member_text(job, "id"));
        else
            fmt::print("{:<16} {:<10} {:>12}\n", member_text(job, "id"), member_text(job, "status"),
                       member_text(job, "duration"));
    }
    return {};
}

// "cpus: 1" per line; nested objects as JSON, which is exact and still readable.
void print_members(const rapidjson::Value& object) {
    for (const auto& member : object.GetObject()) {
        std::string text = member_text(object, member.name.GetString());
        if (text.empty() && !member.value.IsString()) {
            rapidjson::StringBuffer buffer;
            JsonWriter writer(buffer);
            member.value.Accept(writer);
            text = text_of(buffer);
        }
        fmt::print("{:<18} {}\n", text_of(member.name), text);
    }
}

Status show_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.get(path));
    if (options.json || !answer.document.IsObject())
        fmt::print("{}\n", answer.text);
    else if (options.quiet)
        fmt::print("{}\n", member_text(answer.document, "status"));
    else
        print_members(answer.document);
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
Status print_log(const Options& options, const std::string& id, bool standard_error) {
    WINDLASS_TRY(Server server, Server::find(options.url));
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

Status cancel_job(const Options& options, const std::string& id) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string path, job_path(id));
    WINDLASS_TRY(const ServerAnswer answer, server.remove(path));
    if (options.json)
        fmt::print("{}\n", answer.text);
    else if (!options.quiet)
        fmt::print("{}\n", answer.status == 202 ? "cancelling: its processes are being ended" : "it had already ended");
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

void report(Options& options, const Status& status) {
    if (!status) options.exit_code = complain(status.error());
}

// A word with one job id behind it.
template <class F>
CLI::App* add_with_id(CLI::App& parent, const char* word, const char* meaning, F action) {
    auto id = std::make_shared<std::string>();
    CLI::App* command = parent.add_subcommand(word, meaning);
    command->add_option("id", *id, "the job's id")->required();
    command->callback([id, action] { action(*id); });
    return command;
}

}  // namespace

void add_job(CLI::App& app, Options& options) {
    CLI::App* job = app.add_subcommand("job", "look at jobs, wait for them, cancel them");
    job->require_subcommand(1);

    auto limit = std::make_shared<int>(0);
    auto status = std::make_shared<std::string>();
    CLI::App* list = job->add_subcommand("list", "your jobs (an admin's: all), newest first");
    list->add_option("--limit", *limit, "at most so many")->check(CLI::PositiveNumber);
    list->add_option("--status", *status, "only those that are queued, running, succeeded, …");
    list->callback([limit, status, &options] { report(options, list_jobs(options, *limit, *status)); });

    add_with_id(*job, "show", "everything about one job",
                [&options](const std::string& id) { report(options, show_job(options, id)); });
    add_with_id(*job, "why", "why it waits, in a sentence",
                [&options](const std::string& id) { report(options, why_job(options, id)); });
    add_with_id(*job, "cancel", "end it with its whole process tree",
                [&options](const std::string& id) { report(options, cancel_job(options, id)); });
    auto standard_error = std::make_shared<bool>(false);
    add_with_id(*job, "log", "what it has printed so far", [standard_error, &options](const std::string& id) {
        report(options, print_log(options, id, *standard_error));
    })->add_flag("--stderr", *standard_error, "its standard error instead of its standard output");
    add_with_id(*job, "wait", "wait until it has ended; ends with the job's exit code",
                [&options](const std::string& id) {
                    auto code = wait_job(options, id);
                    options.exit_code = code ? *code : complain(code.error());
                });
    add_with_id(app, "result", "the result of one job",
                [&options](const std::string& id) { report(options, print_result(options, id)); });
}

}  // namespace windlass::cli
