// bin/windlass-spawner: makes the prepared root once, then starts boxes on demand, counts their time and ends them.
// Static, single-threaded, no C++ library, never blocks but in ppoll: forking it is cheap, and it cannot be held up.
// It is started with the worker's socket as descriptor 3 and ends when that closes, or, if it keeps its boxes for the
// next worker (keeping.h), when none came in time; everything below it ends with it.
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "worker/sandbox/apply.h"
#include "worker/sandbox/guard.h"
#include "worker/sandbox/keeping.h"
#include "worker/sandbox/message.h"
#include "worker/sandbox/pid_one.h"
#include "worker/sandbox/wire.h"

using namespace windlass::worker;

namespace {

constexpr int socket_fd = 3;
constexpr std::int64_t never = INT64_MAX;
constexpr std::int64_t last_chance_ms = 200;  // between the order to PID 1 to end the box and its own SIGKILL

struct Slot {
    std::uint64_t box = 0;
    pid_t pid = 0;                 // of PID 1; 0: the slot is free
    std::int64_t hard_at = never;  // milliseconds, CLOCK_MONOTONIC
    std::int64_t force_at = never;
    std::int64_t killed_at = never;  // by our order
    std::int64_t stuck_after_ms = 0;
    bool stuck_told = false;
    int cgroup_files[max_cgroup_files];
    int cgroup_file_count = 0;
    bool report_waiting = false;  // the box has ended, the socket was full
    Report report;
};

Slot slots[max_slots];
int used_slots = 0;  // those from here on were never used: not even looked at, so that a fork has fewer pages to copy
std::uint64_t last_box = 0;
Note* notes = nullptr;
Context prepared;  // what every box starts from
alignas(16) char inbox[sizeof(Command) + max_inline_blob];
struct Descriptors {
    int fd[max_descriptors];
    int count = 0;
} received;

std::int64_t monotonic_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// The length of the message in inbox, its descriptors in `received`. 0: the worker is gone. -1: nothing there.
ssize_t receive(int flags) {
    iovec part{inbox, sizeof inbox};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof received.fd)];
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = recvmsg(socket_fd, &message, flags | MSG_CMSG_CLOEXEC);
    received.count = 0;
    if (size < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        received.count = static_cast<int>((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(received.fd, CMSG_DATA(header), static_cast<std::size_t>(received.count) * sizeof(int));
    }
    return size;
}

void close_received(int from = 0) {
    for (int i = from; i < received.count; i++) close(received.fd[i]);
    received.count = 0;
}

// The blob of the command in inbox, from behind it or from its memfd (the last descriptor). Mapped privately: filling
// in the pointers of execve changes only our copy.
Blob find_blob(const Command& command, void** mapped) {
    *mapped = nullptr;
    if (!command.blob_in_memfd) return open_blob(inbox + sizeof(Command), command.blob_bytes);
    if (received.count == 0) return {};
    void* bytes =
        mmap(nullptr, command.blob_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, received.fd[received.count - 1], 0);
    if (bytes == MAP_FAILED) return {};
    *mapped = bytes;
    return open_blob(bytes, command.blob_bytes);
}

// ---------------------------------------------------------------- boxes

void send_end(Slot& slot) {
    slot.report_waiting = send_message(socket_fd, slot.report, -1, MSG_DONTWAIT) != 0 && errno == EAGAIN;
}

void report_end(Slot& slot, int index, int error) {
    const Note& note = notes[index];
    Report& report = slot.report;
    report = {};
    report.kind = Report::ended;
    report.slot = static_cast<std::uint32_t>(index);
    report.box = slot.box;
    report.failed_step = error != 0 ? no_process : note.failed_step;
    report.error = error != 0 ? error : note.error;
    report.reported = note.reported;
    report.status = note.status;
    report.first_choice = note.first_choice;
    report.started_us = note.started_us;
    report.ended_us = note.ended_us;
    report.user_us = note.user_us;
    report.system_us = note.system_us;
    report.largest_process_kib = note.largest_process_kib;
    report.blocks_read = note.blocks_read;
    report.blocks_written = note.blocks_written;
    slot.pid = 0;
    slot.hard_at = slot.force_at = slot.killed_at = never;
    note_end(index, report);
    send_end(slot);
}

void keep_cgroup_files(Slot& slot, const Command& command, int first) {
    if (command.cgroup_files == 0) return;
    for (int i = 0; i < slot.cgroup_file_count; i++) close(slot.cgroup_files[i]);
    slot.cgroup_file_count = static_cast<int>(command.cgroup_files);
    for (int i = 0; i < slot.cgroup_file_count; i++) slot.cgroup_files[i] = received.fd[first + i];
}

// cgroup -1: the child enters its cgroups itself (v1). Otherwise it is born in this one (v2): moving there would make
// the kernel wait for milliseconds.
pid_t fork_into_namespaces(unsigned long namespaces, int cgroup) {
    if (cgroup < 0) {  // not clone3, which the filter then refuses to everybody
        return static_cast<pid_t>(syscall(SYS_clone, namespaces | SIGCHLD, nullptr, nullptr, nullptr, 0));
    }
    clone_args arguments{};
    arguments.flags = namespaces | CLONE_INTO_CGROUP;
    arguments.exit_signal = SIGCHLD;
    arguments.cgroup = static_cast<std::uint64_t>(cgroup);
    return static_cast<pid_t>(syscall(SYS_clone3, &arguments, sizeof arguments));
}

void start(const Command& command) {
    const int index = static_cast<int>(command.slot);
    const int passing = command.own_network != 0 ? 3 : 2;  // for this box only
    const int first_kept = passing + static_cast<int>(command.cgroup_files);
    if (index >= max_slots || command.own_network > 1 || command.cgroup_files > max_cgroup_files ||
        command.kept >= max_kept || received.count < first_kept + static_cast<int>(command.kept)) {
        _exit(70);  // cannot be: worker and spawner are built together
    }
    if (index >= used_slots) used_slots = index + 1;
    Slot& slot = slots[index];
    keep_cgroup_files(slot, command, passing);
    slot.box = last_box = command.box;
    if (command.kept != 0) keep_box(index, command.box, received.fd + first_kept, static_cast<int>(command.kept));
    slot.stuck_after_ms = command.stuck_after_ms;
    slot.stuck_told = false;
    notes[index] = {};
    notes[index].failed_step = -1;
    void* mapped = nullptr;
    const Blob blob = find_blob(command, &mapped);
    pid_t pid = -1;
    int error = EINVAL;
    if (blob.header != nullptr) {
        pid = fork_into_namespaces(blob.header->namespaces, command.born_in_cgroup != 0 ? slot.cgroup_files[0] : -1);
        error = errno;
    }
    if (pid == 0) {
        Context context = prepared;
        context.slot = index;
        context.stdout_fd = received.fd[0];
        context.stderr_fd = received.fd[1];
        if (command.own_network != 0) context.own_network_fd = received.fd[2];
        memcpy(context.cgroup_files, slot.cgroup_files, sizeof context.cgroup_files);
        run_pid_one(blob, context, {socket_fd, starts_channel()}, command.box, notes[index]);
    }
    if (mapped != nullptr) munmap(mapped, command.blob_bytes);
    for (int i = 0; i < passing; i++) close(received.fd[i]);
    close_received(first_kept + static_cast<int>(command.kept));
    if (pid > 0) {
        slot.pid = pid;
    } else {
        report_end(slot, index, error);
    }
}

void stop(const Command& command) {
    Slot& slot = slots[command.slot % max_slots];
    if (slot.pid == 0 || slot.box != command.box) return;
    if (command.grace_ms > 0 && slot.hard_at == never) kill(slot.pid, stop_softly);
    const std::int64_t hard_at = monotonic_ms() + command.grace_ms;
    if (hard_at < slot.hard_at) slot.hard_at = hard_at;
}

void reap() {
    int status = 0;
    pid_t pid = 0;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < used_slots; i++) {
            if (slots[i].pid == pid) report_end(slots[i], i, 0);
        }
    }
}

// A box that was killed, by us or because its main process ended, and that still exists: the kernel cannot end one of
// its processes. Told once; its end is told as ever when it comes. When to look again.
std::int64_t watch_ending(Slot& slot, int index, std::int64_t now) {
    if (slot.stuck_told) return never;
    std::int64_t since = slot.killed_at;
    const std::int64_t ending_us = notes[index].ending_us;
    if (ending_us != 0 && ending_us / 1000 < since) since = ending_us / 1000;
    // PID 1 cannot wake us: look now and then.
    if (since == never) return now + slot.stuck_after_ms;
    if (now < since + slot.stuck_after_ms) return since + slot.stuck_after_ms;
    Report report;
    report.kind = Report::stuck;
    report.slot = static_cast<std::uint32_t>(index);
    report.box = slot.box;
    slot.stuck_told = send_message(socket_fd, report, -1, MSG_DONTWAIT) == 0;
    if (slot.stuck_told) note_stuck(index);
    return slot.stuck_told ? never : now + last_chance_ms;
}

// Does what is due; milliseconds until the next thing is, -1: nothing planned.
int keep_time() {
    std::int64_t next = never;
    const std::int64_t now = monotonic_ms();
    for (int i = 0; i < used_slots; i++) {
        Slot& slot = slots[i];
        if (slot.pid == 0) continue;
        if (slot.hard_at != never && slot.force_at == never && now >= slot.hard_at) {
            kill(slot.pid, stop_hard);
            slot.killed_at = now;
            slot.force_at = now + last_chance_ms;
        }
        if (now >= slot.force_at) {
            kill(slot.pid, SIGKILL);  // the kernel ends the rest of the namespace
            slot.force_at = now + last_chance_ms;
        }
        const std::int64_t due = slot.force_at != never ? slot.force_at : slot.hard_at;
        if (due < next) next = due;
        const std::int64_t look_at = watch_ending(slot, i, now);
        if (look_at < next) next = look_at;
    }
    return next == never ? -1 : static_cast<int>(next > now ? next - now : 0);
}

void serve_command(ssize_t size) {
    Command command;
    if (size < static_cast<ssize_t>(sizeof command)) _exit(70);
    memcpy(&command, inbox, sizeof command);
    if (command.kind == Command::start) {
        start(command);
    } else if (command.kind == Command::stop) {
        stop(command);
    } else if (command.kind == Command::forget) {
        forget_box(static_cast<int>(command.slot % max_slots), command.box);
    } else if (command.kind == Command::end) {
        _exit(0);
    }
}

// ---------------------------------------------------------------- without a worker

bool boxes_run() {
    for (int i = 0; i < used_slots; i++) {
        if (slots[i].pid != 0) return true;
    }
    return false;
}

void let_next_worker_in() {
    std::int32_t pids[max_slots];
    for (int i = 0; i < used_slots; i++) pids[i] = slots[i].pid;
    let_in(pids, used_slots, last_box);
}

// The second descriptor that is waited for, and for how long at most. The end of everything comes from here, too, when
// the leases of what runs have ended and nobody came to renew them: others run it then. The clock is one that goes on
// while the machine sleeps.
int wait_for_worker(int& wait_ms) {
    if (!is_keeping()) return -1;
    if (lifeline() >= 0) return lifeline();
    const std::int64_t left_ms = patience_ms();
    if (left_ms == 0) _exit(0);
    if (wait_ms < 0 || left_ms < wait_ms) wait_ms = static_cast<int>(left_ms < 1000 ? left_ms : 1000);
    return door();
}

[[noreturn]] void serve(const sigset_t& while_waiting) {
    for (;;) {
        note_starts();
        reap();
        bool report_waiting = false;
        for (int i = 0; i < used_slots; i++) {
            if (slots[i].report_waiting) send_end(slots[i]);
            report_waiting |= slots[i].report_waiting;
        }
        int wait_ms = keep_time();
        const int worker = wait_for_worker(wait_ms);
        // With nobody at the other end a full socket stays full: it is looked at again when there is somebody.
        const bool write = report_waiting && (!is_keeping() || lifeline() >= 0);
        timespec timeout{wait_ms / 1000, (wait_ms % 1000) * 1'000'000L};
        pollfd fds[] = {{socket_fd, static_cast<short>(POLLIN | (write ? POLLOUT : 0)), 0}, {worker, POLLIN, 0}};
        pollfd& ready = fds[0];
        if (ppoll(fds, 2, wait_ms < 0 ? nullptr : &timeout, &while_waiting) <= 0) continue;
        if (fds[1].revents != 0 && ready.revents == 0) {  // what the dead one has said is done first
            if (lifeline() < 0) {
                let_next_worker_in();
            } else if (!orphaned(boxes_run())) {
                _exit(0);
            }
            continue;
        }
        if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
        const ssize_t size = receive(MSG_DONTWAIT);
        if (size == 0) _exit(0);  // the worker is gone; so is everything below, with us
        if (size > 0) serve_command(size);
    }
}

// ---------------------------------------------------------------- set-up

void set_up() {
    if (receive(0) < static_cast<ssize_t>(sizeof(Command))) _exit(1);
    Command command;
    memcpy(&command, inbox, sizeof command);
    void* mapped = nullptr;
    const Blob blob = find_blob(command, &mapped);
    if (blob.header == nullptr) _exit(1);
    int first_to_close = 0;
    if (command.kept != 0) {
        if (command.kept != KeptForAll::count || received.count < KeptForAll::count || begin_keeping(received.fd) != 0)
            _exit(1);
        first_to_close = KeptForAll::count;
        outlive_the_worker();
    }
    close_received(first_to_close);
    const Failure failure = apply(blob, 0, blob.header->first_steps, prepared);
    Report report;
    report.kind = failure.step < 0 ? Report::ready : Report::set_up_failed;
    report.failed_step = failure.step;
    report.error = failure.error;
    send_message(socket_fd, report, -1);
    if (failure.step >= 0) _exit(1);
    if (mapped != nullptr) munmap(mapped, command.blob_bytes);
}

void wake_up(int) {}

void allow_many_descriptors() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;  // a network and some cgroup files per slot
    setrlimit(RLIMIT_NOFILE, &limit);
}

void reset_signals() {
    for (int signal = 1; signal < 65; signal++) {
        if (signal != SIGKILL && signal != SIGSTOP) std::signal(signal, SIG_DFL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
}

}  // namespace

int main() {
    umask(022);  // what the root is built with; a strict one of the worker's unit would lock the jobs out
    setsid();    // Ctrl-C in the worker's terminal is the worker's business
    reset_signals();
    allow_many_descriptors();
    syscall(SYS_close_range, 4U, ~0U, 0U);
    prctl(PR_SET_NAME, "windlass-spawn", 0, 0, 0);
    set_up();
    void* shared = mmap(nullptr, sizeof(Note) * max_slots, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) _exit(1);
    notes = static_cast<Note*>(shared);

    // A box inherits these three as blocked: PID 1 takes them when it asks for them, none is ever lost.
    sigset_t blocked;
    sigset_t while_waiting;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGCHLD);
    sigaddset(&blocked, stop_softly);
    sigaddset(&blocked, stop_hard);
    sigprocmask(SIG_BLOCK, &blocked, &while_waiting);
    struct sigaction action {};
    action.sa_handler = wake_up;
    sigaction(SIGCHLD, &action, nullptr);
    serve(while_waiting);
}
