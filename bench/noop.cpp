// noop-10k: jobs of /bin/true through the batch endpoint until all results are durable.
// Floors in the same run: posix_spawn of the same command, and the same command in the bare sandbox, two at a time.
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include "bench/process_tree.h"
#include "bench/sandbox_loop.h"
#include "bench/site.h"
#include "shared/json.h"

extern char** environ;

namespace windlass::bench {
namespace {

struct Figures {
    double jobs_per_second = 0;
    double cpu_ms_per_job = 0;
    double kernel_ms_per_job = 0;
};

double posix_spawn_per_second(int runs) {
    const char* const words[] = {"sh", "-c", "/bin/true", nullptr};
    const double begin = seconds_now();
    pid_t running[2] = {};
    for (int i = 0; i < runs + 2; ++i) {
        pid_t& slot = running[i % 2];
        int status = 0;
        if (slot != 0 && (waitpid(slot, &status, 0) != slot || status != 0)) give_up("/bin/sh -c /bin/true failed");
        slot = 0;
        if (i < runs && posix_spawn(&slot, "/bin/sh", nullptr, nullptr, const_cast<char* const*>(words), environ) != 0)
            give_up("posix_spawn failed");
    }
    return runs / (seconds_now() - begin);
}

Figures noop_round(const Options& options) {
    const Site site(options);
    auto client = site.client();
    std::string batch = "[";
    for (int i = 0; i < options.jobs; ++i) {
        if (i > 0) batch += ',';
        batch += R"({"code":"","data":"","running_commands":"/bin/true"})";
    }
    batch += ']';
    const double kernel_before = cpu_seconds_of_kernel_threads();
    const double cpu_before = cpu_seconds_of_tree(site.pid());
    const double begin = seconds_now();
    const auto ids = parse_json(site.ask(client, "POST", "/api/jobs/submit/batch/", batch));
    if (!ids->IsArray() || static_cast<int>(ids->Size()) != options.jobs) give_up("the batch was not accepted whole");
    // What is visible under /api/results/ is durable. The last ones to end are not known in advance: wait for each that
    // is still missing, newest id first, until the list is complete.
    site.ask(client, "GET", fmt::format("/api/results/{}/?wait=60", text_of((*ids)[ids->Size() - 1]["id"])));
    int done = 0;
    while (done < options.jobs) {
        const auto page = parse_json(site.ask(client, "GET", "/api/jobs/"));
        done = 0;
        std::string unfinished;
        for (const auto& job : page->GetArray()) {
            const auto status = text_of(job["status"]);
            if (status == "succeeded")
                ++done;
            else if (status == "queued" || status == "starting" || status == "running")
                unfinished = text_of(job["id"]);
            else
                give_up("a job of /bin/true ended as " + std::string(status));
        }
        if (!unfinished.empty()) site.ask(client, "GET", "/api/results/" + unfinished + "/?wait=60");
    }
    const double wall = seconds_now() - begin;
    Figures figures;
    figures.jobs_per_second = options.jobs / wall;
    figures.cpu_ms_per_job = (cpu_seconds_of_tree(site.pid()) - cpu_before) / options.jobs * 1e3;
    figures.kernel_ms_per_job = (cpu_seconds_of_kernel_threads() - kernel_before) / options.jobs * 1e3;
    return figures;
}

}  // namespace

int noop_10k(const Options& options) {
    std::vector<double> rate, cpu, kernel, boxed, boxed_cpu, spawned, ratio;
    for (int round = 0; round < options.rounds; ++round) {
        spawned.push_back(posix_spawn_per_second(2000));
        const SandboxRun floor = run_in_bare_sandbox({"/bin/sh", "-c", "/bin/true"}, 3000, 2);
        boxed.push_back(3000 / floor.wall_seconds);
        boxed_cpu.push_back(floor.cpu_seconds / 3000 * 1e3);
        const Figures figures = noop_round(options);
        rate.push_back(figures.jobs_per_second);
        cpu.push_back(figures.cpu_ms_per_job);
        kernel.push_back(figures.kernel_ms_per_job);
        ratio.push_back(figures.jobs_per_second / boxed.back());
    }
    fmt::print("noop-10k: {} jobs, median of {} rounds\n", options.jobs, options.rounds);
    fmt::print("  posix_spawn of /bin/sh -c /bin/true, two at a time   {:>7.0f} /s\n", median(spawned));
    fmt::print("  the same in the bare sandbox, two at a time          {:>7.0f} /s   {:.2f} ms CPU each\n",
               median(boxed), median(boxed_cpu));
    fmt::print(
        "  whole path over HTTP, results durable                {:>7.0f} /s   {:.2f} ms CPU each, kernel threads "
        "{:.2f} ms\n",
        median(rate), median(cpu), median(kernel));
    fmt::print("  whole path / bare sandbox                            {:>7.2f}      (aim: at least 0.60: {})\n",
               median(ratio), median(ratio) >= 0.6 ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
