#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/data_directory.h"
#include "cli/dev_plan.h"
#include "cli/noun.h"
#include "cli/private_file.h"
#include "cli/program_directory.h"
#include "cli/site_file.h"
#include "cli/supervisor.h"

namespace windlass::cli {
namespace {

struct DevWords {
    DevSettings settings;
    std::string listen;  // empty: what the settings file says, else the default
    std::string data;
    bool verbose = false;
};

Result<DevPlaces> find_places(const DataDirectory& directory) {
    DevPlaces places;
    places.data = directory.path();
    places.sockets = directory.socket_directory();
    places.fingerprint = directory.fingerprint();
    WINDLASS_TRY(places.scheduler_program, sibling_program("windlass-scheduler"));
    WINDLASS_TRY(places.worker_program, sibling_program("windlass-worker"));
    WINDLASS_TRY(places.api_program, sibling_program("windlass-api"));
    return places;
}

void tell(const std::string& line) {
    fmt::print(stderr, "windlass dev: {}\n", line);
    std::fflush(stderr);
}

// What the daemons log, on standard error as well. A process of its own, so that a terminal that stands still (Ctrl-S)
// does not hold up anybody else.
Result<ChildProcess> follow_logs(const std::vector<Service>& services) {
    ProgramSpec tail;
    tail.name = "tail";
    tail.path = "/usr/bin/tail";
    tail.arguments = {"-q", "-n", "0", "-F"};
    tail.environment = {{"PATH", "/usr/bin:/bin"}};
    tail.log_path = "/dev/stderr";
    for (const Service& service : services) {
        const std::string& path = service.program.log_path;
        close(open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600));
        tail.arguments.push_back(path);
    }
    return ChildProcess::start(tail);
}

// The api has written both before it was ready, if there is a first account that it may show.
void remind_of_credentials(const DataDirectory& directory) {
    for (const char* name : {"admin.password", "admin.token"})
        if (access(directory.file(name).c_str(), R_OK) != 0)
            tell(fmt::format("{} is not there; log in as an account that you know", directory.file(name)));
}

Status announce(DataDirectory& directory, const std::string& url) {
    if (url.empty())
        return make_error(ErrorKind::internal, "the api is ready but did not say where it listens (X_WINDLASS_URL)");
    WINDLASS_TRY_STATUS(directory.write_endpoint(url));
    remind_of_credentials(directory);
    fmt::print("READY {}\n", url);
    std::fflush(stdout);
    if (isatty(STDERR_FILENO) != 0) {
        tell(fmt::format("data and logs are in {}; Ctrl-C ends everything, jobs that wait stay", directory.path()));
        tell(fmt::format("log in: windlass login --url {} -u admin --password-stdin < {}", url,
                         directory.file("admin.password")));
    }
    return {};
}

// `windlass init` put settings beside the data: the daemons read all of them, but for what dev itself decides.
Status read_own_file(const DataDirectory& directory, DevSettings& settings,
                     std::map<std::string, std::string>& environment) {
    const std::string file = site_file_in(directory.path());
    if (environment.contains("WINDLASS_CONFIG") || access(file.c_str(), F_OK) != 0) return {};
    WINDLASS_TRY(const Config config, read_site_file(file));
    environment["WINDLASS_CONFIG"] = file;
    settings.listen = config.api.listen;
    if (settings.database.empty()) settings.database = config.database.url;
    return {};
}

Status run_dev(const DevWords& words) {
    std::string data = words.data;
    if (data.empty()) {
        WINDLASS_TRY(data, data_home());
    }
    WINDLASS_TRY(DataDirectory directory, DataDirectory::open(data));
    WINDLASS_TRY(const DevPlaces places, find_places(directory));
    std::map<std::string, std::string> environment = inherited_environment();
    DevSettings settings = words.settings;
    WINDLASS_TRY_STATUS(read_own_file(directory, settings, environment));
    if (!words.listen.empty()) settings.listen = words.listen;
    std::vector<Service> services = plan_services(settings, places, environment);
    WINDLASS_TRY(NotifySocket notify, NotifySocket::open(directory.socket_directory() + "/notify.sock"));
    std::optional<ChildProcess> follower;
    if (words.verbose) {
        WINDLASS_TRY(follower, follow_logs(services));
    }
    std::string url;
    Supervisor::Handlers handlers;
    handlers.tell = tell;
    handlers.on_processes = [&](const std::vector<pid_t>& pids) { directory.remember_daemons(pids); };
    handlers.on_ready = [&](Service& service, const std::string& said) {
        if (said.empty() || service.program.name != "api") return;
        url = said;
        // Started again it must be found at the same place, even if the port was picked.
        service.program.environment["WINDLASS_API_LISTEN"] = listen_of_url(said);
    };
    handlers.on_all_ready = [&] { return announce(directory, url); };
    Supervisor supervisor(std::move(services), std::move(notify), {}, std::move(handlers));
    Status ended = supervisor.run();
    if (!ended && ended.error().message.find("allow_weaker") != std::string::npos)
        ended.error().message +=
            "\nFor work of your own: windlass dev --allow-weaker LIST, with the names that it says are missing.";
    return ended;
}

}  // namespace

void add_dev(CLI::App& app, Options& options) {
    auto words = std::make_shared<DevWords>();
    CLI::App* dev =
        app.add_subcommand("dev", "run scheduler, worker and api for one person; prints READY and the address");
    dev->add_option("--listen", words->listen, "HOST:PORT; port 0 picks a free one; default 127.0.0.1:8080");
    dev->add_option("--data", words->data, "directory for everything that stays; default ~/.local/share/windlass");
    dev->add_option("--database", words->settings.database, "postgresql://…; default sqlite in the data directory");
    dev->add_option("--slots", words->settings.slots, "cores for jobs; default all")->check(CLI::NonNegativeNumber);
    dev->add_option("--allow-weaker", words->settings.allow_weaker,
                    "protections to do without, e.g. memory-limit,cpu-limit (docs/sandbox.md)");
    dev->add_flag("--verbose,-v", words->verbose, "show the daemons' logs on standard error as well");
    on_use(*dev, options, [words] { return run_dev(*words); });
}

}  // namespace windlass::cli
