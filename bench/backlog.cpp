// backlog: at each depth of the queue: enqueue rate, dispatch + complete rate, memory per queued job, time to restart.
#include <fmt/format.h>

#include <algorithm>

#include "bench/process_tree.h"
#include "bench/scheduler_play.h"

namespace windlass::bench {
namespace {

struct Depth {
    double enqueue_per_second = 0;
    double complete_per_second = 0;
    double resident_bytes = 0;  // grown since the empty queue
    double restart_seconds = 0;
};

Depth measure(const Options& options, int depth) {
    SchedulerProcess scheduler(options);
    Depth figures;
    {
        Players players(scheduler.endpoint());
        const double empty = static_cast<double>(players.statistics().resident_bytes);
        const int tail = std::min(depth, 50'000);  // the rate at this depth is the rate of the last part
        players.enqueue(depth - tail);
        figures.enqueue_per_second = tail / players.enqueue(tail);
        figures.resident_bytes = static_cast<double>(players.statistics().resident_bytes) - empty;
    }
    figures.restart_seconds = scheduler.restart();
    Players players(scheduler.endpoint());
    const int jobs = std::min(depth, 20'000);
    figures.complete_per_second = jobs / players.run_jobs(jobs);
    return figures;
}

}  // namespace

int backlog(const Options& options) {
    fmt::print("backlog on {}: median of {} rounds\n", options.database.empty() ? "SQLite" : "PostgreSQL",
               options.rounds);
    fmt::print("{:>10} {:>14} {:>22} {:>16} {:>10}\n", "queued", "enqueue/s", "dispatch+complete/s", "memory bytes/job",
               "restart");
    std::vector<Depth> medians;
    for (const int depth : options.depths) {
        std::vector<double> enqueue, complete, memory, restart;
        for (int round = 0; round < options.rounds; ++round) {
            const Depth figures = measure(options, depth);
            enqueue.push_back(figures.enqueue_per_second);
            complete.push_back(figures.complete_per_second);
            memory.push_back(figures.resident_bytes);
            restart.push_back(figures.restart_seconds);
        }
        medians.push_back({median(enqueue), median(complete), median(memory), median(restart)});
        fmt::print("{:>10} {:>14.0f} {:>22.0f} {:>16.0f} {:>8.2f} s\n", depth, medians.back().enqueue_per_second,
                   medians.back().complete_per_second, medians.back().resident_bytes / depth,
                   medians.back().restart_seconds);
    }
    if (medians.size() >= 2) {
        const Depth& last = medians.back();
        const Depth& before = medians[medians.size() - 2];
        const double added = options.depths.back() - options.depths[options.depths.size() - 2];
        fmt::print("bytes for each further job between the last two depths: {:.0f} (aim: at most 256)\n",
                   (last.resident_bytes - before.resident_bytes) / added);
        fmt::print(
            "rates at the last depth / at the first: enqueue {:.2f}, dispatch+complete {:.2f} (aim: at least 0.67)\n",
            last.enqueue_per_second / medians.front().enqueue_per_second,
            last.complete_per_second / medians.front().complete_per_second);
    }
    return 0;
}

}  // namespace windlass::bench
