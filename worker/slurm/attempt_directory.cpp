#include "worker/slurm/attempt_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "shared/log.h"
#include "worker/file_descriptor.h"

namespace windlass::worker::slurm {
namespace {

constexpr mode_t passage = 0711;  // to what one knows the name of

// A umask takes nothing of `mode` away.
Status make_directory(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
    if (mkdir(path.c_str(), 0700) != 0) return errno_error("making " + path, errno);
    if (chown(path.c_str(), uid, gid) != 0) return errno_error("giving away " + path, errno);
    if (chmod(path.c_str(), mode) != 0) return errno_error("opening " + path, errno);
    return {};
}

Status make_file(const std::string& path, std::string_view bytes, mode_t mode, uid_t uid, gid_t gid) {
    const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) return errno_error("making " + path, errno);
    while (!bytes.empty()) {
        const ssize_t wrote = ::write(file.get(), bytes.data(), bytes.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return errno_error("writing " + path, errno);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
    if (fchown(file.get(), uid, gid) != 0) return errno_error("giving away " + path, errno);
    if (fchmod(file.get(), mode) != 0) return errno_error("opening " + path, errno);
    return {};
}

// `path` is below work/, with directories of its own; the api let in no way out of it, and the box checks it again.
Status make_work_file(const Site& site, const std::string& work, const std::string& path, std::string_view bytes) {
    std::string made = work;
    std::string_view rest = path;
    for (auto slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
        const auto name = rest.substr(0, slash);
        if (name.empty() || name == "." || name == "..")
            return make_error(ErrorKind::invalid, "the file name '" + path + "' cannot be used");
        made += "/" + std::string(name);
        rest.remove_prefix(slash + 1);
        if (access(made.c_str(), F_OK) != 0) WINDLASS_TRY_STATUS(make_directory(made, 0700, site.uid, site.gid));
    }
    if (rest.empty() || rest == "." || rest == "..")
        return make_error(ErrorKind::invalid, "the file name '" + path + "' cannot be used");
    return make_file(made + "/" + std::string(rest), bytes, 0600, site.uid, site.gid);
}

}  // namespace

Status make_site_directory(const Site& site) {
    struct stat about {};
    if (stat(site.directory.c_str(), &about) != 0)
        return errno_error("worker.slurm_directory " + site.directory, errno);
    if (!S_ISDIR(about.st_mode) || about.st_uid != geteuid() || (about.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return make_error(
            ErrorKind::denied,
            fmt::format("worker.slurm_directory {} must be a directory that belongs to the worker's user and "
                        "that nobody else may write to: chown {} and chmod 0711 it",
                        site.directory, geteuid()));
    const std::string own = site.directory + "/" + site.identity;
    if (access(own.c_str(), F_OK) == 0) return {};
    return make_directory(own, passage, geteuid(), getegid());
}

Status make_attempt_directory(const Site& site, AttemptRef ref, const BoxSpec& box) {
    remove_attempt_directory(site, ref);
    const Places at = places(site, ref);
    // The work directory last: while it is the job's nothing may be made in it by a name.
    WINDLASS_TRY_STATUS(make_directory(at.all, passage, geteuid(), getegid()));
    WINDLASS_TRY_STATUS(make_file(at.start, start_text(at, box), 0640, geteuid(), site.gid));
    WINDLASS_TRY_STATUS(make_file(at.script, script_text(at), 0644, geteuid(), getegid()));
    WINDLASS_TRY_STATUS(make_file(at.standard_output, {}, 0600, site.uid, site.gid));
    WINDLASS_TRY_STATUS(make_file(at.standard_error, {}, 0600, site.uid, site.gid));
    WINDLASS_TRY_STATUS(make_directory(at.work, 0700, geteuid(), getegid()));
    WINDLASS_TRY_STATUS(make_directory(at.work + "/out", 0700, site.uid, site.gid));
    for (const auto& [path, bytes] : box.files) WINDLASS_TRY_STATUS(make_work_file(site, at.work, path, bytes));
    if (chown(at.work.c_str(), site.uid, site.gid) != 0) return errno_error("giving away " + at.work, errno);
    return {};
}

std::string read_output(const Site& site, AttemptRef ref, OutputStream stream, std::int64_t offset, std::size_t most) {
    const Places at = places(site, ref);
    const auto& path = stream == OutputStream::standard_output ? at.standard_output : at.standard_error;
    const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file) return {};
    std::string bytes(most, '\0');
    std::size_t have = 0;
    while (have < most) {
        const ssize_t got =
            pread(file.get(), bytes.data() + have, most - have, offset + static_cast<std::int64_t>(have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

TreeSize measure_work(const Site& site, AttemptRef ref, const TreeLimits& limits) {
    const auto work = open_directory(places(site, ref).work);
    return work ? measure_tree(work->get(), limits) : TreeSize{};
}

CollectedFiles collect_work(const Site& site, AttemptRef ref, const CollectLimits& limits,
                            const CollectBeside& beside) {
    const FileDescriptor work(::open(places(site, ref).work.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!work) return {};
    return collect_files(work.get(), limits, beside);
}

void remove_attempt_directory(const Site& site, AttemptRef ref) {
    std::error_code failed;
    std::filesystem::remove_all(places(site, ref).all, failed);
    if (failed) log::warning("{} could not be removed: {}", places(site, ref).all, failed.message());
}

}  // namespace windlass::worker::slurm
