// overload: submits at 50 to 500 % of what the site can do, sent whether or not the ones before were answered. A job is
// /bin/true through the whole chain; the account's quota of queued jobs bounds the queue, as a site's would. Asked:
// does who is accepted still wait no longer, is everybody else told so at once, and how much useful work is left? The
// generator runs on the same cores: what it takes is missing to the site, more so at higher rates.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>

#include "bench/open_loop.h"
#include "bench/process_tree.h"
#include "bench/site.h"

namespace windlass::bench {
namespace {

struct Daemons {
    pid_t api = 0, scheduler = 0, worker = 0;
};

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

std::string submit_of(const Site& site) {
    const std::string body = R"({"code":"","data":"","running_commands":"/bin/true"})";
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

}  // namespace

int overload(const Options& options) {
    const Site site(options);
    auto client = site.client();
    const Daemons daemons{find_in_tree(site.pid(), "windlass-api"), find_in_tree(site.pid(), "windlass-scheduler"),
                          find_in_tree(site.pid(), "windlass-worker")};
    site.ask(client, "PUT", "/api/quotas/user:admin/", R"({"queued":500})");
    OpenLoad load;
    load.url = site.url();
    load.request = submit_of(site);
    load.seconds = options.seconds;

    // What it can do: more than that is offered, from few at once.
    load.connections = 64;
    load.per_second = 20'000;
    const double before = ended(site, client);
    const OpenLoadResult closed = run_open_loop(load);
    const double capacity = (ended(site, client) - before) / closed.seconds;
    load.connections = 2000;

    fmt::print(
        "overload: {} s each; capacity {:.0f} jobs/s, from submit to end (64 clients, one request after the other)\n",
        options.seconds, capacity);
    fmt::print("{:>7} {:>10} {:>10} {:>10} {:>18} {:>18} {:>9} {:>20}\n", "offered", "submits/s", "accepted/s",
               "ended/s", "accepted p50  p99", "refused p50   p99", "no answer", "MiB api sched worker");
    double best = 0, last = 0;
    long without = 0, unanswered = 0;
    for (const int percent : options.percents) {
        load.per_second = capacity * percent / 100;
        for (const pid_t pid : {daemons.api, daemons.scheduler, daemons.worker}) forget_peak(pid);
        wait_until_idle(site, client);
        const double ended_before = ended(site, client);
        const double cpu_before[] = {exact_cpu_seconds_of_tree(daemons.api),
                                     exact_cpu_seconds_of_tree(daemons.scheduler)};
        const double begin = seconds_now();
        const OpenLoadResult result = run_open_loop(load);
        const double goodput = (ended(site, client) - ended_before) / (seconds_now() - begin);
        best = std::max(best, goodput);
        last = goodput;
        without += result.without_retry_after;
        const long none = result.answers.contains(0) ? result.answers.at(0) : 0;
        unanswered += none;
        fmt::print("{:>6}% {:>10.0f} {:>10.0f} {:>10.0f} {} {} {:>9} {:>8.0f} {:>5.0f} {:>5.0f}\n", percent,
                   load.per_second, static_cast<double>(result.accepted_ms.size()) / result.seconds, goodput,
                   said_of(result.accepted_ms), said_of(result.refused_ms), none, memory_of(daemons.api).peak_mib,
                   memory_of(daemons.scheduler).peak_mib, memory_of(daemons.worker).peak_mib);
        fmt::print("        CPU ms per request: api {:.3f}, scheduler {:.3f}\n",
                   (exact_cpu_seconds_of_tree(daemons.api) - cpu_before[0]) * 1e3 / result.due,
                   (exact_cpu_seconds_of_tree(daemons.scheduler) - cpu_before[1]) * 1e3 / result.due);
        std::fflush(stdout);
        for (const auto& [status, count] : result.answers)
            if (status != 200 && status != 429 && status != 503) fmt::print("        {} times {}\n", count, status);
    }
    fmt::print("refusals without Retry-After {}, requests without an answer {}\n", without, unanswered);
    fmt::print("goodput of the last / best {:.2f}   (aim: at least 0.90: {})\n", last / best,
               last >= 0.9 * best ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
