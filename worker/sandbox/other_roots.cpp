#include "worker/sandbox/other_roots.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>

#include "worker/sandbox/kernel.h"

namespace windlass::worker {
namespace {

constexpr std::uint64_t read_only_tree = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

// In a child: its errno, 0 when all was well.
int try_in_child(const std::function<bool()>& attempt) {
    const pid_t child = fork();
    if (child < 0) return errno;
    if (child == 0) {
        errno = 0;
        _exit(attempt() ? 0 : errno == 0 ? EIO : errno);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

bool write_text(const std::string& path, const std::string& text) {
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool good = fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    if (fd >= 0) close(fd);
    return good;
}

// Private mounts, and in them an empty /tmp with the directories of an overlay.
bool enter_own_mounts(bool rootless) {
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    if (unshare(CLONE_NEWNS | (rootless ? CLONE_NEWUSER : 0)) != 0) return false;
    if (rootless && !(write_text("/proc/self/setgroups", "deny") &&
                      write_text("/proc/self/uid_map", fmt::format("{0} {0} 1", uid)) &&
                      write_text("/proc/self/gid_map", fmt::format("{0} {0} 1", gid))))
        return false;
    return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool make_places() {
    if (mount("windlass", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k") != 0) return false;
    for (const char* path : {"/tmp/lower", "/tmp/upper", "/tmp/work", "/tmp/root"})
        if (mkdir(path, 0700) != 0) return false;
    return true;
}

bool mount_overlay(bool rootless) {
    const char* options = rootless ? "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work,userxattr"
                                   : "lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work";
    return mount("windlass", "/tmp/root", "overlay", MS_NOSUID | MS_NODEV, options) == 0;
}

// A user namespace in which root is somebody else.
int make_id_map() {
    const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    if (child < 0) return -1;
    int space = -1;
    if (write_text(fmt::format("/proc/{}/uid_map", child), "0 200000 1") &&
        write_text(fmt::format("/proc/{}/gid_map", child), "0 200000 1"))
        space = open(fmt::format("/proc/{}/ns/user", child).c_str(), O_RDONLY | O_CLOEXEC);
    const int error = errno;
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    errno = error;
    return space;
}

bool mount_mapped(const std::string& directory) {
    const int space = make_id_map();
    if (space < 0 || !enter_own_mounts(false)) return false;
    const long tree = syscall(SYS_open_tree, AT_FDCWD, directory.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0) return false;
    MountAttributes change{};
    change.set = read_only_tree | MOUNT_ATTR_IDMAP;
    change.user_namespace_fd = static_cast<std::uint64_t>(space);
    return syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &change, sizeof change) == 0 && make_places() &&
           syscall(SYS_move_mount, tree, "", AT_FDCWD, "/tmp/lower", MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
           mount_overlay(false);
}

}  // namespace

OtherRoots examine_other_roots(const std::string& directory) {
    OtherRoots result;
    const bool rootless = geteuid() != 0;
    if (const int error =
            try_in_child([&] { return enter_own_mounts(rootless) && make_places() && mount_overlay(rootless); }))
        result.why_no_overlay = fmt::format("an overlay cannot be mounted{}: {}",
                                            rootless ? " in a user namespace" : "", std::strerror(error));
    if (rootless || !result.why_no_overlay.empty()) return result;
    std::error_code ignored;
    std::filesystem::path place = std::filesystem::absolute(directory, ignored);
    while (!std::filesystem::is_directory(place, ignored) && place != place.parent_path()) place = place.parent_path();
    if (const int error = try_in_child([&] { return mount_mapped(place); }))
        result.why_no_id_map =
            fmt::format("an id map for {} below an overlay cannot be had: {}", place.string(), std::strerror(error));
    return result;
}

}  // namespace windlass::worker
