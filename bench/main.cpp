// windlass-bench: the standard workloads against the real daemons, each beside its floor in the same run.
#include <CLI/CLI.hpp>

#include "bench/site.h"

int main(int argc, char** argv) {
    using namespace windlass::bench;
    Options options;
    CLI::App app(
        "Standard workloads of Windlass. Figures are medians of --rounds runs; compare ratios, not single numbers.",
        "windlass-bench");
    app.require_subcommand(1);
    int code = 0;
    const auto add = [&](const char* name, const char* meaning, int (*run)(const Options&)) {
        CLI::App* sub = app.add_subcommand(name, meaning);
        sub->add_option("--rounds", options.rounds, "runs to take the median of");
        sub->callback([&options, &code, run] { code = run(options); });
        return sub;
    };
    auto* noop =
        add("noop-10k", "jobs of /bin/true through the batch endpoint until all results are durable", noop_10k);
    noop->add_option("--jobs", options.jobs, "jobs per run");
    noop->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* latency = add("latency-idle", "one job at a time on an idle site: submit to result visible", latency_idle);
    latency->add_option("--jobs", options.jobs_one_by_one, "jobs per run");
    latency->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* live = add("first-byte", "what a job writes, until a follower over HTTP sees it", first_byte);
    live->add_option("--lines", options.lines, "lines per run, eight a second");
    live->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* deep = add("backlog", "enqueue, dispatch, memory and restart at several depths of the queue", backlog);
    deep->add_option("--depths", options.depths, "queued jobs")->delimiter(',');
    deep->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* many = add("fanout", "many workers and users on real sockets: dispatch + complete per second", fanout);
    many->add_option("--depths", options.depths, "queued jobs (the last one counts)")->delimiter(',');
    many->add_option("--workers", options.workers, "workers");
    many->add_option("--jobs", options.jobs, "jobs per run");
    many->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* members = add("array", "one large array: memory per member, rate, restart", array);
    members->add_option("--depths", options.depths, "members (the last one counts)")->delimiter(',');
    members->add_option("--jobs", options.jobs, "half of the jobs per run");
    members->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* web = add("http", "reads and durable single submits per second (needs wrk)", http);
    web->add_option("--connections", options.connections, "connections")->delimiter(',');
    web->add_option("--seconds", options.seconds, "length of each run");
    web->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* printed = add("output", "how soon what a job prints is durable, on an idle site", output);
    printed->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* pictures = add("images", "uploads and thumbnails per second, beside the bare vipsthumbnail loop", images);
    pictures->add_option("--images", options.images, "images per run, each with two thumbnails");
    pictures->add_option("--uploads", options.uploads, "so many further uploads, to see the memory of the api");
    pictures->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* measured =
        add("metrics", "points that nodes send, per second, and the metrics of a large job", metric_points);
    measured->add_option("--seconds", options.seconds, "length of each round of sending");
    measured->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* launches = add("launch", "deployments of a course: launch to Ready (needs busybox)", launch);
    launches->add_option("--launches", options.launches, "deployments per run");
    launches->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* together = add("deployments",
                         "many deployments of a course at once on one worker, one for each user of a class: "
                         "memory of each, processor time of all while nobody uses them (needs busybox)",
                         deployments);
    together->add_option("--launches", options.launches, "deployments");
    together->add_option("--seconds", options.idle_seconds, "how long they are left alone");
    together->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* nothing = add("idle", "what a site without work does: transactions, bytes written, processor time", idle);
    nothing->add_option("--seconds", options.seconds, "how long to look");
    nothing->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* crowd =
        add("followers", "many who follow one quiet job: memory, processor time, until all hear of its end", followers);
    crowd->add_option("--connections", options.connections, "followers (the last one counts)")->delimiter(',');
    crowd->add_option("--seconds", options.seconds, "how long they are quiet");
    crowd->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* doors = add("logins", "logins per second, and the api's memory meanwhile", logins);
    doors->add_option("--connections", options.connections, "who log in at the same time")->delimiter(',');
    doors->add_option("--seconds", options.seconds, "length of each run");
    doors->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    auto* flood =
        add("overload", "submits at 50 to 500 % of capacity: who is served how, and what is left of it", overload);
    flood->add_option("--percents", options.percents, "offered, of capacity")->delimiter(',');
    flood->add_option("--workload", options.workload, "jobs or submits alone")
        ->check(CLI::IsMember({"jobs", "submits"}));
    flood->add_option("--seconds", options.seconds, "length of each run");
    flood->add_option("--database", options.database, "postgresql://… (default: SQLite)");
    CLI11_PARSE(app, argc, argv);
    return code;
}
