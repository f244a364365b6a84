#include "worker/gpu_tool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>

#include "shared/limits.h"
#include "shared/time.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

constexpr std::size_t most_bytes = 256 * 1024;
constexpr Milliseconds deadline{5'000};
constexpr std::size_t longest_name = 64;
constexpr const char* setpriv = "/usr/bin/setpriv";

std::vector<std::vector<std::string_view>> cells_of(std::string_view csv) {
    std::vector<std::vector<std::string_view>> rows;
    while (!csv.empty()) {
        const auto end = std::min(csv.find('\n'), csv.size());
        std::string_view line = csv.substr(0, end);
        csv.remove_prefix(std::min(end + 1, csv.size()));
        auto& row = rows.emplace_back();
        while (true) {
            const auto comma = std::min(line.find(','), line.size());
            auto cell = line.substr(0, comma);
            while (!cell.empty() && (cell.front() == ' ' || cell.front() == '\t')) cell.remove_prefix(1);
            while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\r')) cell.remove_suffix(1);
            row.push_back(cell);
            if (comma == line.size()) break;
            line.remove_prefix(comma + 1);
        }
    }
    return rows;
}

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= longest_name &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

template <class N>
std::optional<N> number(std::string_view text) {
    N value{};
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

bool may_be_executed(const std::string& path) {
    struct stat about {};
    return stat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) && access(path.c_str(), X_OK) == 0;
}

// What it prints.
Result<std::string> run(const std::string& path, const std::vector<std::string>& arguments) {
    std::vector<std::string> words;
    if (geteuid() == 0)
        words = {setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"};
    else
        words = {setpriv};
    words.insert(words.end(), {"--no-new-privs", "--", path});
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    std::string search = "PATH=/usr/local/bin:/usr/bin:/bin", language = "LANG=C";
    std::array<char*, 3> environment = {search.data(), language.data(), nullptr};

    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno_error("a pipe for " + path, errno);
    const FileDescriptor from(ends[0]);
    FileDescriptor to(ends[1]);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, to.get(), 1);
    posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&how, &none);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    pid_t pid = -1;
    const int failed = posix_spawn(&pid, setpriv, &files, &how, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&how);
    to.reset();
    if (failed != 0) return errno_error(fmt::format("starting {} by {}", path, setpriv), failed);

    std::string said;
    const auto end = std::chrono::steady_clock::now() + deadline;
    bool late = false;
    while (said.size() < most_bytes) {
        const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
        pollfd wait{from.get(), POLLIN, 0};
        const int ready = left.count() <= 0 ? 0 : poll(&wait, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno == EINTR) continue;
        late = ready <= 0;
        if (late) break;
        char bytes[4096];
        const ssize_t got = read(from.get(), bytes, sizeof bytes);
        if (got <= 0) break;
        said.append(bytes, static_cast<std::size_t>(got));
    }
    if (!late && said.size() < most_bytes) {  // it closed its output, and has nothing more to do than to end
        const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        const auto left = std::chrono::ceil<Milliseconds>(end - std::chrono::steady_clock::now());
        pollfd wait{process.get(), POLLIN, 0};
        late = !process || poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0))) <= 0;
    }
    if (late || said.size() >= most_bytes) kill(-pid, SIGKILL);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (late) return make_error(ErrorKind::unavailable, path + " gave no answer in time");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return make_error(ErrorKind::unavailable, path + " failed; run it by hand to see why");
    return said;
}

}  // namespace

std::string find_tool(const std::string& name) {
    if (name.empty()) return "";
    if (name.find('/') != std::string::npos) return may_be_executed(name) ? name : "";
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
    while (!rest.empty()) {
        const auto end = std::min(rest.find(':'), rest.size());
        const std::string candidate = std::string(rest.substr(0, end)) + "/" + name;
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (candidate.front() == '/' && may_be_executed(candidate)) return candidate;
    }
    return "";
}

Result<GpuReading> ask_gpu_tool(const std::string& path) {
    GpuReading reading;
    WINDLASS_TRY(const auto processes,
                 run(path, {"--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader,nounits"}));
    reading.processes = parse_gpu_processes(processes);
    if (reading.processes.empty()) return reading;  // nobody computes: how busy the GPUs are is nobody's
    WINDLASS_TRY(const auto gpus, run(path, {"--query-gpu=uuid,utilization.gpu", "--format=csv,noheader,nounits"}));
    reading.utilization = parse_utilization(gpus);
    return reading;
}

std::vector<std::pair<std::string, double>> parse_utilization(std::string_view csv) {
    std::vector<std::pair<std::string, double>> all;
    for (const auto& row : cells_of(csv)) {
        const auto percent = row.size() == 2 ? number<double>(row[1]) : std::nullopt;
        if (percent && *percent <= 100 && is_name(row[0])) all.emplace_back(row[0], *percent);
    }
    return all;
}

std::vector<GpuProcess> parse_gpu_processes(std::string_view csv) {
    std::vector<GpuProcess> all;
    for (const auto& row : cells_of(csv)) {
        if (row.size() != 3 || !is_name(row[0])) continue;
        const auto pid = number<pid_t>(row[1]);
        const auto mib = number<std::int64_t>(row[2]);
        if (pid && mib && *mib < (std::int64_t{1} << 40)) all.push_back({std::string(row[0]), *pid, *mib * mebibyte});
    }
    return all;
}

}  // namespace windlass::worker
