// logins: how many people with the right password come in per second when so many try at once, what becomes of the
// others, and what the api holds meanwhile. A hash of a password takes 64 MiB, so only two are made at a time.
#include <fmt/format.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "bench/process_tree.h"
#include "bench/site.h"

namespace windlass::bench {

int logins(const Options& options) {
    const Site site(options);
    if (site.password().empty()) give_up("the database must be an empty one: admin's password is needed");
    const pid_t api = find_in_tree(site.pid(), "windlass-api");
    const std::string body = fmt::format(R"({{"username":"admin","password":"{}"}})", site.password());
    for (const int people : options.connections) {
        std::mutex mutex;
        std::map<int, int> answers;
        std::vector<double> times;
        std::atomic<bool> over{false};
        const double held = memory_of(api).now_mib;
        forget_peak(api);
        const double cpu = exact_cpu_seconds_of_tree(api), begin = seconds_now();
        {
            std::vector<std::jthread> crowd;
            for (int i = 0; i < people; ++i)
                crowd.emplace_back([&] {
                    auto client = site.client();
                    cli::HttpRequest request;
                    request.method = "POST";
                    request.path = "/api/users/authenticate/";
                    request.body = body;
                    request.patience = Seconds{60};
                    while (!over) {
                        const double asked = seconds_now();
                        const auto answer = client.send(request);
                        const double took = seconds_now() - asked;
                        const std::lock_guard lock(mutex);
                        ++answers[answer ? answer->status : 0];
                        if (answer && answer->status == 200) times.push_back(took * 1e3);
                    }
                });
            std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
            over = true;
        }
        const double seconds = seconds_now() - begin;
        std::string said;
        for (const auto& [status, count] : answers)
            said += fmt::format("{}{}: {}", said.empty() ? "" : ", ", status, count);
        if (times.empty()) times.push_back(0);
        fmt::print(
            "{:>6} at once: {:6.1f} logins/s, p50 {:.0f} ms, p99 {:.0f} ms, {:.1f} ms of CPU each; {}; memory {:.0f} "
            "MiB before, {:.0f} at most\n",
            people, answers[200] / seconds, quantile(times, 0.5), quantile(times, 0.99),
            1e3 * (exact_cpu_seconds_of_tree(api) - cpu) / std::max(answers[200], 1), said, held,
            memory_of(api).peak_mib);
    }
    return 0;
}

}  // namespace windlass::bench
