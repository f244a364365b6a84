#include "worker/sandbox/job_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/sandbox/network_wire.h"
#include "worker/sandbox/received_message.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {
namespace {

constexpr int probe_patience_ms = 30'000;  // the keeper itself gives up earlier

constexpr int socket_patience_ms = 1'000;
constexpr SocketRequest socket_request;

Result<FileDescriptor> in_memory(const std::string& text) {
    FileDescriptor file(memfd_create("windlass-egress", MFD_CLOEXEC));
    if (!file) return errno_error("memfd_create", errno);
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        lseek(file.get(), 0, SEEK_SET) != 0) {
        return errno_error("writing the egress rule into memory", errno);
    }
    return file;
}

Result<pid_t> spawn(const NetworkSettings& settings, const JobNetwork::User& user, bool full, int rules, int socket) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, rules, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, keeper_socket);
    std::array<std::string, keeper_arguments> words = {"windlass-network",
                                                       std::to_string(user.uid),
                                                       std::to_string(user.gid),
                                                       user.user_namespace,
                                                       full ? settings.slirp_path : "-",
                                                       settings.nft_path,
                                                       std::string(JobSubnet::block),
                                                       std::string(JobSubnet::device)};
    std::array<char*, keeper_arguments + 1> arguments{};
    for (std::size_t i = 0; i < words.size(); i++) arguments[i] = words[i].data();
    std::array<char*, 1> environment = {nullptr};
    pid_t pid = -1;
    const int error =
        posix_spawn(&pid, settings.keeper_path.c_str(), &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return errno_error("starting " + settings.keeper_path, error);
    return pid;
}

// One that is not our child is not waited for: its socket has told.
void reap(pid_t pid, int& status) {
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

std::string advice(const std::string& words) {
    if (words.find("/dev/net/tun") != std::string::npos) {
        return ". Needs /dev/net/tun, open to everybody as udev makes it (mode 0666); a container must be given it, a "
               "unit needs DeviceAllow=/dev/net/tun";
    }
    if (words.find("user namespace") != std::string::npos) {
        return ". Needs user namespaces for ordinary users: see user-namespace; a unit needs user in "
               "RestrictNamespaces=";
    }
    if (words.find("nft") != std::string::npos) {
        return ". Needs nf_tables in the kernel (CONFIG_NF_TABLES_INET, CONFIG_NFT_REJECT_INET; modprobe nf_tables); "
               "a unit needs AF_NETLINK in RestrictAddressFamilies=";
    }
    return "";
}

}  // namespace

uid_t network_uid(const SandboxSettings& settings, int slot) {
    return settings.first_uid + static_cast<uid_t>(max_slots + slot);
}

Result<std::vector<std::string>> addresses_of_host() {
    ifaddrs* list = nullptr;
    if (getifaddrs(&list) != 0) return errno_error("asking for the addresses of this host", errno);
    std::vector<std::string> addresses;
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr) continue;
        const int family = at->ifa_addr->sa_family;
        const void* bytes = nullptr;
        if (family == AF_INET) bytes = &reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
        if (family == AF_INET6) bytes = &reinterpret_cast<const sockaddr_in6*>(at->ifa_addr)->sin6_addr;
        std::array<char, INET6_ADDRSTRLEN> text{};
        if (bytes != nullptr && inet_ntop(family, bytes, text.data(), text.size()) != nullptr) {
            addresses.emplace_back(text.data());
        }
    }
    freeifaddrs(list);
    return addresses;
}

Result<JobNetwork> JobNetwork::start(const NetworkSettings& settings, const User& user, bool full) {
    std::string ruleset;
    if (full) {
        WINDLASS_TRY(const auto addresses, addresses_of_host());
        ruleset = make_ruleset(settings.egress, addresses);
    }
    WINDLASS_TRY(const FileDescriptor rules, in_memory(ruleset));
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return errno_error("socketpair", errno);
    FileDescriptor ours(pair[0]);
    // Never descriptor 3 itself: dup2 onto itself would leave it close-on-exec.
    const FileDescriptor theirs(fcntl(pair[1], F_DUPFD_CLOEXEC, 10));
    close(pair[1]);
    if (!theirs) return errno_error("fcntl", errno);
    WINDLASS_TRY(const pid_t pid, spawn(settings, user, full, rules.get(), theirs.get()));
    return JobNetwork(std::move(ours), pid);
}

JobNetwork JobNetwork::take_over(FileDescriptor socket) {
    return {std::move(socket), not_ours};
}

JobNetwork::JobNetwork(JobNetwork&& other) noexcept
    : socket_(std::move(other.socket_)),
      pid_(std::exchange(other.pid_, -1)),
      ending_(other.ending_),
      told_(other.told_) {}

JobNetwork& JobNetwork::operator=(JobNetwork&& other) noexcept {
    std::swap(socket_, other.socket_);
    std::swap(pid_, other.pid_);
    std::swap(ending_, other.ending_);
    std::swap(told_, other.told_);
    return *this;
}

JobNetwork::~JobNetwork() {
    if (socket_) shutdown(socket_.get(), SHUT_WR);  // the spawner may hold it, too
    socket_ = FileDescriptor();
    int status = 0;
    if (pid_ > 0) reap(pid_, status);
}

void JobNetwork::end() {
    ending_ = true;
    shutdown(socket_.get(), SHUT_WR);
}

std::optional<NetworkEvent> JobNetwork::take_event() {
    if (pid_ <= 0) return std::nullopt;
    NetworkReport report;
    ReceivedMessage received = receive_message(socket_.get(), report);
    if (received.kind == ReceivedMessage::Kind::none) return std::nullopt;
    if (received.kind == ReceivedMessage::Kind::ended) return gone();
    NetworkEvent event;
    event.space = std::move(received.descriptor);
    if (report.kind == NetworkReport::ready && event.space) {
        event.kind = NetworkEvent::Kind::ready;
        return event;
    }
    report.text[sizeof report.text - 1] = '\0';
    event.kind = NetworkEvent::Kind::failed;
    event.words = report.error != 0 ? errno_error(report.text, report.error).message : std::string(report.text);
    told_ = true;
    return event;
}

Result<FileDescriptor> JobNetwork::make_socket() {
    if (send(socket_.get(), &socket_request, sizeof socket_request, MSG_NOSIGNAL) < 0)
        return errno_error("asking for a socket in the network of a job", errno);
    for (;;) {
        pollfd ready{socket_.get(), POLLIN, 0};
        const int polled = poll(&ready, 1, socket_patience_ms);
        if (polled < 0 && errno == EINTR) continue;
        NetworkReport report;
        ReceivedMessage received = receive_message(socket_.get(), report);
        if (received.kind == ReceivedMessage::Kind::none && polled > 0) continue;
        if (received.kind != ReceivedMessage::Kind::whole || report.kind != NetworkReport::socket)
            return make_error(ErrorKind::unavailable, "the network of the job is gone");
        if (!received.descriptor) return errno_error("making a socket in the network of a job", report.error);
        return std::move(received.descriptor);
    }
}

NetworkEvent JobNetwork::gone() {
    int status = 0;
    reap(std::exchange(pid_, -1), status);
    NetworkEvent event;
    if (ending_ || told_) return event;
    event.words = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM
                      ? "it did not come up in time"
                      : fmt::format("windlass-network ended with {} {}", WIFSIGNALED(status) ? "signal" : "status",
                                    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    return event;
}

std::string why_no_job_network(const SandboxSettings& settings, bool rootless) {
    const NetworkSettings& network = settings.network;
    if (network.full && access(network.slirp_path.c_str(), X_OK) != 0)
        return fmt::format("{} is missing: install the package slirp4netns", network.slirp_path);
    if (network.full && access(network.nft_path.c_str(), X_OK) != 0)
        return fmt::format("{} is missing: install the package nftables", network.nft_path);
    JobNetwork::User user{geteuid(), getegid(), "-"};
    if (!rootless) user.uid = user.gid = network_uid(settings, 0);
    auto started = JobNetwork::start(network, user, network.full);
    if (!started) return started.error().message;
    pollfd ready{started->fd(), POLLIN, 0};
    while (poll(&ready, 1, probe_patience_ms) < 0 && errno == EINTR) {
    }
    const auto event = started->take_event();
    if (!event) return "it did not come up in time";
    if (event->kind == NetworkEvent::Kind::ready) return "";
    return event->words + advice(event->words);
}

}  // namespace windlass::worker
