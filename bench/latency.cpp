// latency-idle: one job at a time on an idle site; submit to result visible (long poll on the result).
// Floor in the same run: the same program in the bare sandbox, without any daemon around it.
#include <fmt/format.h>

#include "bench/process_tree.h"
#include "bench/sandbox_loop.h"
#include "bench/site.h"
#include "shared/json.h"

namespace windlass::bench {

int latency_idle(const Options& options) {
    std::vector<double> p50, p99, bare;
    for (int round = 0; round < options.rounds; ++round) {
        const SandboxRun floor = run_in_bare_sandbox({"/bin/sh", "-c", "/bin/true"}, options.jobs_one_by_one, 1);
        bare.push_back(floor.wall_seconds / options.jobs_one_by_one * 1e3);
        const Site site(options);
        auto client = site.client();
        std::vector<double> times;
        for (int i = 0; i < options.jobs_one_by_one; ++i) {
            const double begin = seconds_now();
            const auto submitted = parse_json(site.ask(client, "POST", "/api/jobs/submit/",
                                                       R"({"code":"","data":"","running_commands":"/bin/true"})"));
            const std::string id(text_of((*submitted)["id"]));
            const std::string answer = site.ask(client, "GET", "/api/results/" + id + "/?wait=30");
            const auto result = parse_json(answer);
            if (!(*result)["results"].HasMember("exit_code"))
                give_up("a job of /bin/true did not end with an exit code: " + answer);
            times.push_back((seconds_now() - begin) * 1e3);
        }
        p50.push_back(quantile(times, 0.5));
        p99.push_back(quantile(times, 0.99));
    }
    fmt::print("latency-idle: {} jobs one after the other, median of {} rounds\n", options.jobs_one_by_one,
               options.rounds);
    fmt::print("  submit to result visible   p50 {:.2f} ms   p99 {:.2f} ms\n", median(p50), median(p99));
    fmt::print("  bare sandboxed run         {:.2f} ms\n", median(bare));
    fmt::print("  p50 / bare run             {:.2f}   (aim: at most 3: {})\n", median(p50) / median(bare),
               median(p50) <= 3 * median(bare) ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
