#include <fmt/format.h>

#include <memory>

#include "cli/noun.h"
#include "shared/percent_encoding.h"

namespace windlass::cli {
namespace {

std::string path_of(const std::string& id, const std::string& rest = "") {
    return "/api/jobs/" + percent_encoded(id) + "/" + rest;
}

}  // namespace

void add_array(CLI::App& app, Options& options) {
    CLI::App* array = app.add_subcommand("array", "jobs with many members (submit --array)");
    array->require_subcommand(1);
    const char* id = "the array's id";
    add_with_argument(*array, "show", "its members, counted by state", "id", id, options,
                      [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const ServerAnswer answer, server.get(path_of(which)));
                          const auto member = answer.document.FindMember("array");
                          if (options.json || member == answer.document.MemberEnd() || !member->value.IsObject())
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
            std::string path = path_of(which, "members/");
            char separator = '?';
            if (!status->empty()) path += fmt::format("{}status={}", std::exchange(separator, '&'), *status);
            if (*limit > 0) path += fmt::format("{}limit={}", separator, *limit);
            WINDLASS_TRY(Server server, Server::find(options.url));
            WINDLASS_TRY(const ServerAnswer answer, server.get(path));
            return print_list(
                options, answer,
                {{"index", "INDEX", 8}, {"id", "ID", 16}, {"status", "STATUS", 10}, {"duration", "SECONDS", 0}}, "id");
        });
    members->add_option("--status", *status, "only those that are failed, running, …");
    members->add_option("--limit", *limit, "at most so many")->check(CLI::PositiveNumber);
    add_with_argument(*array, "cancel", "cancel it with all its members", "id", id, options,
                      [&options](const std::string& which) {
                          return perform(options, "DELETE", path_of(which), "", "id", "cancelling");
                      });
    add_with_argument(*array, "rerun-failed", "a new array of the members that failed; prints its id", "id", id,
                      options, [&options](const std::string& which) -> Status {
                          WINDLASS_TRY(Server server, Server::find(options.url));
                          WINDLASS_TRY(const ServerAnswer answer,
                                       server.post(path_of(which, "rerun/"), R"({"only":"failed"})"));
                          fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
                          return {};
                      });
}

}  // namespace windlass::cli
