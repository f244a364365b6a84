#include <sodium.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/help_pages.h"
#include "cli/output_format.h"
#include "shared/result.h"

int main(int argc, char** argv) {
    using namespace windlass;
    std::signal(SIGPIPE, SIG_IGN);
    WINDLASS_CHECK(sodium_init() >= 0, "libsodium found no source of randomness");
    cli::Options options;
    CLI::App app("Windlass takes work over HTTP and runs it safely on your machines.", "windlass");
    app.set_version_flag("--version", std::string("windlass " WINDLASS_VERSION));
    app.footer(cli::exit_code_help());
    app.require_subcommand(1);
    app.fallthrough();
    app.add_option("--url", options.url, "the server; else WINDLASS_URL, else the one of `windlass login`");
    std::string json;
    app.add_flag("--json{1}", json, "print JSON of version 1, which `windlass man` describes")
        ->check(CLI::IsMember({std::string(cli::json_version)}))
        ->each([&options](const std::string&) { options.json = true; });
    app.add_flag("--quiet,-q", options.quiet, "print the essential value alone");
    cli::add_init(app, options);
    cli::add_dev(app, options);
    cli::add_login(app, options);
    cli::add_submit(app, options);
    cli::add_job(app, options);
    cli::add_result(app, options);
    cli::add_array(app, options);
    cli::add_blob(app, options);
    cli::add_schedule(app, options);
    cli::add_queue(app, options);
    cli::add_quota(app, options);
    cli::add_worker(app, options);
    cli::add_image(app, options);
    cli::add_dataset(app, options);
    cli::add_course(app, options);
    cli::add_class(app, options);
    cli::add_teacher(app, options);
    cli::add_user(app, options);
    cli::add_token(app, options);
    cli::add_audit(app, options);
    cli::add_tier(app, options);
    cli::add_backup(app, options);
    cli::add_doctor(app, options);
    cli::add_completion(app, options);
    // What stands behind `--` belongs to a job, byte for byte: the parser, which gives brackets and commas a meaning of
    // its own, never sees it.
    char** const dashes = std::find(argv + 1, argv + argc, std::string_view("--"));
    if (dashes != argv + argc) options.behind_dashes.assign(dashes + 1, argv + argc);
    if (const char* output = std::getenv("WINDLASS_OUTPUT"); output != nullptr && *output != '\0') {
        options.json = std::string_view(output) == "json";
        options.quiet = std::string_view(output) == "quiet";
        if (!options.json && !options.quiet && std::string_view(output) != "human") {
            std::fprintf(stderr, "windlass: WINDLASS_OUTPUT is human, json or quiet\n");
            return cli::exit_usage;
        }
    }
    try {
        app.parse(static_cast<int>(dashes - argv), argv);
    } catch (const CLI::Success& success) {  // --help, --version
        return app.exit(success);
    } catch (const CLI::ParseError& error) {
        app.exit(error);
        return cli::exit_usage;
    }
    return options.exit_code;
}
