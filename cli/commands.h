// The words of the `windlass` command. Each function adds one to the application; its callback leaves the exit code in
// Options. One file per function.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace windlass::cli {

// What every word understands, before or after it.
struct Options {
    std::string url;                         // --url
    bool json = false;                       // --json: the server's own JSON instead of lines for people
    bool quiet = false;                      // --quiet: the essential value alone
    std::vector<std::string> behind_dashes;  // the words after `--`
    int exit_code = 0;
};

void add_dev(CLI::App& app, Options& options);       // dev
void add_init(CLI::App& app, Options& options);      // init
void add_login(CLI::App& app, Options& options);     // login, logout
void add_submit(CLI::App& app, Options& options);    // submit, run
void add_job(CLI::App& app, Options& options);       // job list|show|wait|cancel|rerun|log|why
void add_result(CLI::App& app, Options& options);    // result, result get
void add_array(CLI::App& app, Options& options);     // array show|members|cancel|rerun-failed
void add_blob(CLI::App& app, Options& options);      // blob put|list|remove
void add_schedule(CLI::App& app, Options& options);  // schedule list|create|show|pause|resume|run|remove
void add_queue(CLI::App& app, Options& options);     // queue list|set|hold|release|remove
void add_quota(CLI::App& app, Options& options);     // quota mine|list|set|remove
void add_worker(CLI::App& app, Options& options);    // worker list|drain|resume|forget
void add_user(CLI::App& app, Options& options);      // user create|list|show|set|disable|enable|password-link|password
void add_tier(CLI::App& app, Options& options);      // tier list|set|remove
void add_token(CLI::App& app, Options& options);     // token list|create|revoke
void add_audit(CLI::App& app, Options& options);     // audit list|verify
void add_image(CLI::App& app, Options& options);     // image import|list|show|remove|allow
void add_dataset(CLI::App& app, Options& options);   // dataset add|list|show|remove|allow
void add_course(CLI::App& app, Options& options);    // course list|add|show|delete|launch|open|running|stop
void add_class(CLI::App& app, Options& options);     // class list|add|remove|members|join|leave|give|take
void add_teacher(CLI::App& app, Options& options);   // teacher list|add|remove
void add_backup(CLI::App& app, Options& options);    // backup, restore
void add_doctor(CLI::App& app, Options& options);    // doctor
void add_completion(CLI::App& app, Options& options);  // completion, man

}  // namespace windlass::cli
