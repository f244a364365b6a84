// backlog: the real scheduler process on a real database, with an api and a worker played by this program over its
// socket. At each depth of the queue: enqueue rate, dispatch + complete rate, memory per queued job, time to restart.
#include <fmt/format.h>
#include <poll.h>
#include <uv.h>

#include <csignal>
#include <deque>
#include <fstream>
#include <iterator>

#include "bench/process_tree.h"
#include "bench/site.h"
#include "shared/wire/connection.h"

namespace windlass::bench {
namespace {

// The scheduler alone, in a directory of its own.
class SchedulerProcess {
  public:
    explicit SchedulerProcess(const Options& options) : database_(options.database) {
        if (database_.empty()) database_ = "sqlite:" + directory_.path() + "/windlass.db";
        start();
    }
    ~SchedulerProcess() { end(SIGTERM); }

    std::string endpoint() const { return "unix:" + directory_.path() + "/s"; }
    pid_t pid() const { return child_->pid(); }
    // kill -9 and start again: the seconds until it listens.
    double restart() {
        end(SIGKILL);
        const double begin = seconds_now();
        start();
        return seconds_now() - begin;
    }

  private:
    void start() {
        cli::ProgramSpec spec;
        spec.name = "windlass-scheduler";
        spec.path = program_directory() + "/windlass-scheduler";
        spec.arguments = {"--database-url", database_, "--scheduler-listen", endpoint()};
        spec.environment = {{"PATH", "/usr/bin:/bin"}};
        spec.log_path = fmt::format("{}/log.{}", directory_.path(), ++starts_);
        auto started = cli::ChildProcess::start(spec);
        if (!started) give_up(started.error().message);
        child_ = std::make_unique<cli::ChildProcess>(std::move(started).value());
        const auto log = [&] {
            std::ifstream file(spec.log_path);
            return std::string(std::istreambuf_iterator<char>(file), {});
        };
        for (const double deadline = seconds_now() + 120; log().find("listening on") == std::string::npos;
             poll(nullptr, 0, 5))
            if (child_->ended() || seconds_now() > deadline) give_up("the scheduler did not start:\n" + log());
    }
    void end(int signal) {
        child_->signal(signal);
        pollfd ended{child_->pidfd(), POLLIN, 0};
        poll(&ended, 1, 60'000);
        child_->ended();
    }

    TemporaryDirectory directory_;
    std::string database_;
    int starts_ = 0;
    std::unique_ptr<cli::ChildProcess> child_;
};

// The api and the worker of this play.
class Players {
  public:
    explicit Players(const std::string& endpoint) {
        uv_loop_init(&loop_);
        api_ = dial(endpoint);
        protocol::Hello hello;
        hello.role = "api";
        hello.name = "bench";
        api_->send(hello);
    }
    ~Players() {
        api_->close("done");
        if (worker_) worker_->close("done");
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }

    // Seconds for `count` jobs, submitted in batches of 1,000, two batches on the way at a time.
    double enqueue(int count) {
        const double begin = seconds_now();
        int sent = 0;
        const int target = submitted_ + count;
        const int before = submitted_;
        while (submitted_ < target) {
            while (sent < count && sent - (submitted_ - before) < 2000) {
                const int size = std::min(1000, count - sent);
                send_batch(size);
                sent += size;
            }
            uv_run(&loop_, UV_RUN_ONCE);
        }
        return seconds_now() - begin;
    }

    protocol::Statistics statistics() {
        statistics_.reset();
        api_->send(protocol::AskStatistics{RequestId{1}});
        while (!statistics_) uv_run(&loop_, UV_RUN_ONCE);
        return *statistics_;
    }

    // Seconds in which a worker that ends every job at once gets `count` of them acknowledged.
    double run_jobs(const std::string& endpoint, int count) {
        if (!worker_) {
            worker_ = dial(endpoint);
            protocol::Hello hello;
            hello.role = "worker";
            hello.name = "bench";
            hello.instance = "bench";
            hello.cpu_millis = 256'000;
            hello.memory_bytes = std::int64_t{1} << 50;
            hello.prefetch = 1000;
            worker_->send(hello);
        }
        const double begin = seconds_now();
        const std::int64_t target = acknowledged_ + count;
        while (acknowledged_ < target) uv_run(&loop_, UV_RUN_ONCE);
        return seconds_now() - begin;
    }

  private:
    std::shared_ptr<wire::Connection> dial(const std::string& endpoint) {
        std::shared_ptr<wire::Connection> made;
        wire::connect(&loop_, wire::parse_endpoint(endpoint).value(),
                      [&](Result<std::shared_ptr<wire::Connection>> result) {
                          if (!result) give_up(result.error().message);
                          made = std::move(result).value();
                          made->trust();
                          made->set_handlers(
                              {[this](const protocol::Message& message, const std::string&) { on_message(message); },
                               [](const std::string& reason) {
                                   if (reason != "done") give_up("the scheduler closed the connection: " + reason);
                               }});
                      });
        while (!made) uv_run(&loop_, UV_RUN_ONCE);
        return made;
    }

    void send_batch(int size) {
        protocol::SubmitJobs submit;
        submit.request = RequestId{2};
        submit.owner = UserId{1 + submitted_ % 10};
        submit.jobs.resize(static_cast<std::size_t>(size));
        for (auto& item : submit.jobs) {
            item.spec.running_commands = "python3 code < data > out/result";
            item.code_size = item.data_size = -1;
        }
        submit.jobs.front().code_size = submit.jobs.front().data_size = 200;
        api_->send(submit, std::string(200, 'c') + std::string(200, 'd'));
    }

    void on_message(const protocol::Message& message) {
        if (const auto* submitted = std::get_if<protocol::JobsSubmitted>(&message))
            submitted_ += static_cast<int>(submitted->count);
        else if (const auto* statistics = std::get_if<protocol::Statistics>(&message))
            statistics_ = *statistics;
        else if (const auto* lease = std::get_if<protocol::Lease>(&message))
            finish(lease->attempt);
        else if (const auto* ended = std::get_if<protocol::AcknowledgeFinish>(&message))
            acknowledged_ += ended->accepted;
        else if (const auto* refused = std::get_if<protocol::Refused>(&message))
            give_up(refused->reason);
        else if (const auto* unavailable = std::get_if<protocol::Unavailable>(&message))
            give_up(unavailable->reason);
    }

    void finish(AttemptRef attempt) {
        worker_->send(protocol::AttemptStarted{attempt});
        protocol::AttemptFinished finished;
        finished.attempt = attempt;
        finished.result.usage.wall = Microseconds{1000};
        worker_->send(finished);
    }

    uv_loop_t loop_{};
    std::shared_ptr<wire::Connection> api_, worker_;
    int submitted_ = 0;
    std::int64_t acknowledged_ = 0;
    std::optional<protocol::Statistics> statistics_;
};

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
    figures.complete_per_second = jobs / players.run_jobs(scheduler.endpoint(), jobs);
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
