// nth_call: loaded into one daemon (LD_PRELOAD), it counts the calls that reach the database, files and sockets and has
// the n-th one fail, or the process die there. Which and how, the test says in a small file that both have mapped.
//
//   NTH_PROGRAM   the only program that is meddled with, by its name without the directory
//   NTH_CONTROL   the file: struct control, below
//
// Counted are calls of libc by the program and its libraries on regular files and sockets (and what makes, names or locks
// them). Not counted: pipes and event counters, by which a process talks to itself, and epoll; to fail those is to break
// the loop itself. Real calls go to the kernel by syscall(2), so that nothing has to be looked up.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

struct control {
    _Atomic uint64_t armed;   // 0: nothing is counted
    _Atomic uint64_t count;   // calls since the test set it to 0
    _Atomic uint64_t fail_at; // the call that fails, from 1
    _Atomic uint64_t deadly;  // 1: the process ends there instead
    char name[64];            // of the call that failed
};

static struct control* control;

__attribute__((constructor)) static void begin(void) {
    const char* program = getenv("NTH_PROGRAM");
    const char* path = getenv("NTH_CONTROL");
    if (program == NULL || path == NULL || strcmp(program_invocation_short_name, program) != 0) return;
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void* memory = (void*)syscall(SYS_mmap, NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (memory != MAP_FAILED) control = memory;
}

// Whether this call is the one.
static int chosen(const char* name) {
    if (control == NULL || atomic_load(&control->armed) == 0) return 0;
    if (atomic_fetch_add(&control->count, 1) + 1 != atomic_load(&control->fail_at)) return 0;
    strncpy(control->name, name, sizeof control->name - 1);
    if (atomic_load(&control->deadly) != 0) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
    return 1;
}

static int failed(int error) {
    errno = error;
    return -1;
}

enum kind { other, file, connection };

static enum kind kind_of(int fd) {
    if (control == NULL || atomic_load(&control->armed) == 0) return other;
    struct stat status;
    const int before = errno;
    const long seen = syscall(SYS_fstat, fd, &status);
    errno = before;
    if (seen != 0) return other;
    return S_ISREG(status.st_mode) ? file : S_ISSOCK(status.st_mode) ? connection : other;
}

// A connection that breaks is broken for both sides, and for all calls that follow.
static int broken(int fd) {
    syscall(SYS_shutdown, fd, SHUT_RDWR);
    return failed(ECONNRESET);
}

// A call on a descriptor: `on_file` is the error that it may well have there.
#define ON_DESCRIPTOR(name, fd, on_file)                                      \
    do {                                                                      \
        const enum kind kind = kind_of(fd);                                   \
        if (kind == file && chosen(name)) return failed(on_file);             \
        if (kind == connection && chosen(name " (socket)")) return broken(fd); \
    } while (0)

// ---- files by name

#define MODE_OF(flags)                                       \
    mode_t mode = 0;                                         \
    if (((flags) & O_CREAT) != 0 || ((flags) & O_TMPFILE) == O_TMPFILE) { \
        va_list rest;                                        \
        va_start(rest, flags);                               \
        mode = va_arg(rest, mode_t);                         \
        va_end(rest);                                        \
    }

static int real_open(int directory, const char* path, int flags, mode_t mode) {
    if (chosen("open")) return failed(EMFILE);
    return (int)syscall(SYS_openat, directory, path, flags, mode);
}

int open(const char* path, int flags, ...) {
    MODE_OF(flags)
    return real_open(AT_FDCWD, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    MODE_OF(flags)
    return real_open(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
    MODE_OF(flags)
    return real_open(directory, path, flags, mode);
}
int openat64(int directory, const char* path, int flags, ...) {
    MODE_OF(flags)
    return real_open(directory, path, flags, mode);
}
int __open_2(const char* path, int flags) { return real_open(AT_FDCWD, path, flags, 0); }
int __open64_2(const char* path, int flags) { return real_open(AT_FDCWD, path, flags, 0); }
int __openat_2(int directory, const char* path, int flags) { return real_open(directory, path, flags, 0); }
int __openat64_2(int directory, const char* path, int flags) { return real_open(directory, path, flags, 0); }

int rename(const char* from, const char* to) {
    if (chosen("rename")) return failed(ENOSPC);
    return (int)syscall(SYS_rename, from, to);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) {
    if (chosen("renameat")) return failed(ENOSPC);
    return (int)syscall(SYS_renameat, from_directory, from, to_directory, to);
}
int unlink(const char* path) {
    if (chosen("unlink")) return failed(EIO);
    return (int)syscall(SYS_unlink, path);
}
int unlinkat(int directory, const char* path, int flags) {
    if (chosen("unlinkat")) return failed(EIO);
    return (int)syscall(SYS_unlinkat, directory, path, flags);
}
int mkdir(const char* path, mode_t mode) {
    if (chosen("mkdir")) return failed(ENOSPC);
    return (int)syscall(SYS_mkdir, path, mode);
}
int mkdirat(int directory, const char* path, mode_t mode) {
    if (chosen("mkdirat")) return failed(ENOSPC);
    return (int)syscall(SYS_mkdirat, directory, path, mode);
}
int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) {
    if (chosen("linkat")) return failed(ENOSPC);
    return (int)syscall(SYS_linkat, from_directory, from, to_directory, to, flags);
}

// ---- files and sockets by descriptor

ssize_t read(int fd, void* bytes, size_t size) {
    ON_DESCRIPTOR("read", fd, EIO);
    return syscall(SYS_read, fd, bytes, size);
}
ssize_t __read_chk(int fd, void* bytes, size_t size, size_t room) {
    (void)room;
    return read(fd, bytes, size);
}
ssize_t pread64(int fd, void* bytes, size_t size, off_t offset) {
    ON_DESCRIPTOR("pread", fd, EIO);
    return syscall(SYS_pread64, fd, bytes, size, offset);
}
ssize_t pread(int fd, void* bytes, size_t size, off_t offset) { return pread64(fd, bytes, size, offset); }
ssize_t __pread64_chk(int fd, void* bytes, size_t size, off_t offset, size_t room) {
    (void)room;
    return pread64(fd, bytes, size, offset);
}
ssize_t readv(int fd, const struct iovec* pieces, int count) {
    ON_DESCRIPTOR("readv", fd, EIO);
    return syscall(SYS_readv, fd, pieces, count);
}
ssize_t write(int fd, const void* bytes, size_t size) {
    ON_DESCRIPTOR("write", fd, ENOSPC);
    return syscall(SYS_write, fd, bytes, size);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t offset) {
    ON_DESCRIPTOR("pwrite", fd, ENOSPC);
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) { return pwrite64(fd, bytes, size, offset); }
ssize_t writev(int fd, const struct iovec* pieces, int count) {
    ON_DESCRIPTOR("writev", fd, ENOSPC);
    return syscall(SYS_writev, fd, pieces, count);
}
int fsync(int fd) {
    ON_DESCRIPTOR("fsync", fd, EIO);
    return (int)syscall(SYS_fsync, fd);
}
int fdatasync(int fd) {
    ON_DESCRIPTOR("fdatasync", fd, EIO);
    return (int)syscall(SYS_fdatasync, fd);
}
int ftruncate64(int fd, off_t size) {
    ON_DESCRIPTOR("ftruncate", fd, ENOSPC);
    return (int)syscall(SYS_ftruncate, fd, size);
}
int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

void* mmap64(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
    if (fd >= 0 && kind_of(fd) == file && chosen("mmap")) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    return (void*)syscall(SYS_mmap, address, size, protection, flags, fd, offset);
}
void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
    return mmap64(address, size, protection, flags, fd, offset);
}

static int real_fcntl(int fd, int command, void* argument) {
    if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW) {
        const struct flock* lock = argument;
        // What is given back is given back: that it failed would say that the process has no memory left at all.
        if (lock->l_type != F_UNLCK && kind_of(fd) == file && chosen("fcntl (lock)")) return failed(ENOLCK);
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return real_fcntl(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    return real_fcntl(fd, command, argument);
}

// ---- sockets

int socket(int family, int type, int protocol) {
    if (chosen("socket")) return failed(EMFILE);
    return (int)syscall(SYS_socket, family, type, protocol);
}
int connect(int fd, const struct sockaddr* address, socklen_t size) {
    if (chosen("connect")) return failed(ECONNREFUSED);
    return (int)syscall(SYS_connect, fd, address, size);
}
int accept4(int fd, struct sockaddr* address, socklen_t* size, int flags) {
    if (chosen("accept")) return failed(ECONNABORTED);
    return (int)syscall(SYS_accept4, fd, address, size, flags);
}
int accept(int fd, struct sockaddr* address, socklen_t* size) { return accept4(fd, address, size, 0); }
ssize_t sendto(int fd, const void* bytes, size_t size, int flags, const struct sockaddr* address, socklen_t length) {
    if (chosen("send")) return broken(fd);
    return syscall(SYS_sendto, fd, bytes, size, flags, address, length);
}
ssize_t send(int fd, const void* bytes, size_t size, int flags) { return sendto(fd, bytes, size, flags, NULL, 0); }
ssize_t sendmsg(int fd, const struct msghdr* message, int flags) {
    if (chosen("sendmsg")) return broken(fd);
    return syscall(SYS_sendmsg, fd, message, flags);
}
ssize_t recvfrom(int fd, void* bytes, size_t size, int flags, struct sockaddr* address, socklen_t* length) {
    if (chosen("recv")) return broken(fd);
    return syscall(SYS_recvfrom, fd, bytes, size, flags, address, length);
}
ssize_t recv(int fd, void* bytes, size_t size, int flags) { return recvfrom(fd, bytes, size, flags, NULL, NULL); }
ssize_t __recv_chk(int fd, void* bytes, size_t size, size_t room, int flags) {
    (void)room;
    return recv(fd, bytes, size, flags);
}
ssize_t recvmsg(int fd, struct msghdr* message, int flags) {
    if (chosen("recvmsg")) return broken(fd);
    return syscall(SYS_recvmsg, fd, message, flags);
}
