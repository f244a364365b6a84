#include "cli/interrupt.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

namespace windlass::cli {
namespace {

constexpr int exit_interrupted = 130;  // 128 + SIGINT, as shells have it

sigset_t watched_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR2);  // our own: the end
    return set;
}

// From the terminal, whatever standard input is; empty when there is none.
std::string read_answer() {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> terminal(std::fopen("/dev/tty", "re"), &std::fclose);
    char line[64] = "";
    if (!terminal || std::fgets(line, sizeof line, terminal.get()) == nullptr) return {};
    return line;
}

}  // namespace

InterruptAnswer understand_interrupt(const std::string& line) {
    const auto first = line.find_first_not_of(" \t");
    if (first == std::string::npos) return InterruptAnswer::go_on;
    if (line[first] == 'c' || line[first] == 'C') return InterruptAnswer::cancel;
    if (line[first] == 'd' || line[first] == 'D') return InterruptAnswer::detach;
    return InterruptAnswer::go_on;
}

Interrupt::Interrupt(std::string job, std::function<void()> cancel) : job_(std::move(job)), cancel_(std::move(cancel)) {
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    thread_ = std::thread([this] { watch(); });
}

Interrupt::~Interrupt() {
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
    const sigset_t set = watched_signals();
    pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupt::watch() {
    const sigset_t set = watched_signals();
    for (int signal = 0; sigwait(&set, &signal) == 0 && signal != SIGUSR2;) interrupted();
}

void Interrupt::interrupted() {
    // The second one: whoever presses it again does not want to wait for anything.
    if (asked_to_cancel_) _Exit(exit_interrupted);
    InterruptAnswer answer = InterruptAnswer::cancel;
    if (isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0) {
        fmt::print(stderr,
                   "\nwindlass: job {} goes on. [c]ancel it, [d]etach from it, or Enter to go on following: ", job_);
        std::fflush(stderr);
        answer = understand_interrupt(read_answer());
    }
    switch (answer) {
        case InterruptAnswer::go_on:
            return;
        case InterruptAnswer::detach:
            fmt::print(stderr, "windlass: job {} runs on; windlass job log -f {}\n", job_, job_);
            std::fflush(nullptr);
            _Exit(exit_interrupted);
        case InterruptAnswer::cancel:
            asked_to_cancel_ = true;
            fmt::print(stderr, "windlass: cancelling job {}; once more to leave at once\n", job_);
            cancel_();
            return;
    }
}

}  // namespace windlass::cli
