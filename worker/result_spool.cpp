#include "worker/result_spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>

#include "worker/file_descriptor.h"

namespace windlass::worker {
namespace {

constexpr std::string_view half_written = ".tmp";

// "100000042.1"; nullopt: some other file.
std::optional<AttemptRef> ref_named(std::string_view name) {
    AttemptRef ref;
    const char* end = name.data() + name.size();
    const auto job = std::from_chars(name.data(), end, ref.job.value);
    if (job.ec != std::errc() || job.ptr == end || *job.ptr != '.') return std::nullopt;
    const auto attempt = std::from_chars(job.ptr + 1, end, ref.attempt);
    if (attempt.ec != std::errc() || attempt.ptr != end || ref.text() != name || !(ref.job.value > 0))
        return std::nullopt;
    return ref;
}

Status write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(fd, bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno_error("write", errno);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    return {};
}

}  // namespace

Result<ResultSpool> ResultSpool::open(const std::string& state_directory) {
    const std::string directory = state_directory + "/results";
    if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return errno_error("making " + directory, errno);
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(directory, failed))
        if (entry.path().extension() == half_written) unlink(entry.path().c_str());
    if (failed) return errno_error("reading " + directory, failed.value());
    return ResultSpool(directory);
}

std::vector<AttemptRef> ResultSpool::list() const {
    std::vector<AttemptRef> refs;
    std::error_code failed;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, failed))
        if (const auto ref = ref_named(entry.path().filename().native())) refs.push_back(*ref);
    std::sort(refs.begin(), refs.end());
    return refs;
}

Status ResultSpool::write(const FinishedAttempt& finished) const {
    const std::string target = path(finished.ref);
    const std::string beside = target + std::string(half_written);
    const FileDescriptor file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return errno_error("making " + beside, errno);
    Status written;
    for (const auto& part : finished.parts) {  // one by one: together they may be as large as all limits allow
        if (written) written = write_all(file.get(), to_frame(part));
    }
    if (written && rename(beside.c_str(), target.c_str()) != 0) written = errno_error("renaming", errno);
    if (written) return {};
    unlink(beside.c_str());
    return std::move(written).error().in(target);
}

Result<FinishedAttempt> ResultSpool::read(AttemptRef ref) const {
    const std::string name = path(ref);
    const FileDescriptor file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return errno == ENOENT ? make_error(ErrorKind::not_found, name) : errno_error(name, errno);
    struct stat about {};
    if (fstat(file.get(), &about) != 0) return errno_error(name, errno);
    std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::read(file.get(), bytes.data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_error(name, errno);
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    auto finished = from_frames(ref, bytes);
    if (!finished) return std::move(finished).error().in(name);
    return finished;
}

void ResultSpool::remove(AttemptRef ref) const {
    unlink(path(ref).c_str());
}

}  // namespace windlass::worker
