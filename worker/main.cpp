// windlass-worker: runs jobs. See docs/worker.md.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "shared/config.h"
#include "shared/digest.h"
#include "shared/figures.h"
#include "shared/log.h"
#include "shared/loop_watchdog.h"
#include "shared/notify.h"
#include "shared/reload.h"
#include "shared/wire/figures_listener.h"
#include "worker/agent.h"
#include "worker/enrolment.h"
#include "worker/explain.h"
#include "worker/sandbox_engine.h"
#include "worker/settings.h"

using namespace windlass;
using namespace windlass::worker;

namespace {

// Takes a flag of this program alone out of argv: the others belong to load_config().
bool take_flag(int& argc, char** argv, std::string_view flag) {
    char** end = std::remove_if(argv + 1, argv + argc, [&](const char* word) { return word == flag; });
    const bool found = end != argv + argc;
    argc = static_cast<int>(end - argv);
    return found;
}

// The same for one with a value; nullopt: it is not there.
std::optional<std::string> take_value(int& argc, char** argv, std::string_view flag) {
    for (int i = 1; i + 1 < argc; ++i) {
        if (flag != argv[i]) continue;
        std::string value = argv[i + 1];
        std::copy(argv + i + 2, argv + argc, argv + i);
        argc -= 2;
        return value;
    }
    return std::nullopt;
}

Status make_private_directory(const std::string& path) {
    std::error_code failed;
    std::filesystem::create_directories(path, failed);
    if (failed) return errno_error("making " + path, failed.value());
    if (chmod(path.c_str(), 0700) != 0) return errno_error("making " + path + " private", errno);
    return {};
}

// The first signal drains, the second kills; SIGUSR2 hands over to a new program. The handles do not keep the loop
// alive.
class Signals {
  public:
    Signals(uv_loop_t* loop, Agent& agent) {
        watch(loop, agent, term_, SIGTERM, [](uv_signal_t* signal, int) { agent_of(signal).terminate(); });
        watch(loop, agent, interrupt_, SIGINT, [](uv_signal_t* signal, int) { agent_of(signal).terminate(); });
        watch(loop, agent, upgrade_, SIGUSR2, [](uv_signal_t* signal, int) { agent_of(signal).hand_over(); });
    }

  private:
    static Agent& agent_of(uv_signal_t* signal) { return *static_cast<Agent*>(signal->data); }
    static void watch(uv_loop_t* loop, Agent& agent, uv_signal_t& handle, int number, uv_signal_cb call) {
        uv_signal_init(loop, &handle);
        handle.data = &agent;
        uv_signal_start(&handle, call, number);
        uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
    }

    uv_signal_t upgrade_{};
    uv_signal_t term_{};
    uv_signal_t interrupt_{};
};

// What is queued for the scheduler still leaves; but a peer that does not read must not keep an ended worker alive.
void run_out(uv_loop_t* loop) {
    static uv_timer_t late;
    uv_timer_init(loop, &late);
    uv_timer_start(
        &late, [](uv_timer_t* timer) { uv_stop(timer->loop); }, 2000, 0);
    uv_unref(reinterpret_cast<uv_handle_t*>(&late));
    uv_run(loop, UV_RUN_DEFAULT);
}

Status run_enrolment(const WorkerSettings& settings, std::string token) {
    if (token == "-") std::getline(std::cin, token);  // so that it stands on no command line
    WINDLASS_TRY_STATUS(make_private_directory(settings.state_directory));
    WINDLASS_TRY(const Credential credential,
                 enrol({settings.agent.schedulers, settings.agent.name, settings.state_directory}, token));
    log::info("this worker is enrolled as {}; its certificate lives until {} and renews itself", settings.agent.name,
              trust::utc_text(credential.certificate().valid_until()));
    return {};
}

Result<MakeEngine> open_sandbox(WorkerSettings& settings, const Clock& clock) {
    WINDLASS_TRY_STATUS(make_private_directory(settings.sandbox.state_directory));
    WINDLASS_TRY(auto sandbox, Sandbox::open(settings.sandbox));  // locks the directory: from here on it is ours alone
    // With what a former life has in hand this one is, to the scheduler, the same worker.
    if (const auto about = sandbox->inherited_about()) {
        settings.agent.instance = *about;
        settings.agent.inherited_until = sandbox->inherited_until();
    }
    settings.agent.journal = ResultJournal(sandbox->journals());
    for (const Finding& finding : sandbox->findings())
        log::write(finding.present ? log::Level::info : log::Level::warning,
                   fmt::format("{} {}: {}{}", name(finding.protection), finding.present ? "present" : "MISSING",
                               finding.how, finding.present ? "" : "; to get it: " + finding.fix));
    WINDLASS_TRY(auto cache, BlobCache::open(settings.state_directory + "/blobs", settings.cache_bytes));
    SiteStore site(settings.site_directory);
    WINDLASS_TRY_STATUS(site.prepare());
    settings.runner.site = std::make_shared<SiteThings>(std::move(site));

    std::unique_ptr<Services> services;
    if (settings.service_listen) {
        WINDLASS_TRY(services, Services::open(*settings.service_listen, settings.agent.secret));
        log::info("services of jobs are reached at {}", services->address());
    }
    return sandbox_engine(settings.runner, std::move(sandbox), std::move(cache), clock, std::move(services));
}

Result<MakeEngine> open_slurm(WorkerSettings& settings, const Clock& clock) {
    WINDLASS_TRY(auto ledger, slurm::Ledger::open(settings.state_directory));
    WINDLASS_TRY(auto cache, BlobCache::open(settings.state_directory + "/blobs", settings.cache_bytes));
    log::info("jobs are handed to Slurm and run as {}; what keeps them apart is Slurm's, not our sandbox",
              settings.slurm.site.user);
    return slurm::slurm_engine(settings.slurm, std::move(ledger), std::move(cache), clock);
}

Result<MakeEngine> open_kubernetes(WorkerSettings& settings, const Clock& clock) {
    WINDLASS_TRY(auto services, Services::open(*settings.service_listen, settings.agent.secret));
    log::info("launches go to Kubernetes at {}, and are reached at {}", settings.kubernetes.site.url,
              services->address());
    return kubernetes::kubernetes_engine(settings.kubernetes, std::move(services), clock);
}

Result<MakeEngine> open_engine(WorkerSettings& settings, const Clock& clock) {
    switch (settings.backend) {
        case WorkerSettings::Backend::slurm:
            return open_slurm(settings, clock);
        case WorkerSettings::Backend::kubernetes:
            return open_kubernetes(settings, clock);
        case WorkerSettings::Backend::sandbox:
            break;
    }
    return open_sandbox(settings, clock);
}

// What this program was started as: its file may be another one by the time it is to be started again.
struct Program {
    std::string path;
    std::vector<char*> arguments;  // ends with a null; of main()

    static Program of(int argc, char** argv) {
        std::error_code ignored;
        Program program{std::filesystem::read_symlink("/proc/self/exe", ignored).string(), {argv, argv + argc}};
        program.arguments.push_back(nullptr);
        return program;
    }
    // In place of this one, under its process id; all descriptors close. The signal that asks for it is ignored until
    // the new program knows what to do.
    void replace_this() {
        struct sigaction ignore {};
        struct sigaction before {};
        ignore.sa_handler = SIG_IGN;
        sigaction(SIGUSR2, &ignore, &before);
        execv(path.c_str(), arguments.data());
        log::error("the new program cannot be started, this one goes on: {}", errno_error(path, errno).message);
        sigaction(SIGUSR2, &before, nullptr);
    }
};

Result<int> run(WorkerSettings settings, Reload& reload, Program program) {
    WINDLASS_TRY_STATUS(make_private_directory(settings.state_directory));
    if (std::ranges::any_of(settings.agent.schedulers, &wire::Endpoint::tls)) {
        WINDLASS_TRY(Credential credential, Credential::load(settings.state_directory));
        settings.agent.credential = std::make_shared<Credential>(std::move(credential));
    }
    const SystemClock clock;
    WINDLASS_TRY(const MakeEngine make_engine, open_engine(settings, clock));
    WINDLASS_TRY(auto spool, ResultSpool::open(settings.state_directory));

    std::mt19937_64 engine{std::random_device{}()};
    settings.agent.random = [&engine] { return std::uniform_real_distribution<>(0, 1)(engine); };
    settings.agent.on_ready = [] { notify_ready(); };
    settings.agent.replace = [&program] { program.replace_this(); };
    settings.agent.why_no_room = [room = DiskRoom({settings.state_directory, settings.state_directory + "/results"},
                                                  settings.disk_low)]() mutable { return room.why_none(); };
    uv_loop_t* loop = uv_default_loop();
    Agent agent(loop, std::move(settings.agent), make_engine, std::move(spool), clock);
    const Signals signals(loop, agent);
    std::optional<HangUp> hang_up(std::in_place, loop, [&reload] { reload.run({}); });
    std::optional<LoopWatchdog> watchdog(std::in_place, loop);
    WINDLASS_TRY(auto figures, wire::open_figures(loop, "worker.metrics_listen", settings.metrics_listen, [&agent] {
                     figures::Families families;
                     figures::add_process(families, "windlass-worker");
                     agent.add_figures(families);
                     return figures::text(families);
                 }));
    agent.start();
    while (!agent.exit_code()) uv_run(loop, UV_RUN_ONCE);
    figures.reset();
    hang_up.reset();
    watchdog.reset();
    run_out(loop);
    return *agent.exit_code();
}

int fail(const Error& error) {
    log::error("{}", error.message);
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    Program program = Program::of(argc, argv);
    initialise_crypto();
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGUSR2, SIG_IGN);
    const bool check = take_flag(argc, argv, "--check");
    const bool explain = take_flag(argc, argv, "--explain-sandbox");
    const auto token = take_value(argc, argv, "--enrol");
    HangUp::swallow();
    const auto load = [&] {
        return load_config(argc, argv, "windlass-worker",
                           "Runs jobs in a sandbox. With --check: says whether this machine can. "
                           "With --explain-sandbox: says how. With --enrol TOKEN (or -, from the standard input): gets "
                           "its certificate for a scheduler on another machine, once.");
    };
    const auto loaded = load();
    if (!loaded) return fail(loaded.error());
    if (loaded->done) return 0;
    if (const auto configured = log::configure("worker", loaded->config.log.level, loaded->config.log.format);
        !configured)
        return fail(configured.error());
    auto settings = derive_settings(loaded->config);
    if (!settings) return fail(settings.error());
    if ((check || explain) && settings->backend != WorkerSettings::Backend::sandbox)
        return fail(make_error(ErrorKind::invalid, "--check and --explain-sandbox are about worker.backend = sandbox"));
    if (check) {
        const Check result = check_sandbox(settings->sandbox);
        fmt::print("{}", result.text);
        return result.good ? 0 : 1;
    }
    if (explain) {
        const auto text = explain_sandbox(settings->sandbox);
        if (!text) return fail(text.error());
        fmt::print("{}", *text);
        return 0;
    }
    if (token) {
        const Status enrolled = run_enrolment(*settings, *token);
        return enrolled ? 0 : fail(enrolled.error());
    }
    Reload reload("worker", loaded->config, load);
    const auto code = run(std::move(settings).value(), reload, std::move(program));
    return code ? *code : fail(code.error());
}
