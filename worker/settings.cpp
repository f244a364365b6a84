#include "worker/settings.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <filesystem>

#include "shared/digest.h"
#include "shared/frame.h"
#include "worker/sandbox/wire.h"
#include "worker/simple_command.h"

namespace windlass::worker {
namespace {

// Jobs may ask for less than a core, so more of them than cores fit at the same time; each needs a box of its own.
constexpr std::int64_t boxes_per_core = 4;
// What a result brings beside its files (tails of the output) must fit its message too.
constexpr std::int64_t most_result_file_bytes = static_cast<std::int64_t>(max_frame_body_bytes) - 16 * mebibyte;

Result<std::string> host_name() {
    char name[HOST_NAME_MAX + 1] = {};
    if (gethostname(name, sizeof name - 1) != 0 || name[0] == 0)
        return make_error(ErrorKind::invalid, "this host has no name; set worker.name");
    return std::string(name);
}

std::int64_t usable_cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    return std::max(1L, sysconf(_SC_NPROCESSORS_ONLN));
}

std::int64_t nine_tenths_of_memory() {
    return sysconf(_SC_PHYS_PAGES) / 10 * 9 * sysconf(_SC_PAGESIZE);
}

Result<std::string> beside_this_program(const std::string& name) {
    std::error_code failed;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
    if (failed) return make_error(ErrorKind::invalid, "this program cannot find itself in /proc; set worker.spawner");
    return (self.parent_path() / name).string();
}

Status check(const Config::Worker& worker) {
    if (worker.slots > max_slots)
        return make_error(ErrorKind::invalid, fmt::format("worker.slots may be at most {}", max_slots));
    if (worker.result_file_bytes > most_result_file_bytes)
        return make_error(ErrorKind::invalid,
                          fmt::format("worker.result_file_bytes may be at most {}", most_result_file_bytes));
    if (worker.network != "none" && worker.network != "full")
        return make_error(ErrorKind::invalid, fmt::format("worker.network is none or full, not '{}'", worker.network));
    if (worker.name.size() > 200) return make_error(ErrorKind::invalid, "worker.name may have at most 200 bytes");
    return {};
}

// windlass-network lies beside the spawner.
Result<NetworkSettings> network_settings(const Config::Worker& worker, const std::string& spawner,
                                         const wire::Endpoint& scheduler) {
    NetworkSettings network;
    network.full = worker.network == "full";
    network.keeper_path = std::filesystem::path(spawner).parent_path() / "windlass-network";
    if (!scheduler.host.empty()) network.egress.site.push_back(scheduler.host);
    network.egress.deny = worker.network_deny;
    network.egress.allow = worker.network_allow;
    WINDLASS_TRY_STATUS(check_egress(network.egress));
    return network;
}

}  // namespace

std::string default_cgroup(const std::string& worker_name) {
    std::string name = "windlass-" + worker_name;
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == '_';
    };
    std::replace_if(
        name.begin(), name.end(), [&](char c) { return !fits(c); }, '_');
    return name;
}

Result<WorkerSettings> derive_settings(const Config& config) {
    const Config::Worker& worker = config.worker;
    WINDLASS_TRY_STATUS(check(worker));
    WorkerSettings settings;
    settings.state_directory = worker.state_directory;

    AgentSettings& agent = settings.agent;
    WINDLASS_TRY(agent.scheduler, wire::parse_endpoint(config.scheduler.listen));
    agent.name = worker.name;
    if (agent.name.empty()) {
        WINDLASS_TRY(agent.name, host_name());
    }
    agent.instance = random_hex(8);
    WINDLASS_TRY(agent.secret, read_secret(config));
    agent.prefetch = worker.prefetch;
    agent.drain = Milliseconds{worker.drain_ms};

    const std::int64_t cores = worker.slots > 0 ? worker.slots : std::min<std::int64_t>(usable_cores(), max_slots);
    agent.runner.cpu_millis = cores * 1000;
    agent.runner.memory_bytes = worker.memory_bytes > 0 ? worker.memory_bytes : nine_tenths_of_memory();
    agent.runner.boxes = static_cast<int>(std::min<std::int64_t>(cores * boxes_per_core, max_slots));
    agent.runner.without_shell = shell_is_dash();
    agent.runner.kill_grace = Milliseconds{worker.kill_grace_ms};
    agent.runner.collect.keep_bytes = worker.result_file_bytes;

    SandboxSettings& sandbox = settings.sandbox;
    sandbox.spawner_path = worker.spawner;
    if (sandbox.spawner_path.empty()) {
        WINDLASS_TRY(sandbox.spawner_path, beside_this_program("windlass-spawner"));
    }
    WINDLASS_TRY(sandbox.network, network_settings(worker, sandbox.spawner_path, agent.scheduler));
    sandbox.state_directory = worker.state_directory + "/sandbox";
    sandbox.cgroup = worker.cgroup.empty() ? default_cgroup(agent.name) : worker.cgroup;
    sandbox.slots = agent.runner.boxes;
    sandbox.first_uid = static_cast<uid_t>(worker.first_uid);
    for (const auto& word : worker.allow_weaker) {
        WINDLASS_TRY(const Protection protection, protection_named(word));
        sandbox.allow_weaker.push_back(protection);
    }
    return settings;
}

}  // namespace windlass::worker
