#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "cli/commands.h"
#include "cli/noun.h"
#include "cli/program_directory.h"

namespace windlass::cli {
namespace {

constexpr const char* usual_configuration = "/etc/windlass/windlass.toml";

struct Words {
    std::string operand;
    std::string configuration;
    std::string database;
};

// The scheduler's program knows the database and what a restore has to fence; this one takes its place. WINDLASS_…
// variables hold for it as for the daemon.
Status become_scheduler(const char* task, const Words& words) {
    WINDLASS_TRY(const std::string program, sibling_program("windlass-scheduler"));
    std::vector<std::string> arguments = {program, task, words.operand};
    std::string configuration = words.configuration;
    if (configuration.empty() && getenv("WINDLASS_CONFIG") == nullptr && access(usual_configuration, F_OK) == 0)
        configuration = usual_configuration;
    if (!configuration.empty()) arguments.insert(arguments.end(), {"--config", configuration});
    if (!words.database.empty()) arguments.insert(arguments.end(), {"--database-url", words.database});
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    execv(program.c_str(), argv.data());
    return errno_error("starting " + program, errno);
}

CLI::App* add_task(CLI::App& app, Options& options, const char* name, const char* task, const char* meaning,
                   const char* operand, const char* operand_meaning) {
    auto words = std::make_shared<Words>();
    CLI::App* command = app.add_subcommand(name, meaning);
    command->add_option(operand, words->operand, operand_meaning)->required();
    command->add_option(
        "--config", words->configuration,
        fmt::format("the scheduler's configuration, for database.url; {} if there is one", usual_configuration));
    command->add_option("--database", words->database, "sqlite:/path or postgresql://…, instead of the configured one");
    on_use(*command, options, [words, task] { return become_scheduler(task, *words); });
    return command;
}

}  // namespace

void add_backup(CLI::App& app, Options& options) {
    add_task(app, options, "backup", "--backup",
             "on the server: copy the whole database (jobs, results, files, accounts) into a file, while it works",
             "file", "the file to make")
        ->footer("Of SQLite it is a database, of PostgreSQL an archive of pg_dump. See docs/backup.md.");
    add_task(app, options, "restore", "--restore",
             "on the server: replace the whole database by a backup; scheduler and api are stopped before", "file",
             "the file that `windlass backup` made")
        ->footer("Workers may go on: what they hold of the time since the backup is refused. See docs/backup.md.");
    add_task(app, options, "migrate-back", "--migrate-back",
             "on the server: give the tables back the form that an older version knows; everything is stopped before",
             "number", "the last migration that the older version has, such as 10")
        ->footer("What only later tables hold is lost: make a backup before. See docs/backup.md.");
}

}  // namespace windlass::cli
