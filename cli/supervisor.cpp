#include "cli/supervisor.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace windlass::cli {
namespace {

constexpr std::size_t shown_log_lines = 12;
constexpr std::int64_t shown_log_bytes = 8192;
constexpr Milliseconds hurried_patience{1000};

SteadyTime steady_now() {
    return SystemClock().now().steady;
}

std::int64_t size_of_file(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_size : 0;
}

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    return set;
}

}  // namespace

struct Supervisor::Running {
    Service service;
    std::optional<ChildProcess> process;
    bool ready = false;
    bool started_once = false;
    std::int64_t log_from = 0;  // what this process logged begins here
    RestartPolicy restarts;
    std::optional<SteadyTime> start_at;  // due to be started (again)
    std::optional<SteadyTime> kill_at;   // TERM was sent; patience ends
};

Supervisor::Supervisor(std::vector<Service> services, NotifySocket notify, Settings settings, Handlers handlers)
    : notify_(std::move(notify)), settings_(settings), handlers_(std::move(handlers)) {
    for (Service& service : services) {
        services_.push_back(std::make_unique<Running>());
        services_.back()->service = std::move(service);
    }
    const sigset_t set = ending_signals();
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signal_fd_ = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    WINDLASS_CHECK(signal_fd_ >= 0, "signalfd is refused");
}

Supervisor::~Supervisor() {
    close(signal_fd_);
}

Status Supervisor::run() {
    start_deadline_ = steady_now() + settings_.start_patience;
    for (;;) {
        const SteadyTime now = steady_now();
        if (!stopping_) start_due(now);
        if (stopping_) {
            continue_stop(now);
            if (std::none_of(services_.begin(), services_.end(), [](const auto& s) { return s->process.has_value(); }))
                break;
        }
        wait_for_events(now);
        take_notifications();
        check_all_ready();  // before the deaths: who dies in the same turn was ready all the same
        take_signals();
        take_deaths(steady_now());
    }
    if (failure_) return *failure_;
    return {};
}

void Supervisor::start_due(SteadyTime now) {
    if (!was_ready_ && now >= start_deadline_) {
        std::string waiting;
        for (const auto& s : services_)
            if (!s->ready) waiting += (waiting.empty() ? "" : ", ") + s->service.program.name;
        begin_stop(make_error(
            ErrorKind::unavailable,
            fmt::format("not ready after {} s: {}. Its log is in {}", settings_.start_patience.count() / 1000, waiting,
                        services_.front()->service.program.log_path.substr(
                            0, services_.front()->service.program.log_path.rfind('/')))));
        return;
    }
    std::size_t ready_from_head = 0;
    while (ready_from_head < services_.size() && services_[ready_from_head]->ready) ++ready_from_head;
    for (const auto& s : services_) {
        const bool first_time = !s->started_once && ready_from_head >= s->service.needs_first;
        const bool again = s->start_at && *s->start_at <= now;
        if (first_time || again) {
            s->start_at.reset();
            if (Status status = start(*s); !status) return begin_stop(std::move(status).error());
        }
    }
}

Status Supervisor::start(Running& s) {
    s.service.program.environment["NOTIFY_SOCKET"] = notify_.path();
    s.ready = false;
    s.started_once = true;
    s.log_from = size_of_file(s.service.program.log_path);
    WINDLASS_TRY(s.process, ChildProcess::start(s.service.program));
    report_processes();
    return {};
}

void Supervisor::wait_for_events(SteadyTime now) {
    std::vector<pollfd> fds = {{notify_.fd(), POLLIN, 0}, {signal_fd_, POLLIN, 0}};
    for (const auto& s : services_)
        if (s->process) fds.push_back({s->process->pidfd(), POLLIN, 0});
    poll(fds.data(), fds.size(), poll_timeout_ms(now));
}

int Supervisor::poll_timeout_ms(SteadyTime now) const {
    std::optional<SteadyTime> next;
    const auto sooner = [&](std::optional<SteadyTime> t) {
        if (t && (!next || *t < *next)) next = t;
    };
    if (!was_ready_ && !stopping_) sooner(start_deadline_);
    for (const auto& s : services_) {
        sooner(s->start_at);
        sooner(s->kill_at);
    }
    if (!next) return -1;
    // Rounded up: a millisecond too early would only spin.
    const auto left = std::chrono::ceil<Milliseconds>(*next - now).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

void Supervisor::take_notifications() {
    while (const auto note = notify_.receive()) {
        for (const auto& s : services_) {
            if (!s->process || s->process->pid() != note->sender || !note->ready || s->ready) continue;
            s->ready = true;
            handlers_.on_ready(s->service, note->url);
            if (was_ready_) handlers_.tell(fmt::format("{} is back", s->service.program.name));
        }
    }
}

void Supervisor::take_signals() {
    signalfd_siginfo info{};
    while (read(signal_fd_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        if (stopping_) {
            hurry_ = true;
            for (const auto& s : services_) {
                if (!s->process || !s->kill_at) continue;
                s->process->signal(SIGTERM);  // a second TERM: do not wait for running jobs
                s->kill_at = std::min(*s->kill_at, steady_now() + hurried_patience);
            }
        }
        begin_stop(std::nullopt);
    }
}

void Supervisor::take_deaths(SteadyTime now) {
    for (const auto& s : services_) {
        if (!s->process) continue;
        const auto status = s->process->ended();
        if (!status) continue;
        s->process.reset();
        s->ready = false;
        s->kill_at.reset();
        report_processes();
        died(*s, *status, now);
    }
}

void Supervisor::died(Running& s, int wait_status, SteadyTime now) {
    if (stopping_) return;
    const std::string& name = s.service.program.name;
    const std::string& log = s.service.program.log_path;
    if (!was_ready_) {
        begin_stop(make_error(ErrorKind::internal, fmt::format("{} {} before it was ready. Its last words ({}):\n{}",
                                                               name, describe_wait_status(wait_status), log,
                                                               last_lines(log, s.log_from, shown_log_lines))));
        return;
    }
    const auto pause = s.restarts.after_death(now);
    if (!pause) {
        begin_stop(make_error(
            ErrorKind::internal,
            fmt::format("{} died more than 10 times in a minute, so it is not started again. Its last words ({}):\n{}",
                        name, log, last_lines(log, s.log_from, shown_log_lines))));
        return;
    }
    s.start_at = now + *pause;
    handlers_.tell(fmt::format("{} {}; starting it again in {} ms (its log: {})", name,
                               describe_wait_status(wait_status), pause->count(), log));
}

void Supervisor::check_all_ready() {
    if (was_ready_ || stopping_) return;
    if (!std::all_of(services_.begin(), services_.end(), [](const auto& s) { return s->ready; })) return;
    was_ready_ = true;
    if (Status status = handlers_.on_all_ready(); !status) begin_stop(std::move(status).error());
}

void Supervisor::begin_stop(std::optional<Error> reason) {
    if (!stopping_ && reason) failure_ = std::move(reason);
    stopping_ = true;
    for (const auto& s : services_) s->start_at.reset();
}

// The last one that runs is told to end; the one before it when it has gone.
void Supervisor::continue_stop(SteadyTime now) {
    for (auto s = services_.rbegin(); s != services_.rend(); ++s) {
        Running& one = **s;
        if (!one.process) continue;
        if (!one.kill_at) {
            one.process->signal(SIGTERM);
            one.kill_at =
                now + (hurry_ ? std::min(hurried_patience, one.service.stop_patience) : one.service.stop_patience);
        } else if (now >= *one.kill_at) {
            handlers_.tell(fmt::format("{} did not end in time and is killed", one.service.program.name));
            one.process->signal(SIGKILL);
            one.kill_at = now + Seconds{1};
        }
        return;
    }
}

void Supervisor::report_processes() {
    std::vector<pid_t> pids;
    for (const auto& s : services_)
        if (s->process) pids.push_back(s->process->pid());
    handlers_.on_processes(pids);
}

std::string last_lines(const std::string& path, std::int64_t from, std::size_t lines) {
    std::ifstream in(path, std::ios::binary);
    const std::int64_t size = size_of_file(path);
    in.seekg(std::max(from, size - shown_log_bytes));
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back("    " + line);
    if (all.empty()) return "    (it said nothing)";
    const std::size_t first = all.size() > lines ? all.size() - lines : 0;
    return fmt::format("{}", fmt::join(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(), "\n"));
}

}  // namespace windlass::cli
