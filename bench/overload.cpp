// overload: submits at 50 to 500 % of what the site can do, sent whether or not the ones before were answered. Asked:
// does who is accepted wait no longer than else, is everybody else told at once, and how much useful work is left?
//
//   jobs     /bin/true through the whole chain; the account's quota of queued jobs bounds the queue, as a site's would
//   submits  of jobs that wait for ever, without a quota: only the daemons themselves can say that it is too much
//
// The generator runs on the same cores: what it takes is missing to the site, more so at higher rates.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>

#include "bench/open_loop.h"
#include "bench/process_tree.h"
#include "bench/site.h"

namespace windlass::bench {
namespace {

// Of all jobs so far: how many have ended.
double ended(const Site& site, cli::HttpClient& client) {
    const std::string text = site.ask(client, "GET", "/metrics");
    double sum = 0;
    for (std::size_t at = 0; (at = text.find("\nwindlass_jobs_ended_total", at)) != std::string::npos;) {
        const std::size_t end = text.find('\n', ++at);
        sum += std::atof(text.c_str() + text.rfind(' ', end) + 1);
    }
    return sum;
}

void wait_until_idle(const Site& site, cli::HttpClient& client) {
    const double end = seconds_now() + 120;
    while (site.ask(client, "GET", "/api/quotas/me/").find("\"queued\":0,\"running\":0") == std::string::npos) {
        if (seconds_now() > end) give_up("the jobs of the run before do not end");
        poll(nullptr, 0, 20);
    }
}

std::string submit_of(const Site& site, const std::string& more) {
    const std::string body = R"({"code":"","data":"","running_commands":"/bin/true")" + more + "}";
    return fmt::format(
        "POST /api/jobs/submit/ HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\nContent-Type: "
        "application/json\r\n"
        "Content-Length: {}\r\n\r\n{}",
        site.token(), body.size(), body);
}

std::string said_of(const std::vector<double>& times) {
    if (times.empty()) return fmt::format("{:>18}", "-");
    return fmt::format("{:>8.1f} {:>9.1f}", quantile(times, 0.5), quantile(times, 0.99));
}

// What is useful: jobs that ended, or submits that were accepted.
class Workload {
  public:
    Workload(const Options& options, bool whole_chain)
        : options_(options),
          whole_chain_(whole_chain),
          site_(options),
          client_(site_.client()),
          api_(find_in_tree(site_.pid(), "windlass-api")),
          scheduler_(find_in_tree(site_.pid(), "windlass-scheduler")),
          worker_(find_in_tree(site_.pid(), "windlass-worker")) {
        load_.url = site_.url();
        load_.request = submit_of(site_, whole_chain ? "" : R"(,"limits":{"cpus":64})");
        load_.seconds = options.seconds;
        if (whole_chain) site_.ask(client_, "PUT", "/api/quotas/user:admin/", R"({"queued":500})");
    }

    void run() {
        // What it can do shows when there is somewhat more to do than that.
        load_.connections = 64;
        load_.per_second = 100'000;
        load_.per_second = 1.5 * stage().goodput;
        load_.connections = 4000;
        const double capacity = stage().goodput;
        fmt::print("overload, {}: {} s each; capacity {:.0f} {}/s\n", whole_chain_ ? "jobs" : "submits",
                   options_.seconds, capacity, whole_chain_ ? "jobs" : "submits");
        fmt::print("{:>8} {:>10} {:>10} {:>10} {:>10} {:>18} {:>18} {:>9} {:>9} {:>22}\n", "offered", "submits/s",
                   "accepted/s", "goodput/s", "refused/s", "accepted p50, p99", "refused p50, p99", "unsent",
                   "no answer", "MiB api, sched, worker");
        double best = 0, last = 0;
        long without = 0, unanswered = 0;
        for (const int percent : options_.percents) {
            load_.per_second = capacity * percent / 100;
            for (const pid_t pid : {api_, scheduler_, worker_}) forget_peak(pid);
            const auto [result, goodput] = stage();
            best = std::max(best, goodput);
            last = goodput;
            without += result.without_retry_after;
            const long none = result.answers.contains(0) ? result.answers.at(0) : 0;
            unanswered += none;
            fmt::print("{:>7}% {:>10.0f} {:>10.0f} {:>10.0f} {:>10.0f} {} {} {:>9} {:>9} {:>8.0f} {:>6.0f} {:>6.0f}\n",
                       percent, load_.per_second, static_cast<double>(result.accepted_ms.size()) / result.seconds,
                       goodput, static_cast<double>(result.refused_ms.size()) / result.seconds,
                       said_of(result.accepted_ms), said_of(result.refused_ms), result.unsent, none,
                       memory_of(api_).peak_mib, memory_of(scheduler_).peak_mib, memory_of(worker_).peak_mib);
            for (const auto& [status, count] : result.answers)
                if (status != 200 && status != 429 && status != 503 && status != 0)
                    fmt::print("         {} times {}\n", count, status);
            std::fflush(stdout);
        }
        fmt::print("refusals without Retry-After {}, requests without an answer {}\n", without, unanswered);
        fmt::print("goodput of the last / best {:.2f}   (aim: at least 0.90: {})\n\n", last / best,
                   last >= 0.9 * best ? "met" : "not met");
    }

  private:
    struct Stage {
        OpenLoadResult result;
        double goodput = 0;
    };
    Stage stage() {
        if (whole_chain_) wait_until_idle(site_, client_);
        const double before = ended(site_, client_), begin = seconds_now();
        Stage stage{run_open_loop(load_), 0};
        const double useful =
            whole_chain_ ? ended(site_, client_) - before : static_cast<double>(stage.result.accepted_ms.size());
        stage.goodput = useful / (seconds_now() - begin);
        return stage;
    }

    const Options& options_;
    bool whole_chain_;
    Site site_;
    cli::HttpClient client_;
    pid_t api_, scheduler_, worker_;
    OpenLoad load_;
};

}  // namespace

int overload(const Options& options) {
    if (options.workload != "submits") Workload(options, true).run();
    if (options.workload != "jobs") Workload(options, false).run();
    return 0;
}

}  // namespace windlass::bench
