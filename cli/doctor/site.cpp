// What a site's settings name on this machine: addresses, secrets, room, programs.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

#include "cli/doctor/checks.h"
#include "cli/http_client.h"
#include "cli/relative_time.h"
#include "shared/database/url.h"
#include "shared/wire/connection.h"

namespace windlass::cli::doctor {
namespace {

constexpr double gibibyte = 1024.0 * 1024 * 1024;

struct Address {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

std::optional<Address> address_of(const wire::Endpoint& endpoint) {
    Address address;
    if (!endpoint.unix_path.empty()) {
        auto* const un = reinterpret_cast<sockaddr_un*>(&address.storage);
        if (endpoint.unix_path.size() >= sizeof un->sun_path) return std::nullopt;
        un->sun_family = AF_UNIX;
        std::strcpy(un->sun_path, endpoint.unix_path.c_str());
        address.size = sizeof *un;
        return address;
    }
    addrinfo hints{}, *found = nullptr;
    hints.ai_flags = AI_PASSIVE;
    hints.ai_socktype = SOCK_STREAM;
    const std::string port = std::to_string(endpoint.port);
    if (getaddrinfo(endpoint.host.empty() ? nullptr : endpoint.host.c_str(), port.c_str(), &hints, &found) != 0)
        return std::nullopt;
    std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
    address.size = found->ai_addrlen;
    freeaddrinfo(found);
    return address;
}

enum class Door { open, closed, unknown };

// Whether somebody listens there.
Door try_door(const Address& address) {
    const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Door::unknown;
    const timeval patience{2, 0};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    const bool open = connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0;
    const int failed = errno;
    close(fd);
    if (open) return Door::open;
    return failed == ECONNREFUSED || failed == ENOENT ? Door::closed : Door::unknown;
}

// 0, or why nobody could listen there. Of TCP only: binding a unix socket would leave a file.
int errno_of_bind(const Address& address) {
    const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0;
    const int failed = bound ? 0 : errno;
    close(fd);
    return failed;
}

// Whether what listens there is our api.
bool is_api(const Config& config, const wire::Endpoint& endpoint) {
    if (!endpoint.unix_path.empty()) return true;  // who listens at a path of ours was put there
    const bool tls = !config.api.tls_certificate_file.empty();
    const bool any = endpoint.host.empty() || endpoint.host == "0.0.0.0" || endpoint.host == "::";
    const std::string host = any ? "127.0.0.1" : endpoint.host;
    const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
    // A certificate that is not trusted here is no matter now: a TLS server of another program would be told apart by
    // its user.
    if (tls) return true;
    HttpClient client(fmt::format("http://{}:{}", shown, endpoint.port));
    const auto answer = client.send({.path = "/healthz", .patience = Seconds{5}});
    return answer && answer->status == 200 && answer->body == "ok\n";
}

Finding check_listen(const Config& config, const std::string& setting, const std::string& value, bool api) {
    const auto endpoint = wire::parse_endpoint(value);
    if (!endpoint) return bad("ports", fmt::format("{}: {}", setting, endpoint.error().message), "correct it");
    if (endpoint->unix_path.empty() && endpoint->port == 0)
        return ok("ports", fmt::format("{} = {}: a free one is picked", setting, value));
    const auto address = address_of(*endpoint);
    if (!address)
        return bad("ports", fmt::format("{} = {} is no address of this machine", setting, value),
                   "write a number or a name that resolves here; a unix path has less than 108 bytes");
    const std::string at = fmt::format("{} = {}", setting, value);
    switch (try_door(*address)) {
        case Door::open:
            if (!api || is_api(config, *endpoint)) return ok("ports", at + ": in use, somebody answers");
            return bad("ports", at + ": another program listens there",
                       fmt::format("ss -ltnp 'sport = :{}' names it; end it, or choose another port", endpoint->port));
        case Door::unknown:
            return warning("ports", at + ": whether somebody listens there cannot be seen from this account",
                           "run doctor as root");
        case Door::closed:
            break;
    }
    if (!endpoint->unix_path.empty()) return ok("ports", at + ": free; nobody listens yet");
    const int failed = errno_of_bind(*address);
    if (failed == 0) return ok("ports", at + ": free; nobody listens yet");
    const std::string text = fmt::format("{}: {}", at, std::strerror(failed));
    if (failed == EACCES)
        return bad("ports", text, "ports below 1024 need root: use windlass-api.socket (docs/systemd.md), or another");
    return bad("ports", text, "choose an address of this machine: ip -brief address");
}

std::optional<Finding> check_private(const std::string& setting, const std::string& path, unsigned forbidden) {
    if (path.empty()) return std::nullopt;
    struct stat info {};
    if (stat(path.c_str(), &info) != 0) {
        if (errno == EACCES)
            return warning("secrets", fmt::format("{} = {} is out of this account's reach", setting, path),
                           "run doctor as root");
        return bad("secrets", fmt::format("{} = {}: {}", setting, path, std::strerror(errno)),
                   "write the secret there, with mode 0600, or take the setting away");
    }
    if ((info.st_mode & forbidden) != 0)
        return bad("secrets", fmt::format("{} = {} can be read by others", setting, path),
                   fmt::format("chmod go= {} (and renew the secret: somebody may have read it)", path));
    return ok("secrets", fmt::format("{} is its owner's alone", setting));
}

bool is_program(const std::string& path) {
    return access(path.c_str(), X_OK) == 0;
}

std::string found_in_path(const std::string& name) {
    if (name.find('/') != std::string::npos) return is_program(name) ? name : std::string();
    for (const char* directory : {"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"})
        if (is_program(directory + name)) return directory + name;
    return {};
}

Finding check_program(const std::string& name, const std::string& feature, const std::string& package) {
    const std::string found = found_in_path(name);
    if (!found.empty()) return ok("programs", fmt::format("{} for {}", found, feature));
    return bad("programs", fmt::format("{} is missing, needed for {}", name, feature), "apt-get install " + package);
}

}  // namespace

Findings check_ports(const Config& config) {
    Findings findings = {check_listen(config, "scheduler.listen", config.scheduler.listen, false),
                         check_listen(config, "api.listen", config.api.listen, true)};
    for (const auto& [setting, value] : {std::pair("scheduler.metrics_listen", &config.scheduler.metrics_listen),
                                         std::pair("worker.metrics_listen", &config.worker.metrics_listen),
                                         std::pair("worker.service_listen", &config.worker.service_listen)})
        if (!value->empty()) findings.push_back(check_listen(config, setting, *value, false));
    return findings;
}

Findings check_secrets(const Config& config) {
    Findings findings;
    for (const auto& [setting, path, forbidden] :
         {std::tuple("scheduler.secret_file", &config.scheduler.secret_file, 077U),
          std::tuple("api.tls_key_file", &config.api.tls_key_file, 007U),
          std::tuple("api.oidc_client_secret_file", &config.api.oidc_client_secret_file, 077U),
          std::tuple("api.smtp_password_file", &config.api.smtp_password_file, 077U)})
        if (auto finding = check_private(setting, *path, forbidden)) findings.push_back(std::move(*finding));
    return findings;
}

Finding judge_room(const std::string& directory, double free_bytes, double all_bytes, double free_files,
                   double all_files) {
    const double part = all_bytes > 0 ? free_bytes / all_bytes : 1;
    const std::string text = fmt::format("{} of {} free below {}", bytes_text(static_cast<std::int64_t>(free_bytes)),
                                         bytes_text(static_cast<std::int64_t>(all_bytes)), directory);
    const std::string fix = "make room, or set scheduler.keep_finished_days so that old jobs are deleted";
    if (free_bytes < gibibyte / 10 || part < 0.01) return bad("space", text, fix);
    if (all_files > 0 && free_files / all_files < 0.01)
        return bad("space", fmt::format("hardly any file can be made below {} (inodes)", directory), fix);
    if (free_bytes < 2 * gibibyte || part < 0.05) return warning("space", text, fix);
    return ok("space", text);
}

Findings check_free_space(const Config& config) {
    std::vector<std::string> directories = {config.worker.state_directory, config.api.spool_directory};
    if (const auto url = DatabaseUrl::parse(config.database.url); url && url->engine() == Engine::sqlite)
        directories.insert(directories.begin(), std::filesystem::path(url->path()).parent_path().string());
    Findings findings;
    std::map<dev_t, bool> seen;
    for (std::string directory : directories) {
        // What is not there yet will lie where the directory above it is.
        while (directory.size() > 1 && access(directory.c_str(), F_OK) != 0)
            directory = std::filesystem::path(directory).parent_path().string();
        struct stat info {};
        struct statvfs room {};
        if (directory.empty() || stat(directory.c_str(), &info) != 0 || statvfs(directory.c_str(), &room) != 0)
            continue;
        if (std::exchange(seen[info.st_dev], true)) continue;
        const auto block = static_cast<double>(room.f_frsize);
        findings.push_back(judge_room(directory, block * static_cast<double>(room.f_bavail),
                                      block * static_cast<double>(room.f_blocks), static_cast<double>(room.f_favail),
                                      static_cast<double>(room.f_files)));
    }
    return findings;
}

Findings check_programs(const Config& config) {
    Findings findings;
    if (config.worker.network == "full") {
        findings.push_back(check_program("slirp4netns", "jobs with network: full", "slirp4netns"));
        findings.push_back(check_program("nft", "jobs with network: full", "nftables"));
        findings.push_back(access("/dev/net/tun", R_OK | W_OK) == 0
                               ? ok("programs", "/dev/net/tun for jobs with network: full")
                               : bad("programs", "/dev/net/tun cannot be opened, needed for jobs with network: full",
                                     "modprobe tun; in a container: --device /dev/net/tun"));
    }
    if (config.worker.backend == "slurm")
        for (const char* name : {"sbatch", "squeue", "scancel"})
            findings.push_back(check_program(name, "worker.backend = slurm", "slurm-client"));
    if (const auto url = DatabaseUrl::parse(config.database.url);
        url && url->engine() == Engine::postgresql && found_in_path("pg_dump").empty())
        findings.push_back(warning("programs", "pg_dump is missing, needed for windlass backup of PostgreSQL",
                                   "apt-get install postgresql-client"));
    const std::string decoder = config.api.thumbnail_command.substr(0, config.api.thumbnail_command.find(' '));
    if (found_in_path(decoder).empty())
        findings.push_back(warning("programs", decoder + " is missing here, so no thumbnails are made on this machine",
                                   "apt-get install libvips-tools, where images are wanted"));
    else
        findings.push_back(ok("programs", decoder + " for thumbnails"));
    return findings;
}

Findings check_site(const Config& config) {
    Findings all;
    const auto add = [&all](Findings more) {
        for (Finding& one : more) all.push_back(std::move(one));
    };
    add(check_database(config));
    add(check_ports(config));
    add(check_certificate(config, SystemClock().now().wall));
    add(check_secrets(config));
    add(check_free_space(config));
    add(check_programs(config));
    return all;
}

}  // namespace windlass::cli::doctor
