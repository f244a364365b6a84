// fanout: a thousand workers on a thousand sockets, ten thousand users, a long queue: dispatch + complete per second.
// array: the same work as one array: memory per member, rate, restart.
#include <fmt/format.h>

#include "bench/process_tree.h"
#include "bench/scheduler_play.h"

namespace windlass::bench {
namespace {

constexpr int users = 10'000;

}  // namespace

int fanout(const Options& options) {
    const int depth = options.depths.back();
    std::vector<double> rates, cpu;
    for (int round = 0; round < options.rounds; ++round) {
        SchedulerProcess scheduler(options);
        Players players(scheduler.endpoint(), users);
        players.enqueue(depth);
        players.add_workers(options.workers);
        const double before = cpu_seconds_of_tree(scheduler.pid());
        rates.push_back(options.jobs / players.run_jobs(options.jobs));
        cpu.push_back((cpu_seconds_of_tree(scheduler.pid()) - before) / options.jobs * 1e6);
    }
    fmt::print("fanout on {}: {} workers, {} users, {} queued; median of {} rounds\n",
               options.database.empty() ? "SQLite" : "PostgreSQL", options.workers, users, depth, options.rounds);
    fmt::print("dispatch+complete: {:.0f} /s (aim on PostgreSQL: at least 20,000), scheduler CPU {:.0f} us each\n",
               median(rates), median(cpu));
    return 0;
}

int array(const Options& options) {
    const int members = options.depths.back();
    std::vector<double> enqueue, bytes, rate, restart;
    for (int round = 0; round < options.rounds; ++round) {
        SchedulerProcess scheduler(options);
        {
            Players players(scheduler.endpoint());
            const double empty = static_cast<double>(players.statistics().resident_bytes);
            enqueue.push_back(players.enqueue_array(members));
            bytes.push_back((static_cast<double>(players.statistics().resident_bytes) - empty) / members);
        }
        restart.push_back(scheduler.restart());
        Players players(scheduler.endpoint());
        const int jobs = std::min(options.jobs * 2, members);
        rate.push_back(jobs / players.run_jobs(jobs));
    }
    fmt::print("array of {} on {}: median of {} rounds\n", members, options.database.empty() ? "SQLite" : "PostgreSQL",
               options.rounds);
    fmt::print(
        "submit {:.1f} ms, {:.2f} bytes of memory per member (aim: at most 16), restart {:.2f} s, "
        "dispatch+complete {:.0f} /s\n",
        median(enqueue) * 1000, median(bytes), median(restart), median(rate));
    return 0;
}

}  // namespace windlass::bench
