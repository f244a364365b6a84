// idle: what a site with its workers connected and nothing to do costs: transactions of the database, bytes written,
// processor time of all processes together.
#include <fmt/format.h>

#include <fstream>
#include <string>
#include <thread>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/database/session.h"

namespace windlass::bench {
namespace {

// Of a PostgreSQL database since it was made; of an SQLite one a number that changes with every commit of others.
std::int64_t transactions(Session& session) {
    const char* sql =
        session.engine() == Engine::postgresql
            ? "select xact_commit + xact_rollback from pg_stat_database where datname = current_database()"
            : "select data_version from pragma_data_version";
    const auto rows = session.query(sql);
    if (!rows) give_up(rows.error().message);
    return rows->front().integer(0);
}

// Every connection of our daemons to PostgreSQL with the moment of its last statement: what stays the same has asked
// nothing. (The count of transactions has those of autovacuum in it.)
std::string last_statements(Session& session) {
    if (session.engine() != Engine::postgresql) return {};
    const auto rows = session.query(
        "select coalesce(string_agg(pid || ' ' || state_change, ', ' order by pid), '') from pg_stat_activity where "
        "datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()");
    if (!rows) give_up(rows.error().message);
    return rows->front().text(0);
}

double bytes_written(pid_t root) {
    double bytes = 0;
    for (const char* name : {"windlass-schedu", "windlass-api", "windlass-worker"}) {
        std::ifstream file(fmt::format("/proc/{}/io", find_in_tree(root, name)));
        for (std::string line; std::getline(file, line);)
            if (line.starts_with("write_bytes: ")) bytes += std::atof(line.c_str() + 13);
    }
    return bytes;
}

}  // namespace

int idle(const Options& options) {
    const Site site(options);
    auto client = site.client();
    // It has worked, and all that follows work is over.
    const auto job = R"({"code":"","data":"","running_commands":"true"})";
    for (int i = 0; i < 20; ++i) site.ask(client, "POST", "/api/jobs/submit/", job);
    // An idle session of PostgreSQL tells of its last transactions up to ten seconds later.
    std::this_thread::sleep_for(std::chrono::seconds(15));

    const auto url = DatabaseUrl::parse(site.database());
    if (!url) give_up(url.error().message);
    Session session(*url, {.application_name = "windlass-bench"});
    transactions(session);
    std::this_thread::sleep_for(std::chrono::seconds(12));  // for those of this one
    const auto first = transactions(session);
    const std::string statements = last_statements(session);
    const double cpu = exact_cpu_seconds_of_tree(site.pid()), written = bytes_written(site.pid());
    const double begin = seconds_now();
    std::this_thread::sleep_for(std::chrono::seconds(options.seconds));
    const double seconds = seconds_now() - begin;
    const double used = exact_cpu_seconds_of_tree(site.pid()) - cpu;
    const double bytes = bytes_written(site.pid()) - written;
    const auto seen = transactions(session) - first;
    const bool asked = last_statements(session) != statements;
    const bool counts = session.engine() == Engine::postgresql;
    fmt::print("idle on {}: one worker, nothing to do, {:.0f} s\n", counts ? "PostgreSQL" : "SQLite", seconds);
    if (counts)
        fmt::print("statements of our connections: {} (transactions of the database, with autovacuum's: {})\n",
                   asked ? "some" : "none", seen);
    else
        fmt::print("commits: {}\n", seen == 0 ? "none" : "some");
    fmt::print("written by our processes: {:.0f} bytes; processor time of all of them: {:.4f} % of a core\n", bytes,
               100 * used / seconds);
    fmt::print("aim: 0 transactions and less than 0.1 %: {}\n",
               !asked && (counts || seen == 0) && used / seconds < 0.001 ? "met" : "not met");
    return 0;
}

}  // namespace windlass::bench
