#include "worker/gpu_tool.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "shared/limits.h"
#include "shared/time.h"
#include "worker/bounded_command.h"

namespace windlass::worker {
namespace {

constexpr std::size_t most_bytes = 256 * 1024;
constexpr Milliseconds deadline{5'000};
constexpr std::size_t longest_name = 64;
constexpr unsigned nobody = 65534;

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

// What it prints. As root it runs as nobody.
Result<std::string> run(const std::string& path, const std::vector<std::string>& arguments) {
    BoundedCommand command;
    command.deadline = deadline;
    command.most_bytes = most_bytes;
    command.environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C"};
    if (geteuid() == 0)
        command.argv = as_user(nobody, nobody, false);
    else
        command.argv = {"/usr/bin/setpriv", "--no-new-privs", "--"};
    command.argv.push_back(path);
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    auto said = run_bounded(command);
    if (!said) return make_error(ErrorKind::unavailable, path + " gave no answer in time");
    if (said->status != 0) return make_error(ErrorKind::unavailable, path + " failed; run it by hand to see why");
    return std::move(said->out);
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
