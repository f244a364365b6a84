#include "cli/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace windlass::cli {
namespace {

constexpr int exec_failed = 127;

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

// In the child, between fork and exec.
[[noreturn]] void become(const char* path, char** argv, char** envp, int log_fd, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(exec_failed);  // it died before PDEATHSIG was set: nobody would tell us
    setpgid(0, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    const int nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
        dup2(log_fd, STDERR_FILENO) < 0)
        _exit(exec_failed);
    close_range(3, ~0U, 0);
    execve(path, argv, envp);
    dprintf(STDERR_FILENO, "cannot run %s: %s\n", path, strerrordesc_np(errno));
    _exit(exec_failed);
}

}  // namespace

Result<ChildProcess> ChildProcess::start(const ProgramSpec& spec) {
    const int log_fd = open(spec.log_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (log_fd < 0) return errno_error("opening " + spec.log_path, errno);
    std::vector<std::string> words = {spec.path};
    words.insert(words.end(), spec.arguments.begin(), spec.arguments.end());
    std::vector<std::string> variables;
    for (const auto& [name, value] : spec.environment) variables.push_back(name + "=" + value);
    const auto argv = pointers(words);
    const auto envp = pointers(variables);
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid == 0)
        become(spec.path.c_str(), const_cast<char**>(argv.data()), const_cast<char**>(envp.data()), log_fd, parent);
    const int fork_error = errno;
    close(log_fd);
    if (pid < 0) return errno_error("starting " + spec.name, fork_error);
    // Nobody but us reaps it, so the pid cannot have been given to another process yet.
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) {
        const int error = errno;
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        return errno_error("watching " + spec.name + " (pidfd_open)", error);
    }
    fcntl(pidfd, F_SETFD, FD_CLOEXEC);
    return ChildProcess(pid, pidfd);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    return *this;
}

ChildProcess::~ChildProcess() {
    if (pid_ > 0) {
        kill(pid_, SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    }
    if (pidfd_ >= 0) close(pidfd_);
}

void ChildProcess::signal(int number) const {
    if (pid_ > 0) kill(pid_, number);
}

std::optional<int> ChildProcess::ended() {
    if (pid_ < 0) return std::nullopt;
    int status = 0;
    const pid_t got = waitpid(pid_, &status, WNOHANG);
    if (got != pid_) return std::nullopt;
    pid_ = -1;
    return status;
}

std::map<std::string, std::string> inherited_environment() {
    std::map<std::string, std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (const auto equals = text.find('='); equals != std::string::npos && equals > 0)
            out[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return out;
}

std::string describe_wait_status(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return fmt::format("exited with {}", WEXITSTATUS(status));
}

}  // namespace windlass::cli
