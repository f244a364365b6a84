#include "tests/abuse/attack.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker::testing {
namespace {

std::string bytes_of(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(bytes).str();
}

pid_t spawner() {
    for (const pid_t pid : other_processes()) {
        if (bytes_of(fmt::format("/proc/{}/comm", pid)) == "windlass-spawn\n") return pid;
    }
    return 0;
}

// What of the machine nobody may have changed. The clock: how far the time of day is ahead of the time since boot.
struct Settings {
    std::string name = bytes_of("/proc/sys/kernel/hostname");
    std::string core_pattern = bytes_of("/proc/sys/kernel/core_pattern");
    std::string mounts = bytes_of("/proc/self/mountinfo");
    std::string spawner_mounts = bytes_of(fmt::format("/proc/{}/mountinfo", spawner()));
    std::string queues = bytes_of("/proc/sysvipc/msg") + bytes_of("/proc/sysvipc/sem") + bytes_of("/proc/sysvipc/shm");
    time_t clock = [] {
        timespec day{};
        timespec boot{};
        clock_gettime(CLOCK_REALTIME, &day);
        clock_gettime(CLOCK_BOOTTIME, &boot);
        return day.tv_sec - boot.tv_sec;
    }();
};

void compare(const Settings& before, const Settings& after, std::vector<std::string>& complaints) {
    const auto same = [&](const auto& one, const auto& other, const char* complaint) {
        if (one != other) complaints.emplace_back(complaint);
    };
    same(after.name, before.name, "the machine has another name");
    same(after.core_pattern, before.core_pattern, "core dumps go elsewhere");
    same(after.mounts, before.mounts, "the machine has other mounts");
    same(after.spawner_mounts, before.spawner_mounts, "a mount was left in the prepared root");
    same(after.queues, before.queues, "System V memory, queues or semaphores were left in the kernel");
    if (std::abs(after.clock - before.clock) > 2) complaints.emplace_back("the clock was set");
}

BoxSpec hostile(const Act& act, const std::string& argument, const std::optional<BoxImage>& image) {
    BoxSpec spec = script("chmod 700 act && echo up && exec ./act " + argument);
    spec.name = act.program;
    spec.image = image;
    spec.files["act"] = bytes_of(std::string(ABUSE_DIRECTORY) + "/" + act.program);
    spec.limits.memory_bytes = 96 * mebibyte;
    spec.limits.disk_bytes = 16 * mebibyte;
    spec.limits.processes = 48;
    return spec;
}

// What lies in out/ and could be mistaken for a result by a collector that opens as it should.
std::set<std::string> openable_results(const FileDescriptor& work_directory) {
    std::set<std::string> names;
    for (const char* name : {"out/link", "out/magic", "out/directory/passwd", "out/fifo", "out/socket", "out/loop",
                             "out/again/chain-0", "out/chain-0", "out/chain-29", "out/passwd"}) {
        open_how how{};
        how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
        const FileDescriptor file(static_cast<int>(syscall(SYS_openat2, work_directory.get(), name, &how, sizeof how)));
        struct stat status {};
        if (file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) names.insert(name);
    }
    return names;
}

bool as_expected(const Act& act, TestBox& box, const Finished& finished) {
    const Outcome& outcome = finished.outcome;
    const bool stopped = outcome.kind == OutcomeKind::exited && outcome.exit_code == 10;
    switch (act.end) {
        case End::stopped:
            return stopped;
        case End::out_of_memory:
            return has_memory_controller(box) ? outcome.kind == OutcomeKind::out_of_memory : stopped;
        case End::out_of_disk:
            return outcome.kind == OutcomeKind::out_of_disk;
        case End::when_asked:
            return outcome.kind != OutcomeKind::setup_failed && outcome.kind != OutcomeKind::worker_lost;
        case End::killed:
            return outcome.kind == OutcomeKind::signalled && outcome.signal == SIGKILL;
        case End::harmless:
            return outcome == Outcome{OutcomeKind::exited, 0, 0, ""};
    }
    return false;
}

}  // namespace

Host::Host()
    : tcp_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
      abstract_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(tcp_.get(), 8), 0);
    getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = std::to_string(ntohs(address.sin_port));

    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    name_ = "windlass-abuse-" + port_;
    std::copy(name_.begin(), name_.end(), local.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    EXPECT_EQ(bind(abstract_.get(), reinterpret_cast<sockaddr*>(&local), length), 0);
    EXPECT_EQ(listen(abstract_.get(), 8), 0);

    std::ofstream(canary_) << "alive";
    chmod(canary_.c_str(), 0666);

    bystander_ = fork();
    if (bystander_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
}
Host::~Host() {
    kill(bystander_, SIGKILL);
    waitpid(bystander_, nullptr, 0);
}

std::string Host::put_in(const std::string& argument) const {
    if (argument == "HOSTNAME") {
        std::string name = bytes_of("/proc/sys/kernel/hostname");
        return name.substr(0, name.find('\n'));
    }
    if (argument == "TRAP") return traps();
    return argument == "PORT" ? port_ : argument == "ABSTRACT" ? name_ : argument == "CANARY" ? canary_ : argument;
}

void Host::look(std::vector<std::string>& complaints) const {
    const auto accepted = [](const FileDescriptor& listener) {
        return bool(FileDescriptor(accept(listener.get(), nullptr, nullptr)));
    };
    if (accepted(tcp_)) complaints.emplace_back("somebody connected to the host's port");
    if (accepted(abstract_)) complaints.emplace_back("somebody connected to the host's abstract socket");
    if (bytes_of(canary_) != "alive") complaints.emplace_back("a file of the host was changed");
    struct stat status {};
    if (stat(canary_.c_str(), &status) != 0 || (status.st_mode & 07777U) != 0666U)
        complaints.emplace_back("the rights of a file of the host were changed");
    if (waitpid(bystander_, nullptr, WNOHANG) != 0) complaints.emplace_back("a process of the host was killed");
}

bool has_memory_controller(TestBox& box) {
    return box.sandbox().findings()[static_cast<std::size_t>(Protection::memory_limit)].present;
}

Attack attack(TestBox& box, const Host& host, const Act& act, const std::optional<BoxImage>& image) {
    Attack result;
    auto& complaints = result.complaints;
    if (act.before != nullptr) box.run(hostile(act_named(act.before), "", image));
    const std::vector<pid_t> processes = other_processes();
    const Settings before;
    const BoxSpec spec = hostile(act, host.put_in(act.argument), image);
    if (spec.files.at("act").empty()) complaints.emplace_back(std::string(act.program) + " was not built");
    const BoxId id = box.start(spec);
    if (act.end == End::when_asked) {
        box.wait_for_output(id, "up\n");
        box.sandbox().stop(id, Milliseconds(50));
    }
    result.finished = box.finish(id);
    const Finished& finished = result.finished;
    const std::string& out = finished.out;
    result.says = out.substr(std::min(out.find('\n') + 1, out.size()), 100);
    result.says.resize(std::min(result.says.find('\n'), result.says.size()));
    result.refused = finished.outcome.kind == OutcomeKind::exited && finished.outcome.exit_code == 20;
    if (!as_expected(act, box, finished)) {
        complaints.push_back(fmt::format("{} {} {} {}", name(finished.outcome.kind), finished.outcome.exit_code,
                                         finished.outcome.detail, result.says));
    }
    if (act.end == End::harmless && !openable_results(finished.work_directory).empty())
        complaints.emplace_back("a result that leads elsewhere can be opened");
    if (const std::string broken = box.sandbox().broken(); !broken.empty()) {
        complaints.push_back(broken);
        return result;
    }
    if (other_processes() != processes) complaints.emplace_back("a process was left behind, or killed");
    host.look(complaints);
    compare(before, Settings(), complaints);
    if (box.run(script("echo the next job is well")).out != "the next job is well\n")
        complaints.emplace_back("the next job is not well");
    return result;
}

}  // namespace windlass::worker::testing
