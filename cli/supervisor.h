// Runs a few daemons for one person: starts them in order, waits until each says that it is ready, starts those again
// that die, and stops them in reverse order. One thread, one poll loop; nothing moves while nothing happens.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "cli/notify_socket.h"
#include "cli/restart_policy.h"
#include "shared/result.h"
#include "shared/time.h"

namespace windlass::cli {

struct Service {
    ProgramSpec program;               // NOTIFY_SOCKET is added to its environment
    std::size_t needs_first = 0;       // started for the first time when so many at the head of the list are ready
    Milliseconds stop_patience{5000};  // from TERM to KILL
};

class Supervisor {
  public:
    struct Settings {
        Milliseconds start_patience{60'000};  // all must be ready by then
    };
    struct Handlers {
        // A service is ready (again) and said where it listens (empty: nothing said). May change what the service is
        // started with next time, e.g. to keep a port that was picked.
        std::function<void(Service&, const std::string& url)> on_ready;
        // All are ready for the first time. An error ends everything.
        std::function<Status()> on_all_ready;
        // A process was started or has gone; the pids of those that run.
        std::function<void(const std::vector<pid_t>&)> on_processes;
        // One line for the person.
        std::function<void(const std::string&)> tell;
    };

    Supervisor(std::vector<Service> services, NotifySocket notify, Settings settings, Handlers handlers);
    ~Supervisor();  // kills what is left

    // Returns when everything has been stopped: ok after SIGTERM, SIGINT or SIGHUP (blocked and read by signalfd from
    // the constructor on), otherwise the reason, with the last lines that the daemon at fault has logged.
    Status run();
    // Makes run() stop everything and return, as a signal would. From a handler.
    void stop() { begin_stop(std::nullopt); }

  private:
    struct Running;

    void start_due(SteadyTime now);
    Status start(Running& service);
    void take_notifications();
    void take_signals();
    void take_deaths(SteadyTime now);
    void died(Running& service, int wait_status, SteadyTime now);
    void begin_stop(std::optional<Error> reason);
    void continue_stop(SteadyTime now);
    void check_all_ready();
    int poll_timeout_ms(SteadyTime now) const;
    void wait_for_events(SteadyTime now);
    void report_processes();

    std::vector<std::unique_ptr<Running>> services_;
    NotifySocket notify_;
    Settings settings_;
    Handlers handlers_;
    int signal_fd_ = -1;
    SteadyTime start_deadline_{};
    bool was_ready_ = false;
    bool stopping_ = false;
    bool hurry_ = false;  // a second signal came while stopping
    std::optional<Error> failure_;
};

// What was logged to `path` from byte `from` on: at most the last `lines` lines.
std::string last_lines(const std::string& path, std::int64_t from, std::size_t lines);

}  // namespace windlass::cli
