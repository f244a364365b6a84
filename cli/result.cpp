#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <system_error>

#include "cli/exit_code.h"
#include "cli/job_ending.h"
#include "cli/noun.h"
#include "cli/progress.h"
#include "cli/result_files.h"
#include "cli/selected_jobs.h"
#include "shared/digest.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

Result<ServerAnswer> result_of(Server& server, const std::string& id) {
    WINDLASS_TRY_STATUS(job_path(id));
    WINDLASS_TRY(ServerAnswer answer, server.get("/api/results/" + id + "/"));
    if (results_of(answer) == nullptr)
        return make_error(ErrorKind::conflict,
                          fmt::format("job {} has not ended yet; `windlass job wait {}` waits for it", id, id));
    return answer;
}

Status print_result(const Options& options, const std::string& word) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string id, selected_job(server, word));
    WINDLASS_TRY(const ServerAnswer answer, result_of(server, id));
    if (options.json)
        fmt::print("{}\n", answer.text);
    else if (options.quiet)
        fmt::print("{}\n", member_text(*results_of(answer), "outcome"));
    else
        print_members(*results_of(answer));
    return {};
}

struct Wanted {
    std::string job;
    std::vector<std::string> paths;  // empty: all of them
    std::string directory = ".";
    bool replace = false;
};

// Slashes lead into directories; everything else is escaped.
std::string path_text(const std::string& path) {
    std::string text;
    for (std::size_t at = 0; at <= path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        text += (at == 0 ? "" : "/") + percent_encoded(path.substr(at, end - at));
        at = end + 1;
    }
    return text;
}

bool is_wanted(const Wanted& wanted, const std::string& path) {
    return wanted.paths.empty() || std::ranges::find(wanted.paths, path) != wanted.paths.end();
}

Status get_files(const Options& options, const Wanted& wanted) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const std::string id, selected_job(server, wanted.job));
    WINDLASS_TRY(const ServerAnswer answer, result_of(server, id));
    const rapidjson::Value& results = *results_of(answer);
    struct File {
        std::string path, sha256;
        std::int64_t size = 0;
    };
    std::vector<File> files;
    std::int64_t total = 0;
    if (results.HasMember("files") && results["files"].IsArray()) {
        for (const auto& file : results["files"].GetArray()) {
            File found{member_text(file, "path"), member_text(file, "sha256"),
                       file.HasMember("size") && file["size"].IsInt64() ? file["size"].GetInt64() : 0};
            if (!is_wanted(wanted, found.path)) continue;
            WINDLASS_TRY_STATUS(place_of(wanted.directory, found.path));
            if (file.HasMember("stored") && file["stored"].IsFalse()) {
                fmt::print(stderr, "windlass: {} was too large to keep: {} bytes\n", found.path, found.size);
                continue;
            }
            total += found.size;
            files.push_back(std::move(found));
        }
    }
    for (const std::string& path : wanted.paths)
        if (std::ranges::find(files, path, &File::path) == files.end())
            return make_error(ErrorKind::not_found, fmt::format("job {} left no file {} that was kept", id, path));
    std::error_code failed;
    std::filesystem::create_directories(wanted.directory, failed);
    if (failed) return make_error(ErrorKind::invalid, fmt::format("--to {}: {}", wanted.directory, failed.message()));
    Progress progress("getting files", total, true, !options.quiet);
    for (const File& file : files) {
        WINDLASS_TRY(const ServerAnswer got, server.get("/api/results/" + id + "/files/" + path_text(file.path)));
        if (sha256_hex(got.text) != file.sha256)
            return make_error(ErrorKind::internal,
                              fmt::format("{} came with other bytes than the job left", file.path));
        WINDLASS_TRY_STATUS(write_result_file(wanted.directory, file.path, got.text, wanted.replace));
        progress.add(file.size);
        if (!options.json)
            fmt::print("{}\n", (std::filesystem::path(wanted.directory) / file.path).lexically_normal().string());
    }
    if (options.json) fmt::print("{}\n", answer.text);
    return {};
}

}  // namespace

void add_result(CLI::App& app, Options& options) {
    CLI::App* result = app.add_subcommand("result", "the result of one job; the files that it left");
    auto id = std::make_shared<std::string>();
    auto wanted = std::make_shared<Wanted>();
    CLI::App* get = result->add_subcommand("get", "bring the files here that it left");
    get->add_option("id", wanted->job, "the job's id, or `last`")->required();
    get->add_option("path", wanted->paths, "only these of them");
    get->add_option("--to", wanted->directory,
                    "the directory for them, made if it is missing; the one you are in without it");
    get->add_flag("--force", wanted->replace, "replace files that are there already");
    on_use(*get, options, [wanted, &options] { return get_files(options, *wanted); });
    CLI::App* show = result->add_subcommand("show", "how it ended, what it printed and used, the list of its files");
    show->add_option("id", *id, "the job's id, or `last`")->required();
    on_use(*show, options, [id, &options] { return print_result(options, *id); });
    // `windlass result ID` shows it.
    result->add_option("id", *id, "the job's id, or `last`");
    result->callback([result, id, &options] {
        if (!result->get_subcommands().empty()) return;
        const Status status = id->empty() ? Status(make_error(ErrorKind::invalid, "of which job? windlass result ID"))
                                          : print_result(options, *id);
        if (!status) options.exit_code = complain(options, status.error());
    });
}

}  // namespace windlass::cli
