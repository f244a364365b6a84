// windlass-scheduler: owns the queue and the status of every job.
#include <fmt/format.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdio>
#include <optional>

#include "scheduler/backup.h"
#include "scheduler/service.h"
#include "scheduler/store_sql.h"
#include "scheduler/user_weights.h"
#include "shared/config.h"
#include "shared/digest.h"
#include "shared/json.h"
#include "shared/log.h"
#include "shared/loop_watchdog.h"
#include "shared/notify.h"
#include "shared/patience.h"
#include "shared/reload.h"
#include "shared/wire/figures_listener.h"

namespace windlass::scheduler {
namespace {

// How often one that stands by looks whether the leader is well.
constexpr Milliseconds look_for_leader{1'000};

// As patiently(), and that somebody else leads (conflict) is waited out as well: with `standby` it is as it should be,
// and may stay so for months, so to the manager of services this one is ready.
template <class Attempt>
auto behind_the_leader(std::string_view what, Attempt attempt, bool standby) -> decltype(attempt()) {
    for (Patience patience(what);;) {
        auto result = attempt();
        if (result.ok()) patience.over();
        if (result.ok()) return result;
        const bool led = result.error().kind == ErrorKind::conflict;
        if (!led && result.error().kind != ErrorKind::unavailable) return result;
        if (patience.say(result.error(), led && standby ? log::Level::info : log::Level::warning) && led && standby)
            notify_ready();
        Patience::pause(led && standby ? look_for_leader : look_again);
    }
}

Result<LeadSettings> lead_settings(const Config& config) {
    LeadSettings settings;
    settings.shared = config.scheduler.standby;
    char name[HOST_NAME_MAX + 1] = {};
    if (gethostname(name, sizeof name - 1) != 0) return errno_error("asking for the name of this host", errno);
    settings.name = to_valid_utf8(name);
    return settings;
}

// By which workers of other machines may dial this one: what is said, the host's own name, and the address it listens
// at where that is one address.
Result<std::vector<std::string>> names_for_workers(const Config& config, const wire::Endpoint& listen) {
    std::vector<std::string> names = config.scheduler.tls_names;
    for (const std::string& name : names) {
        const Status good = trust::check_server_name(name);
        if (!good) return Error(good.error()).in("scheduler.tls_names");
    }
    char host[HOST_NAME_MAX + 1] = {};
    if (gethostname(host, sizeof host - 1) == 0 && trust::check_server_name(host)) names.emplace_back(host);
    if (listen.host != "0.0.0.0" && listen.host != "::") names.push_back(listen.host);
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
}

Status add_trust(const Config& config, ServiceSettings& settings) {
    const Config::Scheduler& scheduler = config.scheduler;
    if (scheduler.tls_listen.empty()) return {};
    auto listen = wire::parse_endpoint(scheduler.tls_listen);
    if (!listen) return std::move(listen.error()).in("scheduler.tls_listen");
    if (!listen->unix_path.empty())
        return make_error(ErrorKind::invalid, "scheduler.tls_listen is HOST:PORT; a unix socket needs no TLS");
    if (scheduler.certificate_s < 10 || scheduler.certificate_s > 365 * 24 * 3600)
        return make_error(ErrorKind::invalid, "scheduler.certificate_s must be between 10 and 31536000 (a year)");
    WINDLASS_TRY(settings.trust.names, names_for_workers(config, *listen));
    WINDLASS_TRY(auto authority, trust::Authority::open(scheduler.trust_directory, SystemClock().now().wall));
    log::info("the site's authority is {} in {}", authority.certificate().fingerprint().substr(0, 16),
              scheduler.trust_directory);
    settings.trust.authority = std::make_shared<const trust::Authority>(std::move(authority));
    settings.trust.certificate_lifetime = Seconds{scheduler.certificate_s};
    settings.tls_listen = std::move(listen).value();
    return {};
}

Result<ServiceSettings> service_settings(const Config& config) {
    ServiceSettings settings;
    WINDLASS_TRY(settings.listen, wire::parse_endpoint(config.scheduler.listen));
    WINDLASS_TRY(settings.door.secret, read_secret(config));
    if (!settings.listen.is_loopback())
        return make_error(
            ErrorKind::invalid,
            "scheduler.listen = " + settings.listen.text() +
                ": without TLS only loopback addresses and unix sockets are listened on; for workers of other machines "
                "set scheduler.tls_listen");
    WINDLASS_TRY_STATUS(add_trust(config, settings));
    settings.door.own_uid = static_cast<long>(getuid());
    WINDLASS_TRY(settings.queue.user_weights, parse_user_weights(config.scheduler.user_weights));
    settings.queue.first_job_id = JobId{config.scheduler.first_job_id};
    settings.queue.lease_ttl = Milliseconds{config.scheduler.lease_ttl_ms};
    settings.queue.lease_grace = Milliseconds{config.scheduler.lease_grace_ms};
    settings.queue.crash_limit = static_cast<std::int16_t>(std::min<std::int64_t>(config.scheduler.crash_limit, 1000));
    if (config.scheduler.lease_ttl_ms < 300 || config.scheduler.crash_limit < 1 || config.scheduler.first_job_id < 1)
        return make_error(ErrorKind::invalid,
                          "scheduler.lease_ttl_ms must be at least 300, crash_limit and first_job_id at least 1");
    if (config.scheduler.keep_finished_days > 36'500)
        return make_error(ErrorKind::invalid,
                          "scheduler.keep_finished_days must be between 0 (for ever) and 36500 (a hundred years)");
    settings.housekeeping.keep_finished = std::chrono::days{config.scheduler.keep_finished_days};
    settings.housekeeping.metrics = {config.metrics.keep_points_days, config.metrics.coarse_s,
                                     config.metrics.keep_days};
    WINDLASS_TRY_STATUS(metrics::check(settings.housekeeping.metrics));
    // Three renewals fit into a lease, and a worker that gets none kills its own jobs a third of it before anybody else
    // may run them.
    settings.renew_every = settings.queue.lease_ttl / 3;
    settings.proof_lasts = std::min(settings.queue.lease_grace, settings.proof_lasts);
    settings.self_kill_after = settings.queue.lease_ttl * 2 / 3;
    if (config.scheduler.standby) {
        settings.say_well_every = LeadSettings{}.well_for / 3;
        settings.proof_lasts = std::min(settings.proof_lasts, 2 * settings.say_well_every);
    }
    return settings;
}

Status run(const Config& config, Reload& reload) {
    WINDLASS_TRY(ServiceSettings settings, service_settings(config));
    WINDLASS_TRY(const DatabaseUrl url, DatabaseUrl::parse(config.database.url));
    WINDLASS_TRY(const LeadSettings lead, lead_settings(config));
    WINDLASS_TRY(auto store, behind_the_leader(
                                 "open the database", [&] { return open_store(url, lead); }, lead.shared));
    WINDLASS_TRY(const std::int64_t epoch, behind_the_leader(
                                               "lead", [&] { return store->lead(); }, lead.shared));
    std::optional<WatchdogReprieve> reading(std::in_place);  // who stood by is watched already, and reads for a while
    WINDLASS_TRY(StoredState state, patiently("read the queue", [&] { return store->load(); }));
    reading.reset();
    settings.queue.attempts_after = attempts_after(epoch);
    log::info("leading with epoch {}: {} jobs that have not ended, {} workers known", epoch, state.queue.jobs.size(),
              state.workers.size());

    uv_loop_t loop;
    uv_loop_init(&loop);
    const SystemClock clock;
    WINDLASS_TRY(
        auto service,
        Service::open(&loop, clock, settings, std::move(store), epoch, std::move(state), [](const std::string& why) {
            // Nothing may leave this process any more, not even a polite goodbye.
            log::error("no longer the leader: {}. Ending at once; jobs are safe with the one who leads now", why);
            std::_Exit(3);
        }));

    WINDLASS_TRY(auto figures,
                 wire::open_figures(&loop, "scheduler.metrics_listen", config.scheduler.metrics_listen, [&service] {
                     figures::Families families;
                     figures::add_process(families, "windlass-scheduler");
                     if (service) service->add_figures(families);
                     return figures::text(families);
                 }));

    struct Stop {
        std::unique_ptr<Service>& service;
        uv_signal_t signals[2]{};
    } stop{service};
    const auto on_signal = [](uv_signal_t* handle, int) {
        auto& us = *static_cast<Stop*>(handle->data);
        notify_stopping();
        for (uv_signal_t& signal : us.signals)
            if (!uv_is_closing(reinterpret_cast<uv_handle_t*>(&signal)))
                uv_close(reinterpret_cast<uv_handle_t*>(&signal), nullptr);
        us.service->stop([&us] { us.service.reset(); });
    };
    for (int i = 0; i < 2; ++i) {
        uv_signal_init(&loop, &stop.signals[i]);
        stop.signals[i].data = &stop;
        uv_signal_start(&stop.signals[i], on_signal, i == 0 ? SIGTERM : SIGINT);
    }
    std::optional<HangUp> hang_up(std::in_place, &loop, [&reload] { reload.run({}); });
    std::optional<LoopWatchdog> watchdog(std::in_place, &loop);
    log::info("listening on {}", service->endpoint().text());
    if (const auto tls = service->tls_endpoint()) log::info("workers of other machines dial tls://{}", tls->text());
    notify_ready();
    notify_status(lead.shared ? "leads" : "");
    uv_run(&loop, UV_RUN_DEFAULT);
    figures.reset();
    hang_up.reset();
    watchdog.reset();
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return {};
}

// Takes `--flag FILE`, which is of this program alone, out of argv: the others belong to load_config().
std::string take_option(int& argc, char** argv, std::string_view flag) {
    char** const found = std::find(argv + 1, argv + argc, flag);
    if (found == argv + argc || found + 1 == argv + argc) return {};
    std::string value = found[1];
    std::rotate(found, found + 2, argv + argc);
    argc -= 2;
    return value;
}

Status back_up_to(const Config& config, const std::string& file) {
    WINDLASS_TRY(const DatabaseUrl url, DatabaseUrl::parse(config.database.url));
    WINDLASS_TRY_STATUS(back_up(url, file));
    fmt::print("{} holds {} as it was; keep it where nobody else reads it\n", file, url.shown());
    return {};
}

Status restore_from(const Config& config, const std::string& file) {
    WINDLASS_TRY(const DatabaseUrl url, DatabaseUrl::parse(config.database.url));
    WINDLASS_TRY(const Restored restored, restore(url, file));
    fmt::print(
        "{} is what {} held: {} jobs that have not ended, {} of them were running and run again, {} had been told to "
        "end and are cancelled\n",
        url.shown(), file, restored.unfinished, restored.run_again, restored.cancelled);
    fmt::print(
        "what workers still hold of the time since is refused; new jobs have ids above {}; sessions have ended, and "
        "tokens that were revoked since are good again\n",
        restored.highest_job);
    return {};
}

Status migrate_back_to(const Config& config, const std::string& to) {
    int number = -1;
    const auto [end, failed] = std::from_chars(to.data(), to.data() + to.size(), number);
    if (failed != std::errc() || end != to.data() + to.size())
        return make_error(ErrorKind::invalid, "--migrate-back takes the number of a migration, such as 10, not " + to);
    WINDLASS_TRY(const DatabaseUrl url, DatabaseUrl::parse(config.database.url));
    WINDLASS_TRY_STATUS(lead_tables_back(url, number));
    fmt::print("{} has the tables of migration {}; a program that has later ones brings them back when it starts\n",
               url.shown(), number);
    return {};
}

}  // namespace
}  // namespace windlass::scheduler

int main(int argc, char** argv) {
    using namespace windlass;
    HangUp::swallow();
    const std::string backup = scheduler::take_option(argc, argv, "--backup");
    const std::string restore = scheduler::take_option(argc, argv, "--restore");
    const std::string migrate_back = scheduler::take_option(argc, argv, "--migrate-back");
    const auto load = [&] {
        return load_config(argc, argv, "windlass-scheduler",
                           "Windlass scheduler: owns the queue and the status of every job. With --backup FILE, "
                           "--restore FILE, --migrate-back NUMBER: see windlass backup, restore, migrate-back");
    };
    auto loaded = load();
    if (loaded && loaded->done) return 0;
    Status status = loaded ? log::configure("scheduler", loaded->config.log.level, loaded->config.log.format)
                           : Status(loaded.error());
    if (status) {
        initialise_crypto();
        std::signal(SIGPIPE, SIG_IGN);
        Reload reload("scheduler", loaded->config, load);
        status = !backup.empty()         ? scheduler::back_up_to(loaded->config, backup)
                 : !restore.empty()      ? scheduler::restore_from(loaded->config, restore)
                 : !migrate_back.empty() ? scheduler::migrate_back_to(loaded->config, migrate_back)
                                         : scheduler::run(loaded->config, reload);
    }
    if (status) return 0;
    std::fprintf(stderr, "windlass-scheduler: %s\n", status.error().message.c_str());
    return 1;
}
