// windlass-api: reads the configuration, builds the objects in order, runs the loop, stops in reverse order.
#include <sys/resource.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <functional>
#include <memory>
#include <optional>

#include "api/accounts/password_links_repository.h"
#include "api/accounts/tiers_repository.h"
#include "api/accounts_repository.h"
#include "api/audit/audit_log.h"
#include "api/audit/audit_repository.h"
#include "api/auth/credentials.h"
#include "api/auth/sessions_repository.h"
#include "api/auth/signing_keys.h"
#include "api/auth/tokens_repository.h"
#include "api/blobs_repository.h"
#include "api/courses/courses_repository.h"
#include "api/courses/service_pipe.h"
#include "api/first_admin.h"
#include "api/front/front.h"
#include "api/front/origin.h"
#include "api/front_settings.h"
#include "api/idempotency.h"
#include "api/images/images_repository.h"
#include "api/images/thumbnail_keeper.h"
#include "api/images/thumbnails_repository.h"
#include "api/jobs_repository.h"
#include "api/login_throttle.h"
#include "api/metrics.h"
#include "api/monitoring/log_tail.h"
#include "api/monitoring/measurements.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/sweeper.h"
#include "api/network_permission.h"
#include "api/oidc/oidc.h"
#include "api/openapi/description.h"
#include "api/password_hasher.h"
#include "api/quotas_repository.h"
#include "api/rate_limits.h"
#include "api/refused_submits.h"
#include "api/relations_repository.h"
#include "api/results_repository.h"
#include "api/routes.h"
#include "api/scheduler_link.h"
#include "api/schedules_repository.h"
#include "api/server.h"
#include "api/site/site_repository.h"
#include "shared/config.h"
#include "shared/database/migrate.h"
#include "shared/database/session_pool.h"
#include "shared/digest.h"
#include "shared/log.h"
#include "shared/loop_watchdog.h"
#include "shared/notify.h"
#include "shared/patience.h"
#include "shared/reload.h"
#include "shared/wire/connection.h"

namespace windlass::api {
namespace {

std::string front_url(const Config::Api& api, const Front& front) {
    return (api.tls_certificate_file.empty() ? "http://" : "https://") + front.address();
}

// A connection is a descriptor. The soft limit is low for the sake of programs that use select(2).
void raise_descriptor_limit() {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

// Where it is set; else with the other secrets of the site, or beside the one file of the database. Empty: a database
// on another machine has no place here that would last.
std::string signing_key_file(const Config::Api& api, const DatabaseUrl& database) {
    if (!api.signing_key_file.empty()) return api.signing_key_file;
    if (!api.credentials_directory.empty()) return api.credentials_directory + "/signing.key";
    return database.path().empty() ? std::string() : database.path() + ".signing-key";
}

Result<SigningKeys> signing_keys(const std::string& file) {
    if (!file.empty()) return load_signing_keys(file);
    log::warning("sessions will end with this process, and are good in no other: set api.signing_key_file");
    return SigningKeys::random();
}

// Null: the site has no provider.
Result<std::unique_ptr<Oidc>> set_up_oidc(const Config::Api& api, const Clock& clock, SessionPool& pool) {
    WINDLASS_TRY(auto settings, oidc_settings(api));
    WINDLASS_TRY(auto roles, RoleMap::parse(api.oidc_roles, api.oidc_default_roles));
    if (settings.issuer.empty()) return std::unique_ptr<Oidc>();
    return std::make_unique<Oidc>(std::move(settings), clock, fetch, pool, std::move(roles));
}

Status prepare_database(const DatabaseUrl& url) {
    Session session(url, {.application_name = "windlass-api"});
    return migrate(session);
}

// SIGTERM and SIGINT: what is being answered is answered, then the loop ends. SIGHUP: files are read again.
class Signals {
  public:
    Signals(uv_loop_t* loop, std::function<void()> on_stop, std::function<void()> on_reload)
        : on_stop_(std::move(on_stop)), on_reload_(std::move(on_reload)) {
        constexpr std::array numbers = {SIGTERM, SIGINT, SIGHUP};
        for (std::size_t i = 0; i < handles_.size(); ++i) {
            uv_signal_init(loop, &handles_[i]);
            handles_[i].data = this;
            uv_signal_start(
                &handles_[i],
                [](uv_signal_t* handle, int number) {
                    auto& self = *static_cast<Signals*>(handle->data);
                    number == SIGHUP ? self.on_reload_() : self.on_stop_();
                },
                numbers[i]);
        }
    }
    void close() {
        for (auto& handle : handles_) uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
    }

  private:
    std::function<void()> on_stop_;
    std::function<void()> on_reload_;
    std::array<uv_signal_t, 3> handles_{};
};

void reload_certificate(Front& front) {
    const auto reloaded = front.reload_tls();
    if (!reloaded)
        log::error("the certificate stays as it was: {} Then send SIGHUP again", reloaded.error().message);
    else if (!reloaded->empty())
        log::info("new connections get the certificate {}", *reloaded);
}

void reload_signing_keys(CurrentSigningKeys& keys, const std::string& file) {
    if (file.empty()) return;
    auto loaded = load_signing_keys(file);
    if (!loaded) return log::error("the signing keys stay as they were: {}", loaded.error().message);
    const auto number = loaded->all().size();
    keys.replace(std::move(loaded).value());
    log::info("{} was read again, keys in it: {}", file, number);
}

Status run(const Config& config, Reload& reload) {
    std::signal(SIGPIPE, SIG_IGN);
    initialise_crypto();
    if (const auto& faults = published_description().faults; !faults.empty())
        return make_error(ErrorKind::invalid, "the routes and their documentation do not agree: " + faults.front());
    const SystemClock clock;
    WINDLASS_TRY(const auto url, DatabaseUrl::parse(config.database.url));
    WINDLASS_TRY(const auto schedulers, wire::parse_addresses(config.scheduler.dial, config.scheduler.listen));
    WINDLASS_TRY(const auto secret, read_secret(config));
    WINDLASS_TRY_STATUS(check_network_permissions(config.api.network_full));
    WINDLASS_TRY_STATUS(check_origins(config.api.allowed_origins));
    raise_descriptor_limit();
    WINDLASS_TRY(const auto settings, front_settings(config.api));
    WINDLASS_TRY(const bool open, registration_open(config.api, settings));
    WINDLASS_TRY_STATUS(patiently("open the database", [&] { return prepare_database(url); }));

    // One session per handler thread, as handlers hold one at a time, one for the audit, one for thumbnails and one for
    // whoever comes by.
    SessionPool pool(url, static_cast<std::size_t>(config.api.threads) + 3, {.application_name = "windlass-api"});
    AccountsRepository accounts(pool);
    JobsRepository jobs(pool);
    ResultsRepository results(pool);
    RelationsRepository relations(pool);
    BlobsRepository blobs(pool);
    ImagesRepository images(pool);
    ThumbnailsRepository making(pool);
    QuotasRepository quotas(pool);
    SchedulesRepository schedules(pool);
    TiersRepository tiers(pool);
    SiteRepository site(pool);
    PasswordLinksRepository password_links(pool);
    CoursesRepository courses(pool);
    ServicePipes services;
    Idempotency idempotency(pool);
    SessionsRepository sessions(pool);
    TokensRepository tokens(pool);
    PasswordHasher passwords;
    WINDLASS_TRY_STATUS(patiently("look for the first admin", [&] {
        return ensure_first_admin(accounts, tokens, passwords, config.api.credentials_directory, clock.now().wall);
    }));
    const auto key_file = signing_key_file(config.api, url);
    WINDLASS_TRY(auto first_keys, signing_keys(key_file));
    CurrentSigningKeys keys(std::move(first_keys));
    Credentials credentials(sessions, tokens, keys, config.api, clock);
    LoginThrottle throttle;
    WINDLASS_TRY(const auto oidc, set_up_oidc(config.api, clock, pool));
    AuditRepository audit_entries(pool);
    AuditLog audit(audit_entries);
    WINDLASS_TRY(auto mail, mail_settings(config.api));
    Monitoring monitoring(pool, config.scheduler.first_job_id, std::move(mail),
                          [&clock](SessionPool& lent, const MonitoringConfig&, const JobMetadata& job) {
                              return Measurements(lent).statistics(job, clock.now().wall);
                          });
    RateLimits rates({config.api.requests_per_s, config.api.address_requests_per_s, config.api.followers_per_account});
    RefusedSubmits refused_submits;
    Metrics metrics(routes());

    uv_loop_t* loop = uv_default_loop();
    std::unique_ptr<Front> front;
    bool stopping = false;
    const auto on_link = [&](bool up) {
        if (stopping || !front) return;
        notify_status(up ? "" : "the scheduler is away");
        if (up) notify_ready(front_url(config.api, *front));
    };
    SchedulerLink scheduler(loop, {.endpoints = schedulers, .name = "api", .secret = secret}, on_link);
    ThumbnailKeeper thumbnails(images, making, scheduler, config.api, clock);
    App app{
        .settings = config.api,
        .registration_open = open,
        .clock = clock,
        .accounts = accounts,
        .jobs = jobs,
        .results = results,
        .relations = relations,
        .blobs = blobs,
        .quotas = quotas,
        .schedules = schedules,
        .idempotency = idempotency,
        .sessions = sessions,
        .tokens = tokens,
        .credentials = credentials,
        .passwords = passwords,
        .throttle = throttle,
        .scheduler = scheduler,
        .metrics = metrics,
        .audit_entries = audit_entries,
        .audit = audit,
        .rates = rates,
        .refused_submits = refused_submits,
        .tiers = tiers,
        .password_links = password_links,
        .site = site,
        .signing_keys = keys,
        .images = images,
        .making = making,
        .thumbnails = thumbnails,
        .monitoring = monitoring,
        .courses = courses,
        .services = services,
        .site_secret = secret,
        .oidc = oidc.get(),
    };
    WINDLASS_TRY(const auto server, Server::make(app, routes()));
    const Sweeper sweeper(monitoring.clusters, clock, Seconds{config.api.monitoring_sweep_s});
    WINDLASS_TRY(front, Front::open(
                            loop, settings, [&server](const Request& request) { return server->handle(request); },
                            Server::render_error));
    metrics.set_front([&front] { return front->statistics(); });
    metrics.set_sessions(pool);
    metrics.set_password_queue([&passwords] { return passwords.waiting(); });
    log::info("listening on {}", front_url(config.api, *front));
    thumbnails.start();

    const auto stop = [&](Signals& signals) {
        if (stopping) return;
        stopping = true;
        notify_stopping();
        log::info("stopping");
        front->drain(Seconds{10}, [&] {
            thumbnails.stop();
            scheduler.stop();
            signals.close();
        });
    };
    Signals signals(
        loop, [&] { stop(signals); },
        [&] {
            reload.run([&] {
                reload_certificate(*front);
                reload_signing_keys(keys, key_file);
            });
        });
    std::optional<LoopWatchdog> watchdog(std::in_place, loop);
    uv_run(loop, UV_RUN_DEFAULT);
    front.reset();
    watchdog.reset();
    uv_run(loop, UV_RUN_DEFAULT);
    return {};
}

}  // namespace
}  // namespace windlass::api

int main(int argc, char** argv) {
    windlass::HangUp::swallow();
    const auto load = [&] {
        return windlass::load_config(argc, argv, "windlass-api", "Speaks HTTP with everyone: accounts, jobs, results.");
    };
    auto loaded = load();
    if (!loaded) {
        std::fprintf(stderr, "windlass-api: %s\n", loaded.error().message.c_str());
        return 2;
    }
    if (loaded->done) return 0;
    if (const auto configured = windlass::log::configure("api", loaded->config.log.level, loaded->config.log.format);
        !configured) {
        std::fprintf(stderr, "windlass-api: %s\n", configured.error().message.c_str());
        return 2;
    }
    windlass::api::LogTail::of_this_process();  // from the first line on
    windlass::Reload reload("api", loaded->config, load);
    if (const auto ended = windlass::api::run(loaded->config, reload); !ended) {
        windlass::log::error("{}", ended.error().message);
        return 1;
    }
    return 0;
}
