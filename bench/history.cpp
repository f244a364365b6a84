// bench_history: what the api and a restart read, against a long history. Makes finished jobs with set-based SQL in an
// empty database (user 1 has half of them, a thousand users the rest; tags, queues and states common and rare), then
// measures the queries of api/jobs_repository.cpp and the load of the store. Aim: pages under 100 ms at 10 million.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>

#include "api/jobs_repository.h"
#include "scheduler/store_sql.h"

namespace {

using namespace windlass;
using api::JobFilter;
using api::JobsRepository;
using api::StateRange;
using api::Visible;
using std::chrono::steady_clock;

double ms_since(steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(steady_clock::now() - start).count();
}

template <class T>
T must(Result<T> result) {
    if (result) return std::move(result).value();
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
}
void must(const Status& status) {
    if (status) return;
    fmt::print(stderr, "{}\n", status.error().message);
    std::exit(1);
}

constexpr std::int64_t first_id = 100'000'000;

// Rows of the numbers i from `first` to `last`.
std::string numbers(Engine engine, std::int64_t first, std::int64_t last) {
    if (engine == Engine::postgresql)
        return fmt::format("generate_series(cast({} as bigint), {}) as n(i)", first, last);
    return fmt::format(
        "(with recursive c(i) as (select {} union all select i + 1 from c where i < {}) select i from c) n", first,
        last);
}

constexpr std::string_view owner_of = "case when i % 2 = 0 then 1 else 2 + i % 997 end";
constexpr std::string_view insert_job =
    "insert into job (id, owner, name, priority, submitted_us, running_commands, timeout_ms, max_attempts, cpu_millis, "
    "memory_bytes, disk_bytes, processes, output_bytes, open_files, env, queue) select {0} + i, {1}, 'job ' || i, 0, "
    "1700000000000000 + i * 1000, 'python3 code < data > out/result', 3600000, 1, 1000, 1073741824, 1073741824, 64, "
    "16777216, 1024, '{{}}', case when i % 1000000 = 7 then 'rare' when i % 50 = 0 then 'gpu' else 'default' end from "
    "{2}";

void make_history(Session& session, std::int64_t rows, std::int64_t live) {
    const Engine engine = session.engine();
    constexpr std::int64_t at_once = 500'000;
    for (std::int64_t first = 1; first <= rows + live; first += at_once) {
        const std::int64_t last = std::min(rows + live, first + at_once - 1);
        const std::string all = numbers(engine, first, last);
        std::string script = "begin;" + fmt::format(fmt::runtime(insert_job), first_id, owner_of, all) + ";";
        script += fmt::format(
            "insert into job_past (id, owner, array_id, state, attempt, failures, losses, cancel_requested, "
            "started_us, "
            "finished_us, event_seq) select {0} + i, {1}, null, case when i % 100 = 3 then 5 when i % 1000 = 4 then 6 "
            "when i % 1000 = 5 then 7 when i % 1000000 = 6 then 8 else 4 end, 1, 0, 0, 0, 1700000000000000 + i * 1000, "
            "1700000001000000 + i * 1000, 4 from {2} where i <= {3};",
            first_id, owner_of, all, rows);
        script += fmt::format(
            "insert into attempt_result (job, attempt, worker, ended_us, outcome, exit_code, signal, detail, wall_us, "
            "cpu_user_us, cpu_system_us, peak_memory_bytes, peak_is_largest_process, read_bytes, written_bytes, "
            "stdout_bytes, stderr_bytes, stdout_truncated, stderr_truncated, files, files_truncated, value) select {0} "
            "+ "
            "i, 1, 1, 0, 0, 0, 0, '', 1000, 1000, 0, 0, 0, 0, 0, 0, 0, 0, 0, '[]', 0, '' from {1} where i <= {2};",
            first_id, all, rows);
        script += fmt::format(
            "insert into job_tag (tag, owner, job) select case when i % 1000000 = 9 then 'rare' else 'common' end, "
            "{0}, "
            "{1} + i from {2} where i % 100 = 8 or i % 1000000 = 9;",
            owner_of, first_id, all);
        script += fmt::format(
            "insert into job_state (id, owner, state, attempt, failures, losses, cancel_requested, event_seq) select "
            "{0} "
            "+ i, {1}, 1, 0, 0, 0, 0, 1 from {2} where i > {3};",
            first_id, owner_of, all, rows);
        must(session.run_script(script + "commit", "a part of the history"));
    }
    must(session.run_script("analyze", "statistics"));
}

void measure(const std::string& what, const std::function<std::size_t()>& page) {
    const auto cold = steady_clock::now();
    const std::size_t found = page();
    const double first = ms_since(cold);
    std::vector<double> times;
    for (int i = 0; i < 5; ++i) {
        const auto start = steady_clock::now();
        page();
        times.push_back(ms_since(start));
    }
    std::ranges::sort(times);
    fmt::print("  {:<58} {:>5} lines  first {:>8.1f} ms  median {:>8.1f} ms\n", what, found, first, times[2]);
}

void measure_lists(const DatabaseUrl& url, std::int64_t rows) {
    SessionPool pool(url, 1);
    JobsRepository jobs(pool);
    const Visible everybody{UserId{}, true}, big{UserId{1}, false}, small{UserId{5}, false};
    const auto list = [&](const Visible& who, const JobFilter& filter, std::int64_t before = api::newest,
                          int scan = 100) {
        return [&jobs, who, filter, before, scan] {
            return must(jobs.newest_first(who, filter, before, scan)).matches.size();
        };
    };
    const auto only = [](JobState state) { return JobFilter(StateRange{state, state}); };
    const auto with = [](std::string tag, std::string queue) {
        JobFilter filter;
        filter.tag = std::move(tag);
        filter.queue = std::move(queue);
        return filter;
    };
    const std::int64_t deep = first_id + rows / 10;
    measure("everybody's, newest", list(everybody, {}));
    measure("everybody's, deep inside", list(everybody, {}, deep));
    measure("of a user with half of all, newest", list(big, {}));
    measure("of a user with half of all, deep inside", list(big, {}, deep));
    measure("of a user with few, newest", list(small, {}));
    measure("finished ones, everybody's", list(everybody, StateRange{JobState::succeeded, JobState::lost}));
    measure("finished ones of a user, deep inside", list(big, StateRange{JobState::succeeded, JobState::lost}, deep));
    measure("failed, everybody's", list(everybody, only(JobState::failed)));
    measure("failed of a user with few, deep inside", list(small, only(JobState::failed), deep));
    measure("lost (one in a million), everybody's", list(everybody, only(JobState::lost)));
    measure("lost of a user with few", list(small, only(JobState::lost)));
    measure("running (none), everybody's", list(everybody, only(JobState::running)));
    measure("queued of a user", list(big, only(JobState::queued)));
    measure("tag common, everybody's, deep inside", list(everybody, with("common", ""), deep));
    measure("tag common of a user", list(big, with("common", "")));
    measure("tag rare, everybody's", list(everybody, with("rare", "")));
    measure("queue gpu, everybody's, deep inside", list(everybody, with("", "gpu"), deep));
    measure("queue gpu of a user with few", list(small, with("", "gpu")));
    measure("queue rare, everybody's", list(everybody, with("", "rare")));
    measure("a step of a search by name (500 jobs), deep inside", list(everybody, {}, deep, 500));
    measure("one job, deep inside", [&] { return must(jobs.one(JobId{deep})) ? 1U : 0U; });
    measure("getqueue of a user, first step", [&] { return must(jobs.queued(big, 0, 100)).matches.size(); });
}

}  // namespace

int main(int argc, char** argv) {
    std::int64_t rows = 10'000'000, live = 10'000;
    std::string database;
    bool keep = false;
    CLI::App app("Reads of the api and of a restart against a long history.", "bench_history");
    app.add_option("--rows", rows, "finished jobs");
    app.add_option("--live", live, "queued jobs beside them");
    app.add_option("--database", database, "postgresql://… of an empty database (default: SQLite, a file in /tmp)");
    app.add_flag("--made", keep, "the history is there already");
    CLI11_PARSE(app, argc, argv);
    const bool own = database.empty();
    const std::string path = fmt::format("/tmp/bench_history.{}.db", ::getpid());
    if (own) database = "sqlite:" + path;
    const DatabaseUrl url = must(DatabaseUrl::parse(database));
    {
        auto store = must(scheduler::open_store(url));
        SessionSettings patient;
        patient.statement_timeout = Milliseconds{3'600'000};
        Session session(url, patient);
        const auto start = steady_clock::now();
        if (!keep) make_history(session, rows, live);
        fmt::print("{}: {} finished, {} queued, made in {:.0f} s\n", url.shown(), rows, live, ms_since(start) / 1000);
        std::fflush(stdout);
        measure_lists(url, rows);
        const auto load = steady_clock::now();
        const auto state = must(store->load());
        fmt::print("  restart: {} jobs read in {:.0f} ms\n", state.queue.jobs.size(), ms_since(load));
        must(store->lead());
        const auto look = steady_clock::now();
        must(store->forget_finished(from_unix_us(1), 2000));
        fmt::print("  forgetting when nothing is old enough: {:.1f} ms\n", ms_since(look));
        const auto forget = steady_clock::now();
        const auto gone = must(store->forget_finished(from_unix_us(1'700'000'100'000'000), 2000));
        fmt::print("  forgetting {} jobs: {:.0f} ms\n", gone, ms_since(forget));
    }
    if (own)
        for (const char* suffix : {"", "-wal", "-shm", ".scheduler-lock"}) std::filesystem::remove(path + suffix);
    return 0;
}
