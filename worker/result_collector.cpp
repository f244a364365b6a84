#include "worker/result_collector.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_set>
#include <utility>

#include "shared/digest.h"
#include "shared/json.h"
#include "worker/directory_stream.h"
#include "worker/file_descriptor.h"
#include "worker/output_patterns.h"

namespace windlass::worker {
namespace {

// Freeing so much takes about a millisecond.
constexpr std::uint64_t quick_to_free_bytes = 4 << 20;

// One name, one step: RESOLVE_BENEATH refuses "..", the NO_… refuse links, /proc-style jumps and mount points.
FileDescriptor open_beneath(int directory, const char* name, std::uint64_t flags) {
    open_how how{};
    how.flags = flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
    return FileDescriptor(static_cast<int>(syscall(SYS_openat2, directory, name, &how, sizeof how)));
}
FileDescriptor open_directory(int parent, const char* name) {
    return open_beneath(parent, name, O_RDONLY | O_DIRECTORY);
}

// At most `size` bytes: the file may have changed since it was measured. nullopt: not readable.
std::optional<std::string> read_up_to(int fd, std::int64_t size) {
    std::string bytes(static_cast<std::size_t>(size), '\0');
    std::size_t have = 0;
    bool failed = false;
    while (have < bytes.size()) {
        const ssize_t got = ::read(fd, bytes.data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0 && !std::exchange(failed, true)) continue;  // a result is worth a second try
        if (got < 0) return std::nullopt;
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

// In the working directory these are the box's own, or were taken already.
bool is_of_the_box(const std::string& name) {
    return name == "out" || name == ".tmp" || name == ".shm";
}

class Walk {
  public:
    Walk(const CollectLimits& limits, const CollectBeside& beside)
        : limits_(limits),
          beside_(beside),
          patterns_(beside.patterns),
          left_to_keep_(limits.keep_bytes),
          left_to_read_(limits.keep_bytes * limits.read_factor) {}

    void out(FileDescriptor fd) { directory(std::move(fd), "", 0, nullptr); }
    void beside(FileDescriptor fd) {
        const OutputPatterns::Place place = patterns_.start();
        directory(std::move(fd), "", 0, &place);
        if (patterns_.gave_up()) leave_out();
    }

    CollectedFiles take() { return std::move(found_); }

  private:
    // `place`: only what the patterns take from there on; null: everything.
    void directory(FileDescriptor fd, const std::string& path, int depth, const OutputPatterns::Place* place) {
        const int number = fd.get();
        const DirectoryStream stream(fdopendir(number));
        if (!stream) return leave_out();
        fd.release();  // the stream's now
        for (const std::string& name : names_in(stream.get())) {
            if (path.size() + 1 + name.size() > limits_.path_bytes)
                leave_out();
            else
                entry(number, name, path.empty() ? name : path + "/" + name, depth, place);
        }
    }

    void leave_out() { found_.truncated = true; }

    // Sorted, so that the same files give the same result. Bounded before they are held in memory.
    std::vector<std::string> names_in(DIR* stream) {
        std::vector<std::string> names;
        while (const dirent* entry = readdir(stream)) {
            if (is_dots(entry->d_name)) continue;
            if (seen_ == limits_.entries) {
                leave_out();
                break;
            }
            ++seen_;
            names.emplace_back(entry->d_name);
        }
        std::sort(names.begin(), names.end());
        return names;
    }

    void entry(int parent, const std::string& name, const std::string& path, int depth,
               const OutputPatterns::Place* place) {
        if (place != nullptr && depth == 0 && is_of_the_box(name)) return;
        struct stat about {};
        if (fstatat(parent, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0) return leave_out();
        if (S_ISREG(about.st_mode)) {
            if (place == nullptr || is_wanted(*place, name, path)) file(parent, name, path, place == nullptr);
            return;
        }
        if (!S_ISDIR(about.st_mode)) return;  // links, FIFOs, sockets, devices are no results
        OutputPatterns::Place further;
        if (place != nullptr) {
            further = patterns_.below(*place, name);
            if (further.empty()) return;
        }
        if (depth == limits_.depth) return leave_out();
        auto fd = open_directory(parent, name.c_str());
        if (!fd) return leave_out();
        directory(std::move(fd), path, depth + 1, place == nullptr ? nullptr : &further);
    }

    bool is_wanted(const OutputPatterns::Place& place, const std::string& name, const std::string& path) {
        return patterns_.takes(place, name) && (!beside_.not_its_own.contains(path) || patterns_.names(path));
    }

    void file(int parent, const std::string& name, const std::string& path, bool in_out) {
        const bool is_value = in_out && path == "results.json";
        if (found_.files.size() == limits_.files) return leave_out();
        const auto fd = open_beneath(parent, name.c_str(), O_RDONLY);
        struct stat about {};
        // Looked at again: between the look and the opening it may have become something else.
        if (!fd || fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) return leave_out();
        ResultFile result;
        result.size_bytes = about.st_size;
        if (about.st_size <= std::min(limits_.keep_bytes, left_to_read_)) {
            auto bytes = read_up_to(fd.get(), about.st_size);
            if (!bytes) return leave_out();
            if (is_value) keep_value(*bytes);
            keep(result, *bytes);
        } else if (is_value && about.st_size <= limits_.value_bytes) {
            if (const auto bytes = read_up_to(fd.get(), about.st_size)) keep_value(*bytes);
        }
        result.path = distinct(to_valid_utf8(path));
        found_.files.push_back(std::move(result));
    }

    void keep(ResultFile& result, const std::string& bytes) {
        result.size_bytes = static_cast<std::int64_t>(bytes.size());
        result.sha256 = sha256_hex(bytes);
        left_to_read_ -= result.size_bytes;
        if (result.size_bytes > left_to_keep_) return;
        left_to_keep_ -= result.size_bytes;
        result.stored = true;
        found_.bytes += bytes;
    }

    void keep_value(const std::string& text) {
        if (static_cast<std::int64_t>(text.size()) <= limits_.value_bytes && parse_json(text).ok())
            found_.value_json = text;
    }

    // Two names that differ only in bytes that are no UTF-8 look the same once made valid.
    std::string distinct(std::string path) {
        std::string candidate = path;
        for (int i = 2; !paths_.insert(candidate).second; ++i) candidate = path + "~" + std::to_string(i);
        return candidate;
    }

    const CollectLimits& limits_;
    const CollectBeside& beside_;
    OutputPatterns patterns_;
    CollectedFiles found_;
    std::unordered_set<std::string> paths_;
    std::size_t seen_ = 0;
    std::int64_t left_to_keep_;
    std::int64_t left_to_read_;
};

}  // namespace

CollectedFiles collect_files(int work_directory_fd, const CollectLimits& limits, const CollectBeside& beside) {
    Walk walk(limits, beside);
    // Not there when the job removed it, or made it something else: then it left nothing.
    if (auto out = open_directory(work_directory_fd, "out")) walk.out(std::move(out));
    if (!beside.patterns.empty()) {
        if (auto all = open_directory(work_directory_fd, ".")) walk.beside(std::move(all));
    }
    return walk.take();
}

bool leaves_nothing(int work_directory_fd, const CollectBeside& beside) {
    if (!beside.patterns.empty()) return false;
    struct statfs about {};
    if (fstatfs(work_directory_fd, &about) == 0 &&
        (about.f_blocks - about.f_bfree) * static_cast<std::uint64_t>(about.f_bsize) > quick_to_free_bytes)
        return false;
    const auto out = open_directory(work_directory_fd, "out");
    if (!out) return true;
    // One system call instead of the four of a DIR stream: this runs for every job.
    alignas(dirent64) char buffer[512];
    std::int64_t used = 0;
    const long size = syscall(SYS_getdents64, out.get(), buffer, sizeof buffer);
    if (size < 0) return false;
    for (std::int64_t at = 0; at < size; at += used) {
        const auto* entry = reinterpret_cast<const dirent64*>(buffer + at);
        if (!is_dots(entry->d_name)) return false;
        used = entry->d_reclen;
    }
    return true;
}

}  // namespace windlass::worker
