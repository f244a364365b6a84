#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/exit_code.h"
#include "cli/program_directory.h"
#include "cli/server.h"

namespace windlass::cli {
namespace {

bool tell(bool good, const std::string& line) {
    fmt::print("{} {}\n", good ? "ok  " : "BAD ", line);
    std::fflush(stdout);
    return good;
}

bool check_server(const Options& options) {
    auto server = Server::find(options.url);
    if (!server) return tell(false, "server: " + server.error().message);
    const std::string& url = server->credentials().url;
    if (const auto alive = server->get("/healthz", Seconds{10}); !alive)
        return tell(false, "server: " + alive.error().message);
    bool good = tell(true, fmt::format("server: {} answers", url));
    const auto ready = server->get("/readyz", Seconds{10});
    good =
        tell(ready.ok(), ready ? "ready: database and scheduler are there" : "ready: " + ready.error().message) && good;
    if (!server->has_token()) return tell(false, "login: no credential for this server; run `windlass login`") && good;
    const auto jobs = server->get("/api/jobs/?limit=1", Seconds{10});
    return tell(jobs.ok(), jobs ? "login: the credential is accepted" : "login: " + jobs.error().message) && good;
}

// The worker itself knows what a sandbox needs on this machine.
bool check_worker() {
    const auto program = sibling_program("windlass-worker");
    if (!program) return tell(false, "worker: " + program.error().message);
    const pid_t child = fork();
    if (child < 0) return tell(false, "worker: " + errno_error("starting it", errno).message);
    if (child == 0) {
        execl(program->c_str(), program->c_str(), "--check", static_cast<char*>(nullptr));
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    return tell(good, good ? "worker: every protection is there"
                           : "worker: this machine lacks a protection; the lines above say which and how to get it");
}

}  // namespace

void add_doctor(CLI::App& app, Options& options) {
    CLI::App* doctor = app.add_subcommand("doctor", "check the server and what this machine offers to a worker");
    doctor->callback([&options] {
        tell(true, "windlass " WINDLASS_VERSION);
        const bool server = check_server(options);
        const bool worker = check_worker();
        options.exit_code = server && worker ? exit_ok : exit_failed;
    });
}

}  // namespace windlass::cli
