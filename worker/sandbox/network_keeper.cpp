// bin/windlass-network: makes the network of one job, and keeps it while the job runs. Started by the worker for each
// job with `network: full` (job_network.cpp); ends, and slirp4netns with it, when the worker closes the socket or dies.
// Static, single-threaded, no C++ library.
//
//   1. become a user of its own (as root), so that slirp4netns never has a right of the worker
//   2. a new network namespace, in a user namespace in which it alone holds capabilities; loopback up
//   3. the egress rule, by nft: before there is any way out
//   4. slirp4netns, in the host's network, which puts a tap device into the namespace and speaks for it
//   5. hand the namespace to the worker, who hands it to PID 1 of the box
//
// The network of a job with a service has no way out (slirp "-"): of the steps above only 1, 2 (as root without a user
// namespace) and 5, and then the worker gets sockets in it, through which it reaches the service.
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "worker/sandbox/kernel.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/message.h"
#include "worker/sandbox/network_wire.h"

using namespace windlass::worker;

namespace {

constexpr unsigned patience_s = 20;  // for the whole network to come up
// One descriptor per connection of the job. What libslirp buffers for one is some 256 KiB at most.
constexpr rlim_t slirp_open_files = 1024;
constexpr rlim_t slirp_memory = 1U << 30U;

struct Arguments {
    uid_t uid;
    gid_t gid;
    const char* user_namespace;
    int joined;  // that, open; -1: a new one is made
    char* slirp;
    char* nft;
    const char* subnet;
    char* device;
};

// What a child printed: its end, for the report.
struct Words {
    char text[400] = {};
    std::size_t size = 0;

    void add(const char* bytes, std::size_t count) {
        for (std::size_t i = 0; i < count; i++) {
            if (size == sizeof text - 1) {
                memmove(text, text + 1, size - 1);
                size--;
            }
            text[size++] = bytes[i] < ' ' || bytes[i] > '~' ? ' ' : bytes[i];  // what it says may come from the job
        }
        text[size] = '\0';
    }
    // False: the writers have closed.
    bool read_from(int fd) {
        char buffer[512];
        const ssize_t got = read(fd, buffer, sizeof buffer);
        if (got > 0) add(buffer, static_cast<std::size_t>(got));
        return got > 0 || (got < 0 && errno == EINTR);
    }
};

[[noreturn]] void end_with(NetworkReport::Kind kind, const char* step, int error, const char* words = "") {
    NetworkReport report;
    report.kind = kind;
    report.error = error;
    snprintf(report.text, sizeof report.text, "%s%s%s", step, words[0] == '\0' ? "" : ": ", words);
    send_message(keeper_socket, report, -1);
    _exit(1);
}

[[noreturn]] void fail(const char* step) {
    end_with(NetworkReport::failed, step, errno);
}

void must(bool good, const char* step) {
    if (!good) fail(step);
}

bool write_text(const char* path, const char* text) {
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const bool good = write(fd, text, strlen(text)) == static_cast<ssize_t>(strlen(text));
    close(fd);
    return good;
}

// ---------------------------------------------------------------- children

[[noreturn]] void execute(char** argv) {
    char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char* environment[] = {path, nullptr};
    execve(argv[0], argv, environment);
    dprintf(STDERR_FILENO, "cannot execute %s: %s", argv[0], strerrordesc_np(errno));
    _exit(127);
}

void die_with(pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
}

void set_limit(__rlimit_resource resource, rlim_t value) {
    rlimit limit{value, value};
    setrlimit(resource, &limit);
}

// In the host's network and user namespaces: forked before they are left, goes on when `go` is closed after a byte.
[[noreturn]] void become_slirp(const Arguments& arguments, pid_t keeper, int go, int ready, int exit_pipe, int words) {
    die_with(keeper);
    char byte = 0;
    if (read(go, &byte, 1) != 1) _exit(1);
    write_text("/proc/self/oom_score_adj", "1000");  // in line with the jobs
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_NOFILE, slirp_open_files);
    set_limit(RLIMIT_AS, slirp_memory);
    // From here on: 0 null, 1 and 2 words, 3 ready, 4 exit, and nothing else.
    if (dup2(words, 1) < 0 || dup2(words, 2) < 0 || dup2(ready, 100) < 0 || dup2(exit_pipe, 101) < 0 ||
        dup2(100, 3) < 0 || dup2(101, 4) < 0) {
        _exit(1);
    }
    syscall(SYS_close_range, 5U, ~0U, 0U);
    char subnet[64];
    snprintf(subnet, sizeof subnet, "--cidr=%s", arguments.subnet);
    char pid[16];
    snprintf(pid, sizeof pid, "%d", keeper);
    char configure[] = "--configure", mtu[] = "--mtu=65520", loopback[] = "--disable-host-loopback";
    // Where it cannot become root (confine_to_system_files() says why) Landlock does the same.
    char sandbox[] = "--enable-sandbox", seccomp[] = "--enable-seccomp", ready_fd[] = "--ready-fd=3";
    char exit_fd[] = "--exit-fd=4";
    char* with_sandbox[] = {arguments.slirp, sandbox,  configure, mtu, subnet,           loopback,
                            seccomp,         ready_fd, exit_fd,   pid, arguments.device, nullptr};
    char* without[] = {arguments.slirp, configure, mtu, subnet,           loopback, seccomp,
                       ready_fd,        exit_fd,   pid, arguments.device, nullptr};
    execute(arguments.joined < 0 ? with_sandbox : without);
}

// nft must keep this one right although it is no root in its user namespace.
bool pass_on_network_rights() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    if (syscall(SYS_capget, &header, data) != 0) return false;
    data[0].inheritable |= 1U << CAP_NET_ADMIN;
    if (syscall(SYS_capset, &header, data) != 0) return false;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0;
}

void load_rules(const Arguments& arguments) {
    int pipe_ends[2];
    must(pipe2(pipe_ends, O_CLOEXEC) == 0, "making a pipe");
    const pid_t keeper = getpid();
    const pid_t child = fork();
    must(child >= 0, "starting nft");
    if (child == 0) {
        die_with(keeper);
        if (!pass_on_network_rights() || dup2(pipe_ends[1], 1) < 0 || dup2(pipe_ends[1], 2) < 0) _exit(126);
        syscall(SYS_close_range, 3U, ~0U, 0U);
        char from[] = "-f", standard_input[] = "-";
        char* argv[] = {arguments.nft, from, standard_input, nullptr};
        execute(argv);
    }
    close(pipe_ends[1]);
    Words words;
    while (words.read_from(pipe_ends[0])) {
    }
    close(pipe_ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        end_with(NetworkReport::failed, "loading the egress rule with nft", 0, words.text);
    }
}

// ---------------------------------------------------------------- the namespace

void give_up_root(const Arguments& arguments) {
    if (geteuid() == 0 && arguments.uid != 0) {
        must(syscall(SYS_setgroups, 0, nullptr) == 0, "dropping supplementary groups");
        must(setresgid(arguments.gid, arguments.gid, arguments.gid) == 0, "setting the group");
        must(setresuid(arguments.uid, arguments.uid, arguments.uid) == 0, "setting the user");
    }
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "forbidding new privileges");
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // slirp4netns, the same user, finds our namespaces in /proc
}

void new_user_namespace() {
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    must(unshare(CLONE_NEWUSER) == 0, "making a user namespace");
    char map[64];
    must(write_text("/proc/self/setgroups", "deny"), "writing /proc/self/setgroups");
    snprintf(map, sizeof map, "0 %u 1", uid);  // slirp4netns becomes root there to leave all mounts behind
    must(write_text("/proc/self/uid_map", map), "writing /proc/self/uid_map");
    snprintf(map, sizeof map, "0 %u 1", gid);
    must(write_text("/proc/self/gid_map", map), "writing /proc/self/gid_map");
}

// Rootless, the network belongs to the boxes' own user namespace: in one made for it below that, a job, being the same
// user, would own it and have every right there. But the one id that exists in it is not root, which slirp4netns has
// to be for its own sandbox. So this program and all it starts see system files, and can write nothing.
void confine_to_system_files(const Arguments& arguments) {
    const LandlockRights rights = landlock_rights(landlock_abi());
    if (landlock_abi() == 0) return;  // the operator agreed to do without it, or the worker would not have started
    LandlockRuleset ruleset{};
    ruleset.file_system = rights.governed;
    ruleset.scopes = rights.scopes;
    const auto created = syscall(SYS_landlock_create_ruleset, &ruleset, rights.attribute_size, 0);
    must(created >= 0, "making the Landlock ruleset");
    const auto ruleset_fd = static_cast<int>(created);
    struct {
        const char* path;
        std::uint64_t granted;
    } const allowed[] = {{arguments.slirp, rights.execute_file}, {arguments.nft, rights.execute_file},
                         {"/usr", rights.read_and_execute},      {"/bin", rights.read_and_execute},
                         {"/sbin", rights.read_and_execute},     {"/lib", rights.read_and_execute},
                         {"/lib64", rights.read_and_execute},    {"/etc", rights.read_and_execute},
                         {"/proc", rights.read_and_execute},     {"/run/systemd/resolve", rights.read_and_execute},
                         {"/dev/null", rights.use_device},       {"/dev/urandom", rights.use_device},
                         {"/dev/net/tun", rights.use_device}};
    for (const auto& [path, granted] : allowed) {
        LandlockPath rule{};
        rule.rights = granted & rights.governed;
        rule.fd = open(path, O_PATH | O_CLOEXEC);
        if (rule.fd < 0) continue;  // not on this machine
        must(syscall(SYS_landlock_add_rule, ruleset_fd, 1 /* path beneath */, &rule, 0) == 0, "allowing with Landlock");
        close(rule.fd);
    }
    must(syscall(SYS_landlock_restrict_self, ruleset_fd, 0) == 0, "enforcing Landlock");
    close(ruleset_fd);
}

// Before slirp4netns is forked: it is confined together with this program, or it could not look at our namespaces.
void find_user_namespace(Arguments& arguments) {
    if (strcmp(arguments.user_namespace, "-") == 0) return;
    arguments.joined = open(arguments.user_namespace, O_RDONLY | O_CLOEXEC);
    must(arguments.joined >= 0, "opening the user namespace of the boxes");
    confine_to_system_files(arguments);
}

void make_loopback_network() {
    must(unshare(CLONE_NEWNET) == 0, "making a network namespace");
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    must(fd >= 0, "making a socket");
    ifreq loopback{};
    strcpy(loopback.ifr_name, "lo");
    loopback.ifr_flags = IFF_UP;
    must(ioctl(fd, SIOCSIFFLAGS, &loopback) == 0, "bringing loopback up");
    close(fd);
}

void make_network(const Arguments& arguments) {
    if (arguments.joined < 0) {
        new_user_namespace();
    } else {
        must(setns(arguments.joined, CLONE_NEWUSER) == 0, "joining the user namespace of the boxes");
    }
    make_loopback_network();
}

bool worker_is_gone(const pollfd& socket) {
    return socket.revents != 0;  // it never says anything
}

[[noreturn]] void end(pid_t slirp) {
    kill(slirp, SIGKILL);
    waitpid(slirp, nullptr, 0);
    _exit(0);
}

void wait_until_ready(pid_t slirp, int ready, int words_fd, Words& words) {
    for (;;) {
        pollfd fds[] = {{keeper_socket, POLLIN, 0}, {ready, POLLIN, 0}, {words_fd, POLLIN, 0}};
        if (poll(fds, 3, -1) < 0) continue;
        if (worker_is_gone(fds[0])) end(slirp);
        if (fds[1].revents != 0) {
            char byte = 0;
            if (read(ready, &byte, 1) == 1) return;
            while (words.read_from(words_fd)) {
            }
            end_with(NetworkReport::failed, "starting slirp4netns", 0, words.text);
        }
        if (fds[2].revents != 0) words.read_from(words_fd);
    }
}

[[noreturn]] void keep(pid_t slirp, int words_fd, Words& words) {
    for (;;) {
        pollfd fds[] = {{keeper_socket, POLLIN, 0}, {words_fd, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0) continue;
        if (worker_is_gone(fds[0])) end(slirp);
        if (fds[1].revents == 0 || words.read_from(words_fd)) continue;
        int status = 0;
        waitpid(slirp, &status, 0);
        char how[64];
        snprintf(how, sizeof how, "slirp4netns ended with %s %d", WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        end_with(NetworkReport::lost, how, 0, words.text);
    }
}

void hand_over_namespace() {
    alarm(0);
    const int space = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    must(space >= 0, "opening the network namespace");
    NetworkReport report;
    report.kind = NetworkReport::ready;
    send_message(keeper_socket, report, space);
    close(space);
}

void hand_out_sockets() {
    SocketRequest request;
    for (;;) {
        const ssize_t got = recv(keeper_socket, &request, sizeof request, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got != sizeof request) return;  // the worker is gone, or wants no more
        NetworkReport report;
        report.kind = NetworkReport::socket;
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0) report.error = errno;
        send_message(keeper_socket, report, fd);
        if (fd >= 0) close(fd);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != keeper_arguments) return 64;
    Arguments arguments{static_cast<uid_t>(strtoul(argv[1], nullptr, 10)),
                        static_cast<gid_t>(strtoul(argv[2], nullptr, 10)),
                        argv[3],
                        -1,
                        argv[4],
                        argv[5],
                        argv[6],
                        argv[7]};
    umask(077);
    setsid();
    for (int signal = 1; signal < 65; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    syscall(SYS_close_range, 4U, ~0U, 0U);
    fcntl(keeper_socket, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "windlass-net", 0, 0, 0);
    alarm(patience_s);  // a network that does not come up is an end without a word, which the worker puts into one
    const bool for_a_service = strcmp(arguments.slirp, "-") == 0;
    // Nothing in such a network needs a right over it, so root needs no user namespace to make it, as for the slots.
    const bool made_by_root = for_a_service && geteuid() == 0;
    if (made_by_root) make_loopback_network();
    give_up_root(arguments);
    find_user_namespace(arguments);
    if (for_a_service) {
        if (!made_by_root) make_network(arguments);
        hand_over_namespace();
        hand_out_sockets();
        _exit(0);
    }

    int go[2], ready[2], exit_pipe[2], words_pipe[2];
    must(pipe2(go, O_CLOEXEC) == 0 && pipe2(ready, O_CLOEXEC) == 0 && pipe2(exit_pipe, O_CLOEXEC) == 0 &&
             pipe2(words_pipe, O_CLOEXEC) == 0,
         "making pipes");
    const pid_t keeper = getpid();
    const pid_t slirp = fork();
    must(slirp >= 0, "starting slirp4netns");
    if (slirp == 0) {
        close(go[1]);
        close(exit_pipe[1]);
        const int null = open("/dev/null", O_RDONLY);
        if (null < 0 || dup2(null, 0) < 0) _exit(1);
        become_slirp(arguments, keeper, go[0], ready[1], exit_pipe[0], words_pipe[1]);
    }
    close(go[0]);
    close(ready[1]);
    close(exit_pipe[0]);  // [1] stays open as long as we live
    close(words_pipe[1]);
    make_network(arguments);
    load_rules(arguments);
    must(write(go[1], "g", 1) == 1, "starting slirp4netns");
    Words words;
    wait_until_ready(slirp, ready[0], words_pipe[0], words);
    hand_over_namespace();
    keep(slirp, words_pipe[0], words);
}
