#include "worker/sandbox/cgroup_files.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <utility>
#include <vector>

namespace windlass::worker {
namespace {

constexpr int patience = 500;  // tries, one millisecond apart: dead processes leave their group a little later

void wait_a_millisecond() {
    const timespec pause{0, 1'000'000};
    nanosleep(&pause, nullptr);
}

// By pidfd, and looked up again in between: the number cannot have become another process's.
void kill_member(const std::string& procs, pid_t pid) {
    const FileDescriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return;
    const std::string members = "\n" + read_small(procs);
    if (members.find("\n" + std::to_string(pid) + "\n") == std::string::npos) return;
    syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
}

}  // namespace

FileDescriptor open_file(const std::string& path, int flags) {
    return FileDescriptor(open(path.c_str(), flags | O_CLOEXEC));
}

Status write_file(const std::string& path, std::string_view text) {
    const FileDescriptor file = open_file(path, O_WRONLY);
    if (!file || !write_open(file, text)) return errno_error("writing " + path, errno);
    return {};
}

bool write_open(const FileDescriptor& file, std::string_view text) {
    return pwrite(file.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

std::string read_open(const FileDescriptor& file) {
    std::array<char, 4096> buffer;
    const ssize_t size = file ? pread(file.get(), buffer.data(), buffer.size(), 0) : -1;
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string read_small(const std::string& path) {
    return read_open(open_file(path, O_RDONLY));
}

std::int64_t number_in(std::string_view text) {
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

std::int64_t value_of(std::string_view text, std::string_view key) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = text.substr(at, end - at);
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
            return number_in(line.substr(key.size() + 1));
        }
        at = end + 1;
    }
    return 0;
}

bool empty_group(const std::string& directory) {
    const std::string procs = directory + "/cgroup.procs";
    for (int i = 0; i < patience; i++) {
        const std::string members = read_small(procs);
        if (members.empty()) return true;
        for (std::size_t at = 0; at < members.size();) {
            const std::size_t end = std::min(members.find('\n', at), members.size());
            const auto pid = static_cast<pid_t>(number_in(std::string_view(members).substr(at, end - at)));
            if (pid > 0) kill_member(procs, pid);
            at = end + 1;
        }
        wait_a_millisecond();
    }
    return false;
}

Status make_group(const std::string& directory) {
    if (mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return {};
    return errno_error("making the cgroup " + directory, errno);
}

int free_generation(const std::string& directory, int generation) {
    while (!read_small(directory + "." + std::to_string(generation) + "/cgroup.procs").empty()) generation++;
    return generation;
}

bool remove_group(const std::string& directory) {
    std::error_code ignored;
    std::vector<std::string> inner;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.is_directory(ignored)) inner.push_back(entry.path().string());
    }
    for (const std::string& child : inner) remove_group(child);
    empty_group(directory);
    for (int i = 0; i < patience; i++) {
        if (rmdir(directory.c_str()) == 0 || errno == ENOENT) return true;
        if (errno != EBUSY) return false;
        wait_a_millisecond();
    }
    return false;
}

void remove_groups_in(const std::string& directory, const std::set<std::string>& but) {
    std::error_code ignored;
    std::vector<std::string> inner;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.is_directory(ignored) && !but.contains(entry.path().string())) inner.push_back(entry.path().string());
    }
    for (const std::string& child : inner) remove_group(child);
}

std::string in_lines(const std::vector<std::string>& words) {
    std::string lines;
    for (const std::string& word : words) lines += word + "\n";
    return lines;
}

std::optional<std::vector<std::string>> from_lines(std::string_view lines, std::size_t count) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < lines.size();) {
        const std::size_t end = lines.find('\n', at);
        if (end == std::string_view::npos) return std::nullopt;
        words.emplace_back(lines.substr(at, end - at));
        at = end + 1;
    }
    if (words.size() != count) return std::nullopt;
    return words;
}

}  // namespace windlass::worker
