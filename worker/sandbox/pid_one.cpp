#include "worker/sandbox/pid_one.h"

#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "worker/sandbox/message.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {
namespace {

std::int64_t monotonic_us() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

std::int64_t microseconds(const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

// kill(-1) means "everything this namespace holds" to PID 1 only; to anybody else who is root it means the whole
// machine.
void signal_everything(int signal) {
    if (getpid() == 1) kill(-1, signal);
}

// Until the main process has ended, or the spawner orders the end. The status of the main process, or -1.
int supervise(pid_t job) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, stop_softly);
    sigaddset(&signals, stop_hard);
    for (;;) {
        int status = 0;
        pid_t ended = 0;
        while ((ended = wait4(-1, &status, WNOHANG, nullptr)) > 0) {
            if (ended == job) return status;
        }
        siginfo_t info;
        const int signal = sigwaitinfo(&signals, &info);
        // Sender 0: from outside the box. SI_USER: by kill(), which nobody can forge; a queued signal says what it
        // likes.
        if (signal <= 0 || signal == SIGCHLD || info.si_pid != 0 || info.si_code != SI_USER) continue;
        if (signal == stop_hard) return -1;
        signal_everything(SIGTERM);
    }
}

// Kills and reaps all that is left. Only what is reaped here is counted: the processor time of processes that die with
// their namespace is in nobody's rusage.
int end_everything(pid_t job, int job_status) {
    for (;;) {
        int status = 0;
        pid_t ended = wait4(-1, &status, WNOHANG, nullptr);
        // No child means nobody at all: who loses its parent in here becomes ours. Most jobs leave nobody, and kill(-1)
        // walks through every process of the machine.
        if (ended < 0 && errno == ECHILD) return job_status;
        if (ended == 0) {
            signal_everything(SIGKILL);
            ended = wait4(-1, &status, 0, nullptr);
        }
        if (ended == job) job_status = status;
    }
}

void write_note(Note& note, int status) {
    rusage used{};
    getrusage(RUSAGE_CHILDREN, &used);
    note.status = status;
    note.ended_us = monotonic_us();
    note.user_us = microseconds(used.ru_utime);
    note.system_us = microseconds(used.ru_stime);
    note.largest_process_kib = used.ru_maxrss;
    note.blocks_read = used.ru_inblock;
    note.blocks_written = used.ru_oublock;
    note.reported = 1;
}

void say_that_exec_failed(const char* program, int error) {
    const char* reason = strerrordesc_np(error);
    if (reason == nullptr) reason = "unknown error";
    const char* parts[] = {"windlass: cannot execute ", program, ": ", reason, "\n"};
    for (const char* part : parts) {
        if (write(STDERR_FILENO, part, strlen(part)) < 0) return;
    }
}

// The child of a vfork: shares our memory until it executes the program or gives up.
[[noreturn]] void become_job(const Blob& blob, Context& context, Note& note) {
    const std::uint32_t first = blob.header->first_steps;
    const Failure failure = apply(blob, first, blob.header->second_steps, context);
    note.error = failure.error;
    const Step& step = blob.steps[failure.step];
    if (step.kind != StepKind::execute) {
        note.failed_step = failure.step;
        _exit(1);
    }
    say_that_exec_failed(blob.arena + step.subject, failure.error);
    _exit(failure.error == ENOENT || failure.error == ENOTDIR ? 127 : 126);  // as a shell would
}

}  // namespace

void run_pid_one(const Blob& blob, Context& context, ToldAt told_at, std::uint64_t box, Note& note) {
    if (getpid() != 1) _exit(1);
    const Failure failure = apply(blob, 0, blob.header->first_steps, context);
    if (failure.step >= 0) {
        note.failed_step = failure.step;
        note.error = failure.error;
        _exit(1);
    }
    note.started_us = monotonic_us();
    const pid_t job = vfork();
    if (job == 0) become_job(blob, context, note);
    if (job < 0) {
        note.failed_step = static_cast<std::int32_t>(blob.header->first_steps);
        note.error = errno;
    } else if (!context.executing && note.failed_step < 0) {
        note.failed_step = context.current_step;
        note.error = ECANCELED;  // killed on the way, most likely for lack of memory
    }
    note.first_choice = context.executed_first_choice ? 1 : 0;
    keep_capabilities(1U << CAP_KILL);
    if (note.failed_step >= 0) _exit(1);
    Report report;
    report.kind = Report::started;
    report.slot = static_cast<std::uint32_t>(context.slot);
    report.box = box;
    report.started_us = note.started_us;
    if (told_at.spawner >= 0 && send_message(told_at.spawner, report, context.work_directory_fd) != 0) _exit(1);
    if (send_message(told_at.worker, report, context.work_directory_fd) != 0) _exit(1);  // the worker is gone
    syscall(SYS_close_range, 0U, ~0U, 0U);  // pipes, so that their readers see the end; and nothing is left to steal
    const int status = supervise(job);
    note.ending_us = monotonic_us();
    write_note(note, end_everything(job, status));
    _exit(0);
}

}  // namespace windlass::worker
