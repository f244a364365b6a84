// output: how soon what a job prints is durable, on an idle site. The job writes the time of day; the benchmark reads
// the table of outputs as a reader of the database would, and compares with its own clock. So the figure holds
// everything between write(2) in the box and the commit, and the polling of the benchmark (0.1 ms) on top.
#include <fmt/format.h>
#include <poll.h>

#include <charconv>
#include <ctime>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/database/session.h"
#include "shared/json.h"

namespace windlass::bench {
namespace {

constexpr int lines = 200;

double time_of_day() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void pause_100_us() {
    const timespec pause{0, 100'000};
    nanosleep(&pause, nullptr);
}

// Milliseconds from the write of each line to the moment it was found in the database.
std::vector<double> delays(const Site& site, Session& database) {
    auto client = site.client();
    const auto submitted = parse_json(site.ask(
        client, "POST", "/api/jobs/submit/",
        fmt::format(
            R"({{"code":"","data":"","running_commands":"for i in $(seq {}); do date +%s.%N; sleep 0.12; done"}})",
            lines)));
    std::int64_t job = 0;
    const auto id = text_of((*submitted)["id"]);
    std::from_chars(id.data(), id.data() + id.size(), job);
    std::vector<double> found;
    std::int64_t have = 0;
    for (const double end = seconds_now() + 60; static_cast<int>(found.size()) < lines; pause_100_us()) {
        if (seconds_now() > end) give_up("the job that prints the time does not go on");
        const auto rows = database.query(
            "select start_offset, bytes from job_output where job = :job and start_offset >= :have order by "
            "start_offset",
            job, have);
        if (!rows) give_up(rows.error().message);
        const double now = time_of_day();
        for (std::size_t row = 0; row < rows->size(); ++row) {
            const std::string text = (*rows)[row].bytes(1);
            have = (*rows)[row].integer(0) + static_cast<std::int64_t>(text.size());
            found.push_back((now - std::stod(text)) * 1e3);  // of the first line, if a chunk holds several
        }
    }
    return found;
}

}  // namespace

int output(const Options& options) {
    std::vector<double> first, p50, p99;
    for (int round = 0; round < options.rounds; ++round) {
        const Site site(options);
        const auto url = DatabaseUrl::parse(site.database());
        if (!url) give_up(url.error().message);
        Session database(*url);
        const auto times = delays(site, database);
        first.push_back(times.front());
        p50.push_back(quantile(times, 0.5));
        p99.push_back(quantile(times, 0.99));
    }
    fmt::print("output: {} lines of one job, one in 120 ms, on an idle site, median of {} rounds\n", lines,
               options.rounds);
    fmt::print(
        "  written by the job to committed   first {:.2f} ms   p50 {:.2f} ms   p99 {:.2f} ms   (aim: p50 at most 3)\n",
        median(first), median(p50), median(p99));
    return 0;
}

}  // namespace windlass::bench
