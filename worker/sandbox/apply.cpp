#include "worker/sandbox/apply.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "worker/sandbox/guard.h"
#include "worker/sandbox/kernel.h"

namespace windlass::worker {
namespace {

// Every function returns 0 or -1 with errno, like the calls it makes.

int write_all(int fd, const char* bytes, std::size_t size) {
    while (size > 0) {
        const ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        bytes += n;
        size -= static_cast<std::size_t>(n);
    }
    return 0;
}

int close_keeping_errno(int fd, int result) {
    const int error = errno;
    close(fd);
    errno = error;
    return result;
}

int write_at(int directory, const char* path, const char* text) {
    const int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
    return fd < 0 ? -1 : close_keeping_errno(fd, write_all(fd, text, strlen(text)));
}

int bind_tree(const char* from, const char* where, std::uint64_t attributes) {
    const long tree = syscall(SYS_open_tree, AT_FDCWD, from, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0) return -1;
    const int fd = static_cast<int>(tree);
    MountAttributes change{};
    change.set = attributes;
    long result = syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change);
    if (result == 0) result = syscall(SYS_move_mount, fd, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH);
    return close_keeping_errno(fd, static_cast<int>(result));
}

int protect_mount(const char* where, std::uint64_t attributes) {
    MountAttributes change{};
    change.set = attributes;
    return static_cast<int>(syscall(SYS_mount_setattr, AT_FDCWD, where, 0, &change, sizeof change));
}

int change_root() {
    if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
    return umount2(".", MNT_DETACH) == 0 ? chdir("/") : -1;
}

// The tree of a directory, wherever it is mounted now; no part of its path may be a link.
int take_tree(const char* path, const Step& step, Context& context) {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    const long directory = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (directory < 0) return -1;
    const long tree =
        syscall(SYS_open_tree, directory, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);
    if (close_keeping_errno(static_cast<int>(directory), tree < 0 ? -1 : 0) != 0) return -1;
    context.trees[step.size] = static_cast<int>(tree);
    MountAttributes change{};
    change.set = step.value;
    if (step.extra != 0 && context.has_id_maps) {
        change.set |= MOUNT_ATTR_IDMAP;
        change.user_namespace_fd = static_cast<std::uint64_t>(context.id_maps[context.slot]);
        if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change) == 0) return 0;
        change = {};  // not on this file system (--check says so): what root owns stays root's
        change.set = step.value;
    }
    return static_cast<int>(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &change, sizeof change));
}

int look_at_host(Context& context) {
    context.own_mounts = openat(context.proc_fd, "self/ns/mnt", O_RDONLY | O_CLOEXEC);
    return context.own_mounts < 0 ? -1 : setns(context.host_mounts, CLONE_NEWNS);
}

// One user namespace in which root is the user `uid`; nobody lives in it. Its descriptor, or -1.
int make_id_map(std::uint64_t uid) {
    const auto child = static_cast<pid_t>(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (child < 0) return -1;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    char path[64];
    char map[32];
    int space = -1;
    snprintf(map, sizeof map, "0 %llu 1", static_cast<unsigned long long>(uid));
    snprintf(path, sizeof path, "/proc/%d/uid_map", child);
    if (write_at(AT_FDCWD, path, map) == 0) {
        snprintf(path, sizeof path, "/proc/%d/gid_map", child);
        if (write_at(AT_FDCWD, path, map) == 0) {
            snprintf(path, sizeof path, "/proc/%d/ns/user", child);
            space = open(path, O_RDONLY | O_CLOEXEC);
        }
    }
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return space;
}

// Not to be had everywhere, and no protection: images are then as their owners say.
void make_id_maps(std::uint64_t count, std::uint64_t first_uid, Context& context) {
    context.has_id_maps = true;
    for (std::uint64_t i = 0; i < count && context.has_id_maps; i++) {
        context.id_maps[i] = make_id_map(first_uid + i);
        context.has_id_maps = context.id_maps[i] >= 0;
    }
}

int make_networks(std::uint64_t count, Context& context) {
    for (std::uint64_t i = 0; i < count; i++) {
        if (unshare(CLONE_NEWNET) != 0) return -1;
        context.networks[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        if (context.networks[i] < 0) return -1;
    }
    return unshare(CLONE_NEWNET);  // the spawner stays in one of its own: it has no network either
}

int drop_bounding_set() {
    for (int capability = 0; capability < 64; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return errno == EINVAL ? 0 : -1;
    }
    return 0;
}

int load_filter(const char* program, std::uint32_t size) {
    sock_fprog filter{};
    filter.len = static_cast<unsigned short>(size / sizeof(sock_filter));
    filter.filter = const_cast<sock_filter*>(reinterpret_cast<const sock_filter*>(program));
    return static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

int connect_streams(const Context& context) {
    if (dup2(context.null_fd, STDIN_FILENO) < 0) return -1;
    if (dup2(context.stdout_fd, STDOUT_FILENO) < 0) return -1;
    return dup2(context.stderr_fd, STDERR_FILENO) < 0 ? -1 : 0;
}

int set_limit(std::uint64_t resource, std::uint64_t wanted) {
    rlimit now{};
    if (getrlimit(static_cast<__rlimit_resource>(resource), &now) != 0) return -1;
    const rlim_t value = wanted < now.rlim_max ? wanted : now.rlim_max;  // a hard limit is never raised
    const rlimit limit{value, value};
    return setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

int default_signals() {
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, nullptr);  // dispositions: the spawner reset them, nobody set one since
}

int make_file(const char* path, const char* content, std::uint32_t size, std::uint64_t mode) {
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, static_cast<mode_t>(mode));
    return fd < 0 ? -1 : close_keeping_errno(fd, write_all(fd, content, size));
}

int landlock_begin(const Step& step, Context& context) {
    LandlockRuleset ruleset{};
    ruleset.file_system = step.value;
    ruleset.network = step.extra & 0xffffffffU;
    ruleset.scopes = step.extra >> 32U;
    context.ruleset_fd = static_cast<int>(syscall(SYS_landlock_create_ruleset, &ruleset, step.size, 0));
    return context.ruleset_fd < 0 ? -1 : 0;
}

int landlock_allow(const char* path, std::uint64_t rights, const Context& context) {
    LandlockPath rule{};
    rule.rights = rights;
    rule.fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.fd < 0) return -1;
    const long result = syscall(SYS_landlock_add_rule, context.ruleset_fd, 1 /* path beneath */, &rule, 0);
    return close_keeping_errno(rule.fd, static_cast<int>(result));
}

int execute(const Step& step, char* arena) {
    auto** pointers = reinterpret_cast<char**>(arena + step.value);
    char** const arguments = pointers;
    char* text = arena + step.object;
    for (std::uint64_t i = 0; i < step.size; i++, text += strlen(text) + 1) *pointers++ = text;
    *pointers++ = nullptr;
    char** const environment = pointers;
    for (std::uint64_t i = 0; i < step.extra; i++, text += strlen(text) + 1) *pointers++ = text;
    *pointers = nullptr;
    execve(arena + step.subject, arguments, environment);
    return -1;
}

int carry_out(const Step& step, char* arena, Context& context) {
    const char* subject = arena + step.subject;
    const char* object = arena + step.object;
    switch (step.kind) {
        case StepKind::unshare_namespaces:
            return unshare(static_cast<int>(step.value));
        case StepKind::write_proc_file:
            return write_at(AT_FDCWD, subject, object);
        case StepKind::make_id_maps:
            make_id_maps(step.value, step.extra, context);
            return 0;
        case StepKind::make_mounts_follow:
            return mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr);
        case StepKind::keep_host_mounts:
            return (context.host_mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC)) < 0 ? -1 : 0;
        case StepKind::look_at_host:
            return look_at_host(context);
        case StepKind::take_tree:
            return take_tree(subject, step, context);
        case StepKind::leave_host:
            return setns(context.own_mounts, CLONE_NEWNS);
        case StepKind::attach_tree:
            return static_cast<int>(
                syscall(SYS_move_mount, context.trees[step.size], "", AT_FDCWD, subject, MOVE_MOUNT_F_EMPTY_PATH));
        case StepKind::set_file_owner:  // these two never fail, and never say so
            syscall(SYS_setfsgid, step.extra);
            syscall(SYS_setfsuid, step.value);
            return 0;
        case StepKind::mount_overlay:
            return mount("windlass", subject, "overlay", step.value, object);
        case StepKind::become_init:
            return become_init();
        case StepKind::make_mounts_private:
            return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
        case StepKind::bind_tree:
            return bind_tree(object, subject, step.value);
        case StepKind::make_link:
            return symlink(object, subject);
        case StepKind::change_root:
            return change_root();
        case StepKind::protect_mount:
            return protect_mount(subject, step.value);
        case StepKind::make_networks:
            return make_networks(step.value, context);
        case StepKind::open_null:
            return (context.null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0 ? -1 : 0;
        case StepKind::open_proc:
            return (context.proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0 ? -1 : 0;
        case StepKind::drop_bounding_set:
            return drop_bounding_set();
        case StepKind::no_new_privileges:
            return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        case StepKind::load_filter:
            return load_filter(subject, step.size);
        case StepKind::enter_cgroup:
            return write_all(context.cgroup_files[step.value], "0", 1);
        case StepKind::join_network:
            return setns(context.networks[context.slot], CLONE_NEWNET);
        case StepKind::join_own_network:
            return setns(context.own_network_fd, CLONE_NEWNET);
        case StepKind::set_hostname:
            return sethostname(subject, strlen(subject));
        case StepKind::set_title:
            return prctl(PR_SET_NAME, subject, 0, 0, 0);
        case StepKind::set_oom_score:
            return write_at(context.proc_fd, "self/oom_score_adj", object);
        case StepKind::mount_proc:
            return mount("proc", subject, "proc", step.value, object);
        case StepKind::mount_tmpfs:
            return mount("windlass", subject, "tmpfs", step.value, object);
        case StepKind::open_work_directory:
            context.work_directory_fd = open(subject, O_PATH | O_DIRECTORY | O_CLOEXEC);
            return context.work_directory_fd < 0 ? -1 : 0;
        case StepKind::hide_from_job:
            return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
        case StepKind::new_session:
            return setsid() < 0 ? -1 : 0;
        case StepKind::connect_streams:
            return connect_streams(context);
        case StepKind::set_limit:
            return set_limit(step.value, step.extra);
        // Raw calls: between vfork and exec the C library must not touch what it shares with PID 1.
        case StepKind::drop_groups:
            return static_cast<int>(syscall(SYS_setgroups, 0, nullptr));
        case StepKind::set_group:
            return static_cast<int>(syscall(SYS_setresgid, step.value, step.value, step.value));
        case StepKind::set_user:
            return static_cast<int>(syscall(SYS_setresuid, step.value, step.value, step.value));
        case StepKind::clear_capabilities:
            return keep_capabilities(0);
        case StepKind::set_file_mask:
            umask(static_cast<mode_t>(step.value));
            return 0;
        case StepKind::default_signals:
            return default_signals();
        case StepKind::close_descriptors:
            return static_cast<int>(syscall(SYS_close_range, 3U, ~0U, 4U /* CLOEXEC */));
        case StepKind::enter_directory:
            return chdir(subject);
        case StepKind::make_directory:
            return mkdir(subject, static_cast<mode_t>(step.value));
        case StepKind::make_file:
            return make_file(subject, object, step.size, step.value);
        case StepKind::landlock_begin:
            return landlock_begin(step, context);
        case StepKind::landlock_allow:
            return landlock_allow(subject, step.value, context);
        case StepKind::landlock_enforce:
            return static_cast<int>(syscall(SYS_landlock_restrict_self, context.ruleset_fd, 0));
        case StepKind::execute_if_possible:
            context.executing = context.executed_first_choice = true;
            execute(step, arena);
            context.executing = context.executed_first_choice = false;
            return 0;
        case StepKind::try_to_execute:
            context.executing = true;
            execute(step, arena);
            context.executing = false;
            return 0;
        case StepKind::execute:
            context.executing = true;
            return execute(step, arena);
    }
    errno = EINVAL;
    return -1;
}

}  // namespace

int keep_capabilities(std::uint32_t low_mask) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    data[0].permitted = low_mask;
    data[0].effective = low_mask;
    return static_cast<int>(syscall(SYS_capset, &header, data));
}

Blob open_blob(void* bytes, std::size_t size) {
    Blob blob;
    if (size < sizeof(BlobHeader)) return blob;
    auto* header = static_cast<BlobHeader*>(bytes);
    const std::uint64_t steps = std::uint64_t{header->first_steps} + header->second_steps;
    if (sizeof(BlobHeader) + steps * sizeof(Step) + header->arena_bytes != size) return blob;
    blob.header = header;
    blob.steps = reinterpret_cast<Step*>(header + 1);
    blob.arena = reinterpret_cast<char*>(blob.steps + steps);
    return blob;
}

Failure apply(const Blob& blob, std::uint32_t first, std::uint32_t count, Context& context) {
    for (std::uint32_t i = first; i < first + count; i++) {
        context.current_step = static_cast<int>(i);
        if (carry_out(blob.steps[i], blob.arena, context) != 0) return {static_cast<int>(i), errno};
    }
    return {};
}

}  // namespace windlass::worker
