#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/exit_code.h"
#include "cli/follow_log.h"
#include "cli/interrupt.h"
#include "cli/job_ending.h"
#include "cli/last_job.h"
#include "cli/noun.h"
#include "cli/server.h"
#include "cli/submit_words.h"
#include "shared/digest.h"

namespace windlass::cli {
namespace {

// The key makes it safe to send it again when no answer came: the job is not made twice.
Result<ServerAnswer> submit(Server& server, CLI::App& command, SubmitWords& words, const Options& options) {
    WINDLASS_TRY_STATUS(read_directives(command, words));
    WINDLASS_TRY_STATUS(upload_files(server, words, !options.quiet));
    WINDLASS_TRY(const std::string body, body_of(words, options.behind_dashes));
    const std::string key = random_token();
    auto answer = server.post("/api/jobs/submit/", body, key);
    for (int again = 0; again < 3 && !answer && answer.error().kind == ErrorKind::unavailable; ++again)
        answer = server.post("/api/jobs/submit/", body, key);
    if (!answer && answer.error().kind == ErrorKind::unavailable)
        answer.error().message +=
            ". Whether the job was taken is not known: look with `windlass job list` before sending it again";
    if (answer) remember_last_job(server.credentials().url, member_text(answer->document, "id"));
    return answer;
}

Status run(const Options& options, CLI::App& command, SubmitWords& words, int& exit_code) {
    WINDLASS_TRY(Server server, Server::find(options.url));
    WINDLASS_TRY(const ServerAnswer submitted, submit(server, command, words, options));
    const std::string id = member_text(submitted.document, "id");
    const Interrupt interrupt(id, [id, credentials = server.credentials()] {
        Server own(credentials);  // the other connection waits for what the job prints
        const auto asked = own.remove("/api/jobs/" + id + "/");
        if (!asked) complain(asked.error());
    });
    if (!options.quiet && isatty(STDERR_FILENO) != 0) fmt::print(stderr, "windlass: job {}\n", id);
    if (!options.json)
        WINDLASS_TRY_STATUS(follow_log(server, id, {}, [](bool standard_error, std::string_view bytes) {
            std::FILE* const to = standard_error ? stderr : stdout;
            std::fwrite(bytes.data(), 1, bytes.size(), to);
            std::fflush(to);
        }));
    WINDLASS_TRY(const ServerAnswer job, wait_for_job(server, id));
    WINDLASS_TRY(const ServerAnswer result, server.get("/api/results/" + id + "/"));
    if (options.json) fmt::print("{}\n", result.text);
    const rapidjson::Value* results = results_of(result);
    if (results == nullptr) return make_error(ErrorKind::internal, fmt::format("job {} ended without a result", id));
    const JobEnding ending = ending_of(member_text(job.document, "status"), *results);
    if (!ending.sentence.empty() && !options.quiet) fmt::print(stderr, "windlass: job {}: {}\n", id, ending.sentence);
    exit_code = ending.exit_code;
    return {};
}

}  // namespace

void add_submit(CLI::App& app, Options& options) {
    CLI::App* submit_command = app.add_subcommand("submit", "send a job and print its id");
    on_use(*submit_command, options, [submit_command, words = add_words(*submit_command), &options]() -> Status {
        WINDLASS_TRY(Server server, Server::find(options.url));
        WINDLASS_TRY(const ServerAnswer answer, submit(server, *submit_command, *words, options));
        fmt::print("{}\n", options.json ? answer.text : member_text(answer.document, "id"));
        return {};
    });
    CLI::App* run_command =
        app.add_subcommand("run", "send a job, print its output as it comes, end with its exit code");
    run_command->callback([run_command, words = add_words(*run_command), &options] {
        if (const Status status = run(options, *run_command, *words, options.exit_code); !status) {
            complain(options, status.error());
            options.exit_code = exit_without_code;
        }
    });
}

}  // namespace windlass::cli
