// metrics: points per second that nodes can send to POST /api/write/ (one body for each node and round, as
// cc-metric-collector's http sink sends them), and how soon GET /api/job/ answers for a job of 64 nodes, 10 metrics and
// 24 hours. Aims: 10,000 points per second sustained, an answer in under a second. Floors: fdatasync on the same disk,
// and the same points handed to the store in large pieces, without HTTP.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "bench/floors.h"
#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/database/session.h"
#include "shared/metrics/metric_store.h"

namespace windlass::bench {
namespace {

constexpr int hosts = 64;
constexpr int metrics_per_host = 10;
constexpr int interval_s = 30;
constexpr int job_hours = 24;
constexpr int points_per_body = 100;
constexpr int writers = 4;
constexpr int job_id = 4711;

std::string host_name(int host) {
    return fmt::format("bench{:03}", host);
}

// A number that changes a little and repeats at times, as a load does.
double value_of(int host, int metric, std::int64_t tick) {
    const std::int64_t wave = (tick / 7 + host) % 40;
    return metric % 2 == 0 ? static_cast<double>(wave) : 0.1 * static_cast<double>(wave * metric + tick % 3);
}

std::int64_t unix_now_s() {
    return std::chrono::duration_cast<Seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double peak_mebibytes(pid_t pid) {
    std::ifstream status(fmt::format("/proc/{}/status", pid));
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::atof(line.c_str() + 6) / 1024;
    return 0;
}

// All the points of the job, an hour of all nodes in one transaction.
double fill_job(const std::string& database, std::int64_t start_s) {
    auto url = DatabaseUrl::parse(database);
    if (!url) give_up(url.error().message);
    Session session(*url);
    const double begin = seconds_now();
    for (int hour = 0; hour < job_hours; ++hour) {
        std::vector<metrics::MetricPoint> points;
        for (int tick = 0; tick < 3600 / interval_s; ++tick) {
            const std::int64_t at_s = start_s + hour * 3600 + tick * interval_s;
            for (int host = 0; host < hosts; ++host)
                for (int metric = 0; metric < metrics_per_host; ++metric)
                    points.push_back({{JobId{}, host_name(host), fmt::format("bench_{}", metric), "node", ""},
                                      from_unix_us(at_s * 1'000'000),
                                      value_of(host, metric, at_s / interval_s)});
        }
        auto transaction = Transaction::begin(session);
        if (!transaction) give_up(transaction.error().message);
        if (const Status added = metrics::append(session, points); !added) give_up(added.error().message);
        if (const Status done = transaction->commit(); !done) give_up(done.error().message);
    }
    return seconds_now() - begin;
}

struct Written {
    double points_per_second = 0;
    double p50_ms = 0, p99_ms = 0;
    double api_cores = 0;
};

// Every writer is some nodes that send one body after the other, without a pause.
Written write_for(const Site& site, int seconds, int round) {
    std::atomic<std::int64_t> points{0};
    std::vector<std::vector<double>> times(writers);
    const pid_t api = find_in_tree(site.pid(), "windlass-api");
    const double cpu = cpu_seconds_of_tree(api);
    const double begin = seconds_now(), end = begin + seconds;
    std::vector<std::thread> threads;
    for (int writer = 0; writer < writers; ++writer) {
        threads.emplace_back([&, writer] {
            auto client = site.client();
            const std::int64_t start_s = unix_now_s() - 3600;
            for (std::int64_t tick = 0; seconds_now() < end; ++tick) {
                // Sixteen nodes take turns; a node's next body is 30 s later.
                const auto node = tick % 16;
                const std::int64_t at_s = start_s + round * 1800 + tick / 16 * interval_s % 3600;
                std::string body;
                for (int metric = 0; metric < points_per_body; ++metric)
                    fmt::format_to(std::back_inserter(body), "written_{},hostname=w{}n{},type=node value={} {}\n",
                                   metric, writer, node, value_of(static_cast<int>(node), metric, tick), at_s);
                const double sent = seconds_now();
                site.ask(client, "POST", "/api/write/?precision=s", body);
                times[static_cast<std::size_t>(writer)].push_back((seconds_now() - sent) * 1000);
                points += points_per_body;
            }
        });
    }
    for (auto& thread : threads) thread.join();
    const double took = seconds_now() - begin;
    std::vector<double> all;
    for (const auto& some : times) all.insert(all.end(), some.begin(), some.end());
    return {static_cast<double>(points) / took, quantile(all, 0.5), quantile(all, 0.99),
            (cpu_seconds_of_tree(api) - cpu) / took};
}

void configure(const Site& site, cli::HttpClient& client) {
    std::string list;
    for (int metric = 0; metric < metrics_per_host; ++metric)
        list += fmt::format(R"({}{{"Type":"node","Measurement":"bench_{}","AggFn":"mean","SampleInterval":"{}",)"
                            R"("DisplayName":"Bench {}","AvailableAggFns":["mean","max"]}})",
                            metric > 0 ? "," : "", metric, interval_s, metric);
    site.ask(client, "PATCH", "/api/config/update", fmt::format(R"({{"Metrics":[{}],"Partitions":{{}}}})", list));
}

void report_job(const Site& site, cli::HttpClient& client, std::int64_t start_s) {
    std::string nodes = host_name(0);
    for (int host = 1; host < hosts; ++host) nodes += "|" + host_name(host);
    site.ask(client, "PUT", "/api/job_start",
             fmt::format(R"({{"Id":{},"UserName":"bench","ClusterId":"bench","NumNodes":{},"NodeList":"{}",)"
                         R"("StartTime":{},"Partition":"bench","JobName":"bench"}})",
                         job_id, hosts, nodes, start_s));
    site.ask(client, "PATCH", fmt::format("/api/job_stop/{}", job_id),
             fmt::format(R"({{"ExitCode":0,"StopTime":{}}})", start_s + job_hours * 3600));
}

}  // namespace

int metric_points(const Options& options) {
    const Site site(options);
    auto client = site.client();
    const pid_t api = find_in_tree(site.pid(), "windlass-api");
    fmt::print("metrics: {} ({} rounds of {} s)\n", options.database.empty() ? "SQLite" : "PostgreSQL", options.rounds,
               options.seconds);
    const TemporaryDirectory scratch;
    fmt::print("  floor: {:.0f} fdatasync/s of 4 KiB on this disk\n", fdatasync_per_second(scratch.path()));

    std::vector<double> rates;
    for (int round = 0; round < options.rounds; ++round) {
        const Written written = write_for(site, options.seconds, round);
        rates.push_back(written.points_per_second);
        fmt::print(
            "  POST /api/write/, {} writers, {} points a body: {:.0f} points/s, p50 {:.1f} ms, p99 {:.1f} ms, api "
            "{:.2f} "
            "cores\n",
            writers, points_per_body, written.points_per_second, written.p50_ms, written.p99_ms, written.api_cores);
    }
    fmt::print("  median {:.0f} points/s (aim 10,000); the api's memory came to {:.0f} MiB at most\n", median(rates),
               peak_mebibytes(api));

    const std::int64_t start_s = (unix_now_s() - job_hours * 3600) / 3600 * 3600 - 3600;
    constexpr double points = 1.0 * hosts * metrics_per_host * job_hours * 3600 / interval_s;
    const double filled = fill_job(site.database(), start_s);
    fmt::print("  floor: {:.0f} points/s handed to the store in pieces of an hour\n", points / filled);
    configure(site, client);
    report_job(site, client, start_s);
    std::vector<double> times;
    std::size_t bytes = 0;
    for (int round = 0; round < std::max(options.rounds, 3) + 1; ++round) {
        const double begin = seconds_now();
        bytes = site.ask(client, "GET", fmt::format("/api/job/{}", job_id)).size();
        const double took = seconds_now() - begin;
        if (round == 0)
            fmt::print("  GET /api/job/, {} nodes x {} metrics x {} h, the first time (statistics too): {:.0f} ms\n",
                       hosts, metrics_per_host, job_hours, took * 1000);
        else
            times.push_back(took * 1000);
    }
    fmt::print("  then: median {:.0f} ms (aim 1000), {:.1f} MB of JSON; the api's memory came to {:.0f} MiB at most\n",
               median(times), static_cast<double>(bytes) / 1e6, peak_mebibytes(api));
    return 0;
}

}  // namespace windlass::bench
