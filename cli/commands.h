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

void add_dev(CLI::App& app, Options& options);     // dev
void add_login(CLI::App& app, Options& options);   // login, logout
void add_submit(CLI::App& app, Options& options);  // submit, run
void add_job(CLI::App& app, Options& options);     // job list|show|wait|cancel|log|why, result
void add_user(CLI::App& app, Options& options);    // user create|list
void add_doctor(CLI::App& app, Options& options);  // doctor

}  // namespace windlass::cli
