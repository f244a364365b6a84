#include "worker/sandbox/spawner_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "shared/log.h"
#include "worker/sandbox/received_message.h"
#include "worker/sandbox/stuck.h"

namespace windlass::worker {
namespace {

constexpr int set_up_patience_ms = 30'000;
constexpr int end_patience_ms = 10'000;
constexpr int spawner_socket = 3;  // where the program expects it

Result<FileDescriptor> in_memory(const std::string& bytes) {
    FileDescriptor file(memfd_create("windlass-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file) return errno_error("memfd_create", errno);
    for (std::size_t at = 0; at < bytes.size();) {
        const ssize_t n = write(file.get(), bytes.data() + at, bytes.size() - at);
        if (n < 0) return errno_error("writing a plan into memory", errno);
        at += static_cast<std::size_t>(n);
    }
    if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
        return errno_error("sealing a plan", errno);
    }
    return file;
}

Result<pid_t> spawn(const std::string& path, int socket) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, socket, spawner_socket);
    std::string name = "windlass-spawner";
    std::array<char*, 2> arguments = {name.data(), nullptr};
    std::array<char*, 1> environment = {nullptr};
    pid_t pid = -1;
    const int error = posix_spawn(&pid, path.c_str(), &actions, nullptr, arguments.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) return errno_error("starting the spawner " + path, error);
    return pid;
}

}  // namespace

SpawnerProcess::SpawnerProcess(SpawnerProcess&& other) noexcept
    : socket_(std::move(other.socket_)),
      lifeline_(std::move(other.lifeline_)),
      pid_(std::exchange(other.pid_, -1)),
      adopted_(std::move(other.adopted_)) {}

// The end-of-file on the socket is the order to end, unless the spawner holds our end, too.
void SpawnerProcess::tell_to_end() {
    if (lifeline_ && socket_) {
        Command command;
        command.kind = Command::end;
        const Status ignored = send(command, "", {});  // it has ended already
    }
    socket_ = FileDescriptor();
    lifeline_ = FileDescriptor();
}

SpawnerProcess::~SpawnerProcess() {
    tell_to_end();
    if (pid_ > 0 && !wait_for_end()) {
        log::error("the spawner {} does not end; left behind: {}", pid_, [] {
            const auto stuck = stuck_processes();
            return stuck.empty() ? std::string("unknown processes") : in_words(stuck.front());
        }());
    }
}

SpawnerProcess SpawnerProcess::take_over(Inheritance& inheritance) {
    SpawnerProcess spawner(std::move(inheritance.for_all[KeptForAll::worker_end]), inheritance.spawner);
    spawner.lifeline_ = std::move(inheritance.lifeline);
    // From now on: once it has ended somebody else reaps it, and its number is another's.
    spawner.adopted_ = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, inheritance.spawner, 0)));
    if (!spawner.adopted_) spawner.pid_ = -1;  // it has ended
    return spawner;
}

Result<SpawnerProcess> SpawnerProcess::start(const std::string& path, const Plan& setup, ForAll* keep) {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()) != 0)
        return errno_error("socketpair", errno);
    FileDescriptor ours(pair[0]);
    const int yes = 1;
    if (setsockopt(ours.get(), SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes) != 0)
        return errno_error("SO_PASSCRED", errno);
    // Never descriptor 3 itself: dup2 onto itself would leave it close-on-exec.
    FileDescriptor theirs(fcntl(pair[1], F_DUPFD_CLOEXEC, 10));
    close(pair[1]);
    if (!theirs) return errno_error("fcntl", errno);
    WINDLASS_TRY(const pid_t pid, spawn(path, theirs.get()));
    theirs = FileDescriptor();
    SpawnerProcess spawner(std::move(ours), pid);

    Command command;
    command.kind = Command::set_up;
    std::vector<int> descriptors;
    FileDescriptor far_end;
    if (keep != nullptr) {
        std::array<int, 2> line{};
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, line.data()) != 0)
            return errno_error("socketpair", errno);
        spawner.lifeline_ = FileDescriptor(line[0]);
        far_end = FileDescriptor(line[1]);
        for (const FileDescriptor& one : *keep) descriptors.push_back(one.get());
        descriptors[KeptForAll::worker_end] = spawner.socket();
        descriptors[KeptForAll::lifeline] = far_end.get();
        command.kept = KeptForAll::count;
    }
    WINDLASS_TRY_STATUS(spawner.send(command, setup.bytes(), std::move(descriptors)));
    far_end = FileDescriptor();
    pollfd ready{spawner.socket(), POLLIN, 0};
    int polled = 0;
    while ((polled = poll(&ready, 1, set_up_patience_ms)) < 0 && errno == EINTR) {
    }
    if (polled == 0) return make_error(ErrorKind::unavailable, "the spawner did not answer within 30 seconds");
    WINDLASS_TRY(std::optional<ReportMessage> answer, spawner.receive());
    if (!answer) return make_error(ErrorKind::internal, "the spawner answered nothing");
    const Report& report = answer->report;
    if (report.kind == Report::ready) return spawner;
    return errno_error("preparing the sandbox: " + describe(setup, static_cast<std::size_t>(report.failed_step)),
                       report.error);
}

std::string SpawnerProcess::user_namespace() const {
    return fmt::format("/proc/{}/ns/user", pid_);
}

Status SpawnerProcess::send(Command command, const std::string& blob, std::vector<int> descriptors) const {
    FileDescriptor memory;
    command.blob_bytes = static_cast<std::uint32_t>(blob.size());
    command.blob_in_memfd = blob.size() > max_inline_blob ? 1 : 0;
    if (command.blob_in_memfd != 0) {
        WINDLASS_TRY(memory, in_memory(blob));
        descriptors.push_back(memory.get());
    }
    std::array<iovec, 2> parts = {iovec{&command, sizeof command}, iovec{const_cast<char*>(blob.data()), blob.size()}};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors)> control{};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = command.blob_in_memfd != 0 || blob.empty() ? 1 : 2;
    if (!descriptors.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
        std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof(int) * descriptors.size());
    }
    while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
        if (errno != EINTR) return errno_error("speaking to the spawner", errno);
    }
    return {};
}

Result<std::optional<ReportMessage>> SpawnerProcess::receive() {
    ReportMessage result;
    ReceivedMessage received = receive_message(socket_.get(), result.report);
    if (received.kind == ReceivedMessage::Kind::none) return std::optional<ReportMessage>();
    if (received.kind == ReceivedMessage::Kind::ended)
        return make_error(ErrorKind::unavailable, "the spawner has ended: " + how_it_ended());
    result.descriptor = std::move(received.descriptor);
    result.sender = received.sender;
    return std::optional<ReportMessage>(std::move(result));
}

std::optional<int> SpawnerProcess::wait_for_end() {
    FileDescriptor process = std::move(adopted_);
    const bool is_child = !process;
    if (is_child) process = FileDescriptor(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    pollfd ended{process.get(), POLLIN, 0};
    int polled = 0;
    while ((polled = poll(&ended, 1, end_patience_ms)) < 0 && errno == EINTR) {
    }
    int status = 0;
    if (polled == 0 || (is_child && waitpid(pid_, &status, 0) != pid_)) return std::nullopt;
    pid_ = -1;
    return status;
}

std::string SpawnerProcess::how_it_ended() {
    socket_ = FileDescriptor();
    lifeline_ = FileDescriptor();
    if (pid_ <= 0) return "earlier";
    const bool adopted{adopted_};
    const std::optional<int> status = wait_for_end();
    if (status && adopted) return "it is not there any more";
    if (!status) return "some of its processes cannot be ended by the kernel";
    return WIFEXITED(*status) ? fmt::format("exit status {}", WEXITSTATUS(*status))
                              : fmt::format("signal {}", WTERMSIG(*status));
}

}  // namespace windlass::worker
