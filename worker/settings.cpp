#include "worker/settings.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <climits>
#include <filesystem>

#include "shared/digest.h"
#include "shared/frame.h"
#include "shared/site_names.h"
#include "shared/wire/addresses.h"
#include "worker/sandbox/wire.h"
#include "worker/simple_command.h"

namespace windlass::worker {
namespace {

// Jobs may ask for less than a core, so more of them than cores fit at the same time; each needs a box of its own.
constexpr std::int64_t boxes_per_core = 4;
// What a result brings beside its files (tails of the output) must fit its message too.
constexpr std::int64_t most_result_file_bytes = static_cast<std::int64_t>(max_frame_body_bytes) - 16 * mebibyte;
constexpr std::int64_t most_of_a_resource = 1'000'000;
// Jobs see the machine's /usr: where it has this program, they have it.
constexpr const char* thumbnail_program = "/usr/bin/vipsthumbnail";

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

constexpr std::int64_t most_cores_of_a_cluster = 1'000'000;

Status check(const Config::Worker& worker) {
    if (worker.backend != "sandbox" && worker.backend != "slurm" && worker.backend != "kubernetes")
        return make_error(ErrorKind::invalid,
                          fmt::format("worker.backend is sandbox, slurm or kubernetes, not '{}'", worker.backend));
    if (worker.backend == "sandbox" && worker.slots > max_slots)
        return make_error(ErrorKind::invalid, fmt::format("worker.slots may be at most {}", max_slots));
    if (worker.result_file_bytes > most_result_file_bytes)
        return make_error(ErrorKind::invalid,
                          fmt::format("worker.result_file_bytes may be at most {}", most_result_file_bytes));
    if (worker.network != "none" && worker.network != "full")
        return make_error(ErrorKind::invalid, fmt::format("worker.network is none or full, not '{}'", worker.network));
    if (worker.sample_interval_s < 1 || worker.sample_interval_s > 3600)
        return make_error(ErrorKind::invalid, "worker.sample_interval_s must be between 1 and 3600");
    if (worker.disk_low_bytes < 0 || worker.disk_low_percent < 0 || worker.disk_low_percent > 90)
        return make_error(ErrorKind::invalid,
                          "worker.disk_low_bytes must not be negative, worker.disk_low_percent be from 0 to 90");
    if (worker.name.size() > 200) return make_error(ErrorKind::invalid, "worker.name may have at most 200 bytes");
    return {};
}

// Of a scheduler, for the rules of jobs with the network, which are written once, at the start. Empty: it has none.
Result<std::string> ipv4_address_of(const std::string& host) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(host.c_str(), nullptr, &hints, &found);
    if (failed == EAI_NONAME || failed == EAI_NODATA || failed == EAI_ADDRFAMILY) return std::string();
    if (failed != 0) return make_error(ErrorKind::unavailable, "looking for " + host + ": " + gai_strerror(failed));
    char text[INET_ADDRSTRLEN] = {};
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr, text, sizeof text);
    freeaddrinfo(found);
    return std::string(text);
}

// windlass-network lies beside the spawner.
Result<NetworkSettings> network_settings(const Config::Worker& worker, const std::string& spawner,
                                         const std::vector<wire::Endpoint>& schedulers) {
    NetworkSettings network;
    network.full = worker.network == "full";
    network.service = !worker.service_listen.empty();
    network.keeper_path = std::filesystem::path(spawner).parent_path() / "windlass-network";
    for (const wire::Endpoint& scheduler : schedulers) {
        std::string address = scheduler.host;
        if (scheduler.tls) {  // perhaps a name
            if (!network.full) continue;
            WINDLASS_TRY(address, ipv4_address_of(scheduler.host));
        }
        if (!address.empty()) network.egress.site.push_back(address);
    }
    network.egress.deny = worker.network_deny;
    network.egress.allow = worker.network_allow;
    WINDLASS_TRY_STATUS(check_egress(network.egress));
    return network;
}

// NAME=…, with the names that the api lets jobs ask for.
Result<std::pair<std::string, std::string>> name_and_value(std::string_view setting, const std::string& word) {
    const auto equals = word.find('=');
    const std::string name = word.substr(0, std::min(equals, word.size()));
    const bool good = !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || std::string_view("._:/-").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (equals == std::string::npos || !good)
        return make_error(ErrorKind::invalid,
                          fmt::format("{}: '{}' is not NAME=VALUE with a name of 1 to 64 letters, digits and . _ : / -",
                                      setting, word));
    return std::pair(name, word.substr(equals + 1));
}

Result<std::map<std::string, std::string>> labels_of(const Config::Worker& worker) {
    std::map<std::string, std::string> labels;
    for (const auto& word : worker.labels) {
        WINDLASS_TRY(auto label, name_and_value("worker.labels", word));
        if (label.second.size() > 200)
            return make_error(ErrorKind::invalid,
                              fmt::format("worker.labels: the value of '{}' is longer than 200 bytes", label.first));
        if (label.first.starts_with(image_label_prefix) || label.first.starts_with(dataset_label_prefix))
            return make_error(ErrorKind::invalid,
                              fmt::format("worker.labels: '{}' begins as the labels that are made from images and "
                                          "data sets",
                                          label.first));
        if (label.first == "network")
            return make_error(ErrorKind::invalid, "worker.labels: the label 'network' is made from worker.network");
        if (label.first == "backend")
            return make_error(ErrorKind::invalid, "worker.labels: the label 'backend' is made from worker.backend");
        if (label.first == "service")
            return make_error(ErrorKind::invalid,
                              "worker.labels: the label 'service' is made from worker.service_listen");
        if (!labels.insert(label).second)
            return make_error(ErrorKind::invalid, fmt::format("worker.labels names '{}' twice", label.first));
    }
    if (worker.network == "full") labels["network"] = "full";
    if (worker.backend == "sandbox" && access(thumbnail_program, X_OK) == 0) labels.try_emplace("vipsthumbnail", "yes");
    return labels;
}

Result<std::map<std::string, std::int64_t>> resources_of(const Config::Worker& worker) {
    std::map<std::string, std::int64_t> resources;
    for (const auto& word : worker.resources) {
        WINDLASS_TRY(const auto resource, name_and_value("worker.resources", word));
        const auto& [name, text] = resource;
        std::int64_t count = 0;
        const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (failure != std::errc() || end != text.data() + text.size() || count < 1 || count > most_of_a_resource)
            return make_error(ErrorKind::invalid, fmt::format("worker.resources: '{}' needs a number from 1 to {}",
                                                              word, most_of_a_resource));
        if (!resources.emplace(name, count).second)
            return make_error(ErrorKind::invalid, fmt::format("worker.resources names '{}' twice", name));
    }
    return resources;
}

// A path that stands in the options and the script of sbatch: plain, so that nothing in it means anything to Slurm (%j)
// or to a shell.
bool is_plain_path(const std::string& path) {
    return path.size() > 1 && path.size() <= 200 && path.front() == '/' && path.back() != '/' &&
           std::ranges::all_of(path, [](unsigned char c) {
               return std::isalnum(c) != 0 ||
                      std::string_view("/._-").find(static_cast<char>(c)) != std::string_view::npos;
           });
}

Result<slurm::EngineSettings> slurm_settings(const Config::Worker& worker) {
    const auto wrong = [](std::string sentence) { return make_error(ErrorKind::invalid, std::move(sentence)); };
    if (worker.slots < 1 || worker.slots > most_cores_of_a_cluster || worker.memory_bytes < 1)
        return wrong(
            "with worker.backend = slurm worker.slots and worker.memory_bytes must say how many cores, and how "
            "much memory, of the cluster Windlass may use");
    if (!worker.service_listen.empty())
        return wrong("with worker.backend = slurm there are no services of jobs: leave worker.service_listen empty");
    if (!is_plain_path(worker.slurm_directory))
        return wrong(
            "worker.slurm_directory must be an absolute path of letters, digits and / . _ -, at the same place "
            "on this machine and on Slurm's nodes");
    if (worker.slurm_poll_ms < 100 || worker.slurm_poll_ms > 60'000)
        return wrong("worker.slurm_poll_ms must be between 100 and 60000");
    for (const auto& option : worker.slurm_options)
        if (!option.starts_with("--"))
            return wrong(fmt::format("worker.slurm_options: '{}' is no long option of sbatch such as --partition=batch",
                                     option));
    if (geteuid() != 0)
        return wrong(
            "with worker.backend = slurm the worker must run as root: its jobs run as another user, who may not "
            "read the secrets of the site");
    if (worker.slurm_user.empty())
        return wrong("worker.slurm_user must name the unprivileged user whom all jobs in Slurm run as");
    const passwd* user = getpwnam(worker.slurm_user.c_str());
    if (user == nullptr) return wrong(fmt::format("worker.slurm_user: there is no user '{}' here", worker.slurm_user));
    if (user->pw_uid == 0 || user->pw_gid == 0) return wrong("worker.slurm_user must not be root, nor in its group");
    slurm::EngineSettings settings;
    settings.site.directory = worker.slurm_directory;
    settings.site.user = worker.slurm_user;
    settings.site.uid = user->pw_uid;
    settings.site.gid = user->pw_gid;
    settings.site.conf = worker.slurm_conf;
    settings.site.options = worker.slurm_options;
    settings.site.poll = Milliseconds{worker.slurm_poll_ms};
    settings.cpu_millis = worker.slots * 1000;
    settings.memory_bytes = worker.memory_bytes;
    settings.collect.keep_bytes = worker.result_file_bytes;
    settings.sample_interval = Seconds{worker.sample_interval_s};
    return settings;
}

Result<std::map<std::string, std::string>> references(std::string_view setting, const std::vector<std::string>& words) {
    std::map<std::string, std::string> all;
    for (const auto& word : words) {
        WINDLASS_TRY(const auto one, name_and_value(setting, word));
        if (one.second.empty() || !all.insert(one).second)
            return make_error(ErrorKind::invalid, fmt::format("{}: '{}' says nothing, or twice", setting, word));
    }
    return all;
}

bool is_pinned(const std::string& reference) {
    const auto at = reference.rfind('@');
    return at != std::string::npos && at != 0 && is_digest(std::string_view(reference).substr(at + 1));
}

// A DNS label (RFC 1123) once the id of an account stands behind it.
bool is_namespace_prefix(const std::string& prefix) {
    return !prefix.empty() && prefix.size() <= 40 && prefix.front() != '-' && std::ranges::all_of(prefix, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

Result<kubernetes::EngineSettings> kubernetes_settings(const Config::Worker& worker, const std::string& name) {
    const auto wrong = [](std::string sentence) { return make_error(ErrorKind::invalid, std::move(sentence)); };
    if (worker.slots < 1 || worker.slots > most_cores_of_a_cluster || worker.memory_bytes < 1)
        return wrong(
            "with worker.backend = kubernetes worker.slots and worker.memory_bytes must say how many cores, and "
            "how much memory, of the cluster Windlass may use");
    if (worker.service_listen.empty())
        return wrong("with worker.backend = kubernetes the api reaches launches through worker.service_listen: set it");
    if (!worker.kubernetes_url.starts_with("https://") || worker.kubernetes_url.back() == '/')
        return wrong("worker.kubernetes_url must be https://HOST:PORT of the API server");
    if (!is_namespace_prefix(worker.kubernetes_namespace_prefix))
        return wrong("worker.kubernetes_namespace_prefix must be at most 40 small letters, digits and -");
    const EgressSettings cidr{{}, {worker.kubernetes_worker_cidr}, {}};
    if (worker.kubernetes_worker_cidr.find('/') == std::string::npos || !check_egress(cidr))
        return wrong(
            "worker.kubernetes_worker_cidr must be the IPv4 block from which this worker reaches pods, such as "
            "10.0.3.7/32");
    kubernetes::EngineSettings settings;
    settings.site.url = worker.kubernetes_url;
    settings.site.namespace_prefix = worker.kubernetes_namespace_prefix;
    settings.site.token_file = worker.kubernetes_token_file;
    settings.site.ca_file = worker.kubernetes_ca_file;
    settings.site.worker_cidr = worker.kubernetes_worker_cidr;
    WINDLASS_TRY(settings.site.images, references("worker.kubernetes_images", worker.kubernetes_images));
    for (const auto& [image, reference] : settings.site.images)
        if (!is_pinned(reference))
            return wrong(
                fmt::format("worker.kubernetes_images: the reference of '{}' must end in @sha256: and 64 hexadecimal "
                            "digits, so that it is the same image everywhere",
                            image));
    WINDLASS_TRY(settings.site.datasets, references("worker.kubernetes_datasets", worker.kubernetes_datasets));
    settings.site.identity = sha256_hex(name).substr(0, 16);
    settings.site.grace_s = std::max<std::int64_t>(worker.kill_grace_ms / 1000, 1);
    settings.cpu_millis = worker.slots * 1000;
    settings.memory_bytes = worker.memory_bytes;
    return settings;
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
    settings.cache_bytes = worker.cache_bytes;
    settings.disk_low = {worker.disk_low_bytes, worker.disk_low_percent};
    if (!worker.service_listen.empty()) {
        WINDLASS_TRY(settings.service_listen, wire::parse_endpoint(worker.service_listen));
    }
    settings.site_directory = std::filesystem::absolute(worker.site_directory.empty() ? worker.state_directory + "/site"
                                                                                      : worker.site_directory);
    settings.import.limits = {worker.image_bytes, worker.image_files};
    settings.import.longest = Seconds{worker.image_seconds};
    settings.import.pull = worker.image_pull;
    // Behind the users of the slots and those of their networks.
    settings.import.uid = static_cast<uid_t>(worker.first_uid) + 2 * max_slots;

    AgentSettings& agent = settings.agent;
    WINDLASS_TRY(agent.schedulers, wire::parse_addresses(config.scheduler.dial, config.scheduler.listen));
    agent.name = worker.name;
    if (agent.name.empty()) {
        WINDLASS_TRY(agent.name, host_name());
    }
    agent.instance = random_hex(8);
    WINDLASS_TRY(agent.secret, read_secret(config));
    agent.prefetch = worker.prefetch;
    WINDLASS_TRY(agent.labels, labels_of(worker));
    WINDLASS_TRY(agent.resources, resources_of(worker));
    agent.drain = Milliseconds{worker.drain_ms};
    settings.metrics_listen = worker.metrics_listen;
    if (worker.backend == "slurm") {
        settings.backend = WorkerSettings::Backend::slurm;
        agent.prefetch = 0;  // what cannot start at once waits where everybody sees it, not in another queue
        WINDLASS_TRY(settings.slurm, slurm_settings(worker));
        return settings;
    }
    if (worker.backend == "kubernetes") {
        settings.backend = WorkerSettings::Backend::kubernetes;
        agent.prefetch = 0;
        WINDLASS_TRY(settings.kubernetes, kubernetes_settings(worker, agent.name));
        return settings;
    }

    const std::int64_t cores = worker.slots > 0 ? worker.slots : std::min<std::int64_t>(usable_cores(), max_slots);
    settings.runner.cpu_millis = cores * 1000;
    settings.runner.memory_bytes = worker.memory_bytes > 0 ? worker.memory_bytes : nine_tenths_of_memory();
    settings.runner.boxes = static_cast<int>(std::min<std::int64_t>(cores * boxes_per_core, max_slots));
    settings.runner.without_shell = shell_is_dash();
    settings.runner.kill_grace = Milliseconds{worker.kill_grace_ms};
    settings.runner.collect.keep_bytes = worker.result_file_bytes;
    settings.runner.sampling.interval = Seconds{worker.sample_interval_s};
    settings.runner.sampling.gpu_tool = find_tool(worker.gpu_tool);

    SandboxSettings& sandbox = settings.sandbox;
    sandbox.spawner_path = worker.spawner;
    if (sandbox.spawner_path.empty()) {
        WINDLASS_TRY(sandbox.spawner_path, beside_this_program("windlass-spawner"));
    }
    WINDLASS_TRY(sandbox.network, network_settings(worker, sandbox.spawner_path, agent.schedulers));
    sandbox.state_directory = worker.state_directory + "/sandbox";
    // A place leaves the name to us.
    const bool is_place = worker.cgroup.starts_with("/") || worker.cgroup.starts_with("../");
    if (is_place) sandbox.cgroup_base = worker.cgroup;
    sandbox.cgroup = worker.cgroup.empty() || is_place ? default_cgroup(agent.name) : worker.cgroup;
    sandbox.slots = settings.runner.boxes;
    sandbox.outlive = worker.adopt;
    sandbox.about = agent.instance;
    sandbox.first_uid = static_cast<uid_t>(worker.first_uid);
    for (const auto& word : worker.allow_weaker) {
        WINDLASS_TRY(const Protection protection, protection_named(word));
        sandbox.allow_weaker.push_back(protection);
    }
    return settings;
}

}  // namespace windlass::worker
