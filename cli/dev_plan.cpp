#include "cli/dev_plan.h"

#include <fmt/format.h>

#include <cstdlib>

namespace windlass::cli {
namespace {

// At Ctrl-C running jobs get this long to end before they are handed back to the queue, where the next start finds
// them.
constexpr Milliseconds worker_drain{5000};
constexpr Milliseconds beyond_drain{7000};  // to end the jobs and say goodbye

std::map<std::string, std::string> common_environment(const DevSettings& settings, const DevPlaces& places,
                                                      const std::map<std::string, std::string>& inherited) {
    std::map<std::string, std::string> environment = inherited;
    // The command's own words, not the daemons'.
    for (const char* name : {"WINDLASS_TOKEN", "WINDLASS_URL", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID",
                             "WATCHDOG_USEC", "WATCHDOG_PID"})
        environment.erase(name);
    environment["WINDLASS_DATABASE_URL"] =
        settings.database.empty() ? "sqlite:" + places.data + "/windlass.db" : settings.database;
    environment["WINDLASS_SCHEDULER_LISTEN"] = "unix:" + places.sockets + "/scheduler.sock";
    environment["WINDLASS_SCHEDULER_SECRET_FILE"] = places.data + "/scheduler.secret";
    return environment;
}

Service service_of(const std::string& name, const std::string& program, const DevPlaces& places,
                   const std::map<std::string, std::string>& environment) {
    Service service;
    service.program.name = name;
    service.program.path = program;
    service.program.environment = environment;
    service.program.log_path = fmt::format("{}/log/{}.log", places.data, name);
    return service;
}

}  // namespace

std::vector<Service> plan_services(const DevSettings& settings, const DevPlaces& places,
                                   const std::map<std::string, std::string>& inherited) {
    const auto common = common_environment(settings, places, inherited);

    Service scheduler = service_of("scheduler", places.scheduler_program, places, common);

    scheduler.stop_patience = Milliseconds(10'000);

    Service worker = service_of("worker", places.worker_program, places, common);
    auto& for_worker = worker.program.environment;
    // Not the host's name: two data directories on one machine are two workers, with cgroups of their own.
    for_worker.try_emplace("WINDLASS_WORKER_NAME", "dev-" + places.fingerprint);
    for_worker.try_emplace("WINDLASS_WORKER_SERVICE_LISTEN", "unix:" + places.sockets + "/services.sock");
    for_worker["WINDLASS_WORKER_STATE_DIRECTORY"] = places.data + "/worker";
    for_worker.try_emplace("WINDLASS_WORKER_DRAIN_MS", std::to_string(worker_drain.count()));
    if (settings.slots > 0) for_worker["WINDLASS_WORKER_SLOTS"] = std::to_string(settings.slots);
    if (!settings.allow_weaker.empty()) for_worker["WINDLASS_WORKER_ALLOW_WEAKER"] = settings.allow_weaker;
    worker.needs_first = 1;
    worker.stop_patience =
        Milliseconds(std::strtoll(for_worker["WINDLASS_WORKER_DRAIN_MS"].c_str(), nullptr, 10)) + beyond_drain;

    Service api = service_of("api", places.api_program, places, common);
    api.program.environment["WINDLASS_API_LISTEN"] = settings.listen;
    api.program.environment["WINDLASS_API_CREDENTIALS_DIRECTORY"] = places.data;
    api.stop_patience = Milliseconds(15'000);  // it answers what it has begun to answer, for at most 10 s
    api.needs_first = 1;                       // beside the worker, not behind it: both need only the scheduler

    std::vector<Service> services;
    services.push_back(std::move(scheduler));
    services.push_back(std::move(worker));
    services.push_back(std::move(api));
    return services;
}

std::string listen_of_url(const std::string& url) {
    const auto scheme = url.find("://");
    std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
    if (const auto slash = rest.find('/'); slash != std::string::npos) rest.erase(slash);
    return rest;
}

}  // namespace windlass::cli
