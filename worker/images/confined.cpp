#include "worker/images/confined.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "shared/json.h"
#include "worker/sandbox/kernel.h"
#include "worker/sandbox/landlock.h"

namespace windlass::worker {
namespace {

// An empty directory of every Debian, where the tool finds its own: the way to the real one is closed to its user.
constexpr const char* place = "/mnt";
constexpr std::size_t kept_words = 2000;
constexpr std::int64_t most_memory_bytes = std::int64_t{4} << 30;  // what a program in Go maps is more than it uses
constexpr std::int64_t most_threads = 512;
constexpr std::int64_t beyond_the_limit = 16 << 20;
constexpr Seconds patience_with_the_killed{10};
constexpr Milliseconds shortest_look{250};
constexpr const char* too_late = "it took longer than allowed (worker.image_seconds)";

[[noreturn]] void fail(const char* what) {
    dprintf(STDERR_FILENO, "%s: %s", what, strerrordesc_np(errno));
    _exit(126);
}

void must(bool good, const char* what) {
    if (!good) fail(what);
}

void write_own(const char* path, const std::string& text) {
    const FileDescriptor file(open(path, O_WRONLY | O_CLOEXEC));
    must(file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()), path);
}

// An ordinary user gets the right to namespaces by one in which he is who he was. The capabilities that come with it
// end with exec.
void enter_own_users() {
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    must(unshare(CLONE_NEWUSER) == 0, "own users");
    write_own("/proc/self/setgroups", "deny");
    write_own("/proc/self/uid_map", fmt::format("{0} {0} 1", uid));
    write_own("/proc/self/gid_map", fmt::format("{0} {0} 1", gid));
}

void enter_own_mounts(const Confinement& confinement) {
    must(unshare(CLONE_NEWNS | CLONE_NEWIPC | (confinement.network ? 0 : CLONE_NEWNET)) == 0, "own namespaces");
    must(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "private mounts");
    must(mount(confinement.directory.c_str(), place, nullptr, MS_BIND, nullptr) == 0, "its directory");
    MountAttributes change{};  // adds, and takes away nothing that is locked for an ordinary user
    change.set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    must(syscall(SYS_mount_setattr, AT_FDCWD, place, 0, &change, sizeof change) == 0, "its directory");
}

void give_up_rights(uid_t uid) {
    must(setgroups(0, nullptr) == 0 && setresgid(uid, uid, uid) == 0 && setresuid(uid, uid, uid) == 0, "its user");
}

void set_limit(__rlimit_resource resource, std::int64_t value) {
    rlimit now{};
    must(getrlimit(resource, &now) == 0, "its limits");
    const rlim_t most = std::min(now.rlim_max, static_cast<rlim_t>(value));
    const rlimit limit{most, most};
    must(setrlimit(resource, &limit) == 0, "its limits");
}

void allow(int ruleset, const char* path, std::uint64_t rights) {
    LandlockPath rule{};
    rule.rights = rights;
    rule.fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.fd < 0) return;  // what is not there needs no right
    must(syscall(SYS_landlock_add_rule, ruleset, 1 /* path beneath */, &rule, 0) == 0, "Landlock");
    close(rule.fd);
}

void enter_landlock(const Confinement& confinement) {
    const int abi = landlock_abi();
    if (abi == 0) return;  // said by --check
    const LandlockRights rights = landlock_rights(abi);
    LandlockRuleset governed{};
    governed.file_system = rights.governed;
    governed.network = confinement.network ? 0 : rights.network;
    governed.scopes = rights.scopes;
    const int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &governed, rights.attribute_size, 0));
    must(ruleset >= 0, "Landlock");
    for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/proc", "/run/systemd/resolve"})
        allow(ruleset, path, rights.read_and_execute & rights.governed);
    allow(ruleset, ".", rights.own_directory & rights.governed);
    for (const char* path : {"/dev/null", "/dev/zero"}) allow(ruleset, path, rights.use_device & rights.governed);
    for (const char* path : {"/dev/urandom", "/dev/random"})
        allow(ruleset, path, rights.execute_file & rights.governed);
    must(syscall(SYS_landlock_restrict_self, ruleset, 0) == 0, "Landlock");
    close(ruleset);
}

// Whatever the tool starts ends with the tool: the first process of a namespace takes all of it along. This one stays
// outside, so that the tool is an ordinary child of somebody, and ends as the tool ended.
void enter_own_processes() {
    must(unshare(CLONE_NEWPID) == 0, "own processes");
    const pid_t first = fork();
    must(first >= 0, "own processes");
    if (first == 0) return;
    int status = 0;
    while (waitpid(first, &status, 0) < 0 && errno == EINTR) continue;
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 126);
}

[[noreturn]] void become_tool(const std::vector<std::string>& argv, const Confinement& confinement, int out, int err) {
    const bool as_root = geteuid() == 0;
    setsid();
    dup2(err, STDERR_FILENO);
    dup2(out, STDOUT_FILENO);
    const int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!as_root) enter_own_users();
    enter_own_mounts(confinement);
    enter_own_processes();
    must(chdir(place) == 0, "its directory");
    if (as_root) give_up_rights(confinement.uid);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new rights");
    set_limit(RLIMIT_CORE, 0);
    set_limit(RLIMIT_DATA, most_memory_bytes);
    if (as_root) set_limit(RLIMIT_NPROC, most_threads);  // rootless it would count what else its user runs
    // More than the limit, so that a tool that goes on when it cannot write is seen and ended by the watch.
    set_limit(RLIMIT_FSIZE, confinement.limits.bytes + beyond_the_limit);
    set_limit(RLIMIT_NOFILE, 4096);
    enter_landlock(confinement);
    umask(022);
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOEXEC */);
    const std::string home = place;
    const std::array<std::string, 4> variables = {"PATH=/usr/bin:/bin", "HOME=" + home, "TMPDIR=" + home,
                                                  "XDG_RUNTIME_DIR=" + home};
    std::vector<char*> arguments;
    std::vector<char*> environment;
    for (const auto& word : argv) arguments.push_back(const_cast<char*>(word.c_str()));
    for (const auto& word : variables) environment.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    execve(arguments[0], arguments.data(), environment.data());
    fail(arguments[0]);
}

// What one stream of the tool says: the end of it.
class Words {
  public:
    explicit Words(int fd) : fd_(fd) {}
    // False: nothing more will come.
    bool read_some() {
        char buffer[4096];
        const ssize_t got = read(fd_.get(), buffer, sizeof buffer);
        if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
        if (text_.size() > 2 * kept_words) text_.erase(0, text_.size() - kept_words);
        return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
    }
    int fd() const { return fd_.get(); }
    // Fit to be shown: it may quote what strangers wrote.
    std::string text() const {
        std::string shown = to_valid_utf8(text_);
        std::replace_if(
            shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, ' ');
        shown.erase(shown.find_last_not_of(' ') + 1);
        return shown.size() > kept_words ? shown.substr(shown.size() - kept_words) : shown;
    }

  private:
    FileDescriptor fd_;
    std::string text_;
};

SteadyTime now() {
    return SystemClock().now().steady;
}

// Looks at what it has written, now and then: looking takes at most a fifth of the time.
class Watch {
  public:
    explicit Watch(const Confinement& confinement) : confinement_(confinement), next_(now() + shortest_look) {}
    // Why it must end; empty: it may go on.
    std::string look() {
        const SteadyTime begun = now();
        if (begun >= confinement_.deadline) return too_late;
        if (begun < next_) return {};
        const auto directory = open_directory(confinement_.directory);
        if (!directory) return directory.error().message;
        const std::string fault = beyond(measure_tree(directory->get(), confinement_.limits), confinement_.limits);
        const SteadyTime ended = now();
        next_ = ended + std::max<Microseconds>(shortest_look, 4 * (ended - begun));
        return fault;
    }

  private:
    const Confinement& confinement_;
    SteadyTime next_;
};

}  // namespace

Result<std::string> run_confined(const std::vector<std::string>& argv, const Confinement& confinement) {
    if (now() >= confinement.deadline) return make_error(ErrorKind::invalid, too_late);
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (pipe2(out.data(), O_CLOEXEC) != 0 || pipe2(err.data(), O_CLOEXEC) != 0) return errno_error("pipe", errno);
    Words said(out[0]);
    Words complained(err[0]);
    const pid_t child = fork();
    if (child < 0) return errno_error("fork", errno);
    if (child == 0) become_tool(argv, confinement, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    Watch watch(confinement);
    std::string fault;
    std::array<pollfd, 2> waiting = {pollfd{said.fd(), POLLIN, 0}, pollfd{complained.fd(), POLLIN, 0}};
    const auto listen = [&] {
        poll(waiting.data(), waiting.size(), static_cast<int>(shortest_look.count()));
        for (std::size_t i = 0; i < waiting.size(); i++) {
            if (waiting[i].fd < 0 || waiting[i].revents == 0) continue;
            if (!(i == 0 ? said : complained).read_some()) waiting[i].fd = -1;
        }
        return waiting[0].fd >= 0 || waiting[1].fd >= 0;
    };
    while (fault.empty() && listen()) fault = watch.look();
    if (!fault.empty()) {
        kill(child, SIGKILL);  // it may not lead its session yet; what it leads ends with it
        kill(-child, SIGKILL);
        // Its streams end when the last of them is gone and writes no more.
        for (const SteadyTime end = now() + patience_with_the_killed; now() < end && listen();) continue;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    const std::string name = std::filesystem::path(argv[0]).filename();
    if (!fault.empty()) return make_error(ErrorKind::invalid, fault);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return said.text();
    return make_error(ErrorKind::invalid,
                      fmt::format("{} failed ({}): {}", name,
                                  WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                                    : fmt::format("signal {}", WTERMSIG(status)),
                                  complained.text().empty() ? "it said nothing" : complained.text()));
}

}  // namespace windlass::worker
