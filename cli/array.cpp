#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "cli/job_ending.h"
#include "cli/last_job.h"
#include "cli/noun.h"
#include "cli/selected_jobs.h"
#include "shared/digest.h"

namespace windlass::cli {
namespace {

Result<std::string> path_of(const Server& server, const std::string& word, const std::string& rest = "") {
    WINDLASS_TRY(const std::string id, selected_job(server, word));
    return job_path(id, rest);
}

}  // namespace

void add_array(CLI::App& app, Options& options) {
    CLI::App* array = app.add_subcommand("array", "jobs with many members (submit --array)");
    array->require_subcommand(1);
    const char* id = "the array's id, or `last`";
    add_with_argument(
        *array, "show", "its members, counted by state", "id", id, options,
        [&options](const std::string& which) -> Status {
            WINDLASS_TRY(Server server, Server::find(options.url));
            WINDLASS_TRY(const std::string path, path_of(server, which));
            WINDLASS_TRY(const ServerAnswer answer, server.get(path));
            const auto member = answer.document.FindMember("array");
            if (options.json || options.quiet || member == answer.document.MemberEnd() || !member->value.IsObject())
                print_object(options, answer, "status");
            else
                print_members(member->value);
            return {};
        });
    auto status = std::make_shared<std::string>();
    auto limit = std::make_shared<int>(0);
    CLI::App* members = add_with_argument(
        *array, "members", "its members, one a line", "id", id, options,
        [&options, status, limit](const std::string& which) -> Status {
            WINDLASS_TRY(Server server, Server::find(options.url));
            WINDLASS_TRY(std::string path, path_of(server, which, "members/"));
            char separator = '?';
            if (!status->empty()) path += fmt::format("{}status={}", std::exchange(separator, '&'), *status);
            if (*limit > 0) path += fmt::format("{}limit={}", separator, std::min(*limit, 1000));
            WINDLASS_TRY(const ServerAnswer answer,
                         server.get_list(path, *limit > 0 ? static_cast<std::size_t>(*limit) : Server::no_limit));
            return print_list(options, answer,
                              {{"index", "INDEX", 5},
                               {"id", "ID", 9},
                               {"status", "STATUS", 9, nullptr, Shown::status},
                               {"duration", "SECONDS", 0}},
                              "id");
        });
    members->add_option("--status", *status, "only those that are failed, running, …");
    members->add_option("--limit", *limit, "at most so many")->check(CLI::PositiveNumber);
    add_with_argument(*array, "cancel", "cancel it with all its members", "id", id, options,
                      [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(const Server server, Server::find(options.url));
                          WINDLASS_TRY(const std::string path, path_of(server, which));
                          return perform(options, "DELETE", path, "", "id", "cancelling");
                      });
    add_with_argument(*array, "rerun-failed", "a new array of the members that failed; prints its id", "id", id,
                      options, [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const std::string path, path_of(server, which, "rerun/"));
                          WINDLASS_TRY(const ServerAnswer answer,
                                       server.post(path, R"({"only":"failed"})", random_token()));
                          fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
                          remember_last_job(server.credentials().url, member_text(answer.document, "id"));
                          return {};
                      });
}

}  // namespace windlass::cli
