#include "worker/sandbox/filter.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>

namespace windlass::worker {
namespace {

// What programs use. Names that this architecture or this libseccomp does not know are left out.
constexpr const char* allowed[] = {
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown",
    "fchownat", "fcntl", "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat",
    "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents", "getdents64", "getxattr", "inotify_add_watch",
    "inotify_init", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown", "lgetxattr", "link", "linkat", "listxattr",
    "llistxattr", "lremovexattr", "lseek", "lsetxattr", "lstat", "mkdir", "mkdirat", "mknod", "mknodat", "newfstatat",
    "open", "openat", "openat2", "pipe", "pipe2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2",
    "read", "readahead", "readlink", "readlinkat", "readv", "removexattr", "rename", "renameat", "renameat2", "rmdir",
    "sendfile", "setxattr", "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync", "sync_file_range",
    "syncfs", "tee", "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
    // waiting
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2",
    "poll", "ppoll", "pselect6", "select", "signalfd", "signalfd4", "timerfd_create", "timerfd_gettime",
    "timerfd_settime",
    // memory
    "brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mprotect", "mremap", "mseal",
    "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "remap_file_pages",
    "map_shadow_stack", "get_mempolicy", "cachestat",
    // processes, threads, signals
    "alarm", "arch_prctl", "execve", "execveat", "exit", "exit_group", "fork", "futex", "futex_requeue", "futex_wait",
    "futex_waitv", "futex_wake", "get_robust_list", "get_thread_area", "getcpu", "getpgid", "getpgrp", "getpid",
    "getppid", "getpriority", "getrlimit", "getrusage", "getsid", "gettid", "ioprio_get", "ioprio_set", "kill", "pause",
    "pidfd_open", "pidfd_send_signal", "prctl", "prlimit64", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr", "sched_setparam",
    "sched_setscheduler", "sched_yield", "set_robust_list", "set_thread_area", "set_tid_address", "setpgid",
    "setpriority", "setrlimit", "setsid", "sigaltstack", "tgkill", "time", "times", "tkill", "uname", "vfork", "wait4",
    "waitid", "waitpid", "sysinfo", "getrandom", "seccomp", "clock_getres", "clock_gettime", "clock_nanosleep",
    "getitimer", "gettimeofday", "nanosleep", "setitimer", "timer_create", "timer_delete", "timer_getoverrun",
    "timer_gettime", "timer_settime", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self",
    // identity: without capabilities a job can only ask, or set what it is already
    "capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getresgid", "getresuid", "getuid", "setfsgid",
    "setfsuid", "setgid", "setgroups", "setregid", "setresgid", "setresuid", "setreuid", "setuid", "sethostname",
    // talking to each other
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv", "recvfrom",
    "recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "mq_getsetattr",
    "mq_notify", "mq_open", "mq_timedreceive", "mq_timedsend", "mq_unlink", "msgctl", "msgrcv", "msgsnd", "semctl",
    "semop", "semtimedop", "shmat", "shmctl", "shmdt"};
constexpr const char* memory_objects[] = {"memfd_create", "shmget", "msgget", "semget"};

// Refused by name, with EPERM: programs know that answer better than "no such call".
constexpr const char* refused[] = {"acct",
                                   "add_key",
                                   "adjtimex",
                                   "bpf",
                                   "chroot",
                                   "clock_adjtime",
                                   "clock_settime",
                                   "delete_module",
                                   "fanotify_init",
                                   "finit_module",
                                   "init_module",
                                   "ioperm",
                                   "iopl",
                                   "kcmp",
                                   "kexec_file_load",
                                   "kexec_load",
                                   "keyctl",
                                   "lookup_dcookie",
                                   "mbind",
                                   "migrate_pages",
                                   "move_pages",
                                   "name_to_handle_at",
                                   "open_by_handle_at",
                                   "perf_event_open",
                                   "pidfd_getfd",
                                   "process_madvise",
                                   "process_vm_readv",
                                   "process_vm_writev",
                                   "ptrace",
                                   "quotactl",
                                   "reboot",
                                   "request_key",
                                   "set_mempolicy",
                                   "setdomainname",
                                   "settimeofday",
                                   "swapoff",
                                   "swapon",
                                   "syslog",
                                   "userfaultfd",
                                   "vhangup",
                                   "vmsplice"};

constexpr std::uint64_t new_namespace_flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWCGROUP;
constexpr std::uint64_t proc_mount_flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr std::uint64_t tmpfs_mount_flags = MS_NOSUID | MS_NODEV;
constexpr std::uint64_t push_input = 0x5412;               // TIOCSTI: types into a terminal
constexpr std::uint64_t console_input = 0x541C;            // TIOCLINUX: pastes into a console
constexpr std::uint64_t address_layout_fixed = 0x0040000;  // ADDR_NO_RANDOMIZE, for debuggers and `setarch -R`

struct Release {
    void operator()(void* filter) const { seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, Release>;

class Builder {
  public:
    explicit Builder(std::uint32_t otherwise) : filter_(seccomp_init(otherwise)) {
        if (!filter_) {
            fail("seccomp_init", ENOMEM);
            return;
        }
        set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree instead of a list
    }

    void rule(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
        const int number = seccomp_syscall_resolve_name(name);
        if (number < 0 || !filter_) return;  // not on this architecture
        const int result = seccomp_rule_add_array(filter_.get(), action, number,
                                                  static_cast<unsigned>(conditions.size()), conditions.begin());
        if (result != 0) fail(name, -result);
    }

    Result<std::string> program() {
        if (error_) return *error_;
        const int fd = memfd_create("filter", MFD_CLOEXEC);
        if (fd < 0) return errno_error("memfd_create", errno);
        std::string bytes;
        const int result = seccomp_export_bpf(filter_.get(), fd);
        if (result == 0) {
            bytes.resize(static_cast<std::size_t>(lseek(fd, 0, SEEK_END)));
            if (pread(fd, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) fail("reading", EIO);
        } else {
            fail("seccomp_export_bpf", -result);
        }
        close(fd);
        if (error_) return *error_;
        return bytes;
    }

  private:
    void set(scmp_filter_attr attribute, std::uint32_t value) {
        if (const int result = seccomp_attr_set(filter_.get(), attribute, value); result != 0)
            fail("seccomp_attr_set", -result);
    }
    void fail(std::string_view what, int error) {
        if (!error_) error_ = errno_error(fmt::format("making the system call filter: {}", what), error);
    }

    Filter filter_;
    std::optional<Error> error_;
};

void refuse_ip(Builder& filter) {
    for (const std::uint64_t family : {AF_INET, AF_INET6})
        filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", {SCMP_A0(SCMP_CMP_EQ, family)});
}

void add_sockets(Builder& filter, bool refuse_ip_sockets) {
    // Pairs of other families do not exist, but asking for one already runs, and may load, the family's code.
    filter.rule(SCMP_ACT_ALLOW, "socketpair", {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)});
    filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socketpair", {SCMP_A0(SCMP_CMP_NE, AF_UNIX)});
    filter.rule(SCMP_ACT_ALLOW, "socket", {SCMP_A0(SCMP_CMP_EQ, AF_UNIX)});
    if (refuse_ip_sockets) {
        refuse_ip(filter);
    } else {
        for (const std::uint64_t family : {AF_INET, AF_INET6})
            filter.rule(SCMP_ACT_ALLOW, "socket", {SCMP_A0(SCMP_CMP_EQ, family)});
    }
    constexpr std::uint64_t between[] = {0, 3, 4, 5, 6, 7, 8, 9};
    for (const std::uint64_t family : between) {
        filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", {SCMP_A0(SCMP_CMP_EQ, family)});
    }
    filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket",
                {SCMP_A0(SCMP_CMP_GT, AF_INET6)});  // netlink, vsock, alg, packet …
}

// What PID 1 of a box needs, in the exact form in which it needs it. A job lacks the capability for each of these.
void add_box_making(Builder& filter, bool other_roots) {
    // With other_roots too, the job is refused by the kernel, which looks for the capability first.
    if (other_roots) {
        constexpr std::uint64_t clone_tree = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
        filter.rule(SCMP_ACT_ALLOW, "open_tree", {SCMP_A2(SCMP_CMP_EQ, clone_tree)});
        filter.rule(SCMP_ACT_ALLOW, "open_tree", {SCMP_A2(SCMP_CMP_EQ, clone_tree | AT_EMPTY_PATH)});
        filter.rule(SCMP_ACT_ALLOW, "mount_setattr", {SCMP_A2(SCMP_CMP_EQ, AT_EMPTY_PATH | AT_RECURSIVE)});
        filter.rule(SCMP_ACT_ALLOW, "move_mount", {SCMP_A4(SCMP_CMP_EQ, MOVE_MOUNT_F_EMPTY_PATH)});
        filter.rule(SCMP_ACT_ALLOW, "setns", {SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNS)});
        filter.rule(SCMP_ACT_ALLOW, "pivot_root");
        filter.rule(SCMP_ACT_ALLOW, "umount2", {SCMP_A1(SCMP_CMP_EQ, MNT_DETACH)});
        filter.rule(SCMP_ACT_ERRNO(EPERM), "umount2", {SCMP_A1(SCMP_CMP_NE, MNT_DETACH)});
    } else {
        for (const char* name : {"pivot_root", "umount2"}) filter.rule(SCMP_ACT_ERRNO(EPERM), name);
    }
    filter.rule(SCMP_ACT_ALLOW, "mount", {SCMP_A3(SCMP_CMP_EQ, proc_mount_flags)});
    filter.rule(SCMP_ACT_ALLOW, "mount", {SCMP_A3(SCMP_CMP_EQ, tmpfs_mount_flags)});
    filter.rule(SCMP_ACT_ALLOW, "setns", {SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNET)});
    filter.rule(SCMP_ACT_ALLOW, "unshare", {SCMP_A0(SCMP_CMP_EQ, CLONE_NEWCGROUP)});
    filter.rule(SCMP_ACT_ALLOW, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, new_namespace_flags, 0)});
}

Result<std::string> allow_list(const FilterOptions& options) {
    Builder filter(
        SCMP_ACT_ERRNO(ENOSYS));  // clone3 among them: C libraries fall back to clone, whose flags can be seen
    for (const char* name : allowed) filter.rule(SCMP_ACT_ALLOW, name);
    for (const char* name : memory_objects) {
        if (!options.refuse_memory_objects) filter.rule(SCMP_ACT_ALLOW, name);
    }
    if (options.allow_clone3) filter.rule(SCMP_ACT_ALLOW, "clone3");
    for (const char* name : refused) filter.rule(SCMP_ACT_ERRNO(EPERM), name);
    for (const std::uint64_t persona : {std::uint64_t{0}, address_layout_fixed, std::uint64_t{0xffffffff}}) {
        filter.rule(SCMP_ACT_ALLOW, "personality", {SCMP_A0(SCMP_CMP_EQ, persona)});
    }
    add_sockets(filter, options.refuse_ip_sockets);
    add_box_making(filter, options.allow_other_roots);
    return filter.program();
}

// A list of the forbidden: only here can a flag be looked at in a call that is otherwise free.
Result<std::string> refusals() {
    Builder filter(SCMP_ACT_ALLOW);
    constexpr std::uint64_t low_word = 0xffffffff;  // the kernel looks at no more
    for (const std::uint64_t request : {push_input, console_input}) {
        filter.rule(SCMP_ACT_ERRNO(EPERM), "ioctl", {SCMP_A1(SCMP_CMP_MASKED_EQ, low_word, request)});
    }
    for (const std::uint64_t bit : {04000U, 02000U}) {  // no use inside (nosuid), so that none is ever made
        filter.rule(SCMP_ACT_ERRNO(EPERM), "chmod", {SCMP_A1(SCMP_CMP_MASKED_EQ, bit, bit)});
        filter.rule(SCMP_ACT_ERRNO(EPERM), "fchmod", {SCMP_A1(SCMP_CMP_MASKED_EQ, bit, bit)});
        filter.rule(SCMP_ACT_ERRNO(EPERM), "fchmodat", {SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit)});
        filter.rule(SCMP_ACT_ERRNO(EPERM), "fchmodat2", {SCMP_A2(SCMP_CMP_MASKED_EQ, bit, bit)});
    }
    return filter.program();
}

}  // namespace

Result<std::vector<std::string>> make_filters(const FilterOptions& options) {
    WINDLASS_TRY(std::string refuse, refusals());
    WINDLASS_TRY(std::string allow, allow_list(options));
    return std::vector<std::string>{std::move(refuse), std::move(allow)};
}

Result<std::string> make_job_filter(const JobFilterOptions& options) {
    if (!options.refuse_clone3 && !options.refuse_ip_sockets) return std::string();
    Builder filter(SCMP_ACT_ALLOW);
    if (options.refuse_clone3) filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
    if (options.refuse_ip_sockets) refuse_ip(filter);
    return filter.program();
}

}  // namespace windlass::worker
