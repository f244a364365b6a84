#include "cli/left_behind.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <sstream>

#include "cli/private_file.h"
#include "shared/time.h"

namespace windlass::cli {
namespace {

constexpr Milliseconds own_time{2000};  // they were told to end when their parent died
constexpr Milliseconds kill_time{5000};

// Field 22 of /proc/PID/stat (proc(5)): clock ticks from boot to its start. The second field may hold blanks and
// brackets, so counting begins behind the last bracket.
std::optional<std::string> start_time(pid_t pid) {
    const auto text = read_file(fmt::format("/proc/{}/stat", pid));
    if (!text) return std::nullopt;
    const auto bracket = text->rfind(')');
    if (bracket == std::string::npos) return std::nullopt;
    std::istringstream fields(text->substr(bracket + 1));
    std::string field;
    for (int number = 3; number <= 22; ++number)
        if (!(fields >> field)) return std::nullopt;
    return field;
}

bool ended_within(int pidfd, Milliseconds patience) {
    pollfd one{pidfd, POLLIN, 0};
    return poll(&one, 1, static_cast<int>(patience.count())) == 1;
}

Status end_process(pid_t pid, const std::string& started) {
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return {};  // gone
    // Opened first, compared then: the descriptor stays with the process that the comparison saw.
    bool ended = start_time(pid) != started || ended_within(pidfd, own_time);
    if (!ended) {
        syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
        ended = ended_within(pidfd, kill_time);
    }
    close(pidfd);
    if (ended) return {};
    return make_error(ErrorKind::conflict,
                      fmt::format("process {}, a daemon of an earlier start, cannot be ended", pid));
}

}  // namespace

std::string describe_processes(const std::vector<pid_t>& pids) {
    std::string out;
    for (const pid_t pid : pids)
        if (const auto started = start_time(pid)) out += fmt::format("{} {}\n", pid, *started);
    return out;
}

Status end_daemons_left_behind(const std::string& file) {
    const auto text = read_file(file);
    if (!text) return {};
    std::istringstream lines(*text);
    pid_t pid = 0;
    std::string started;
    while (lines >> pid >> started)
        if (pid > 1) WINDLASS_TRY_STATUS(end_process(pid, started));
    return {};
}

}  // namespace windlass::cli
