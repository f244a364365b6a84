// The real scheduler process on a real database, with api and workers played by this program over its socket.
#pragma once

#include <uv.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/site.h"
#include "shared/wire/connection.h"

namespace windlass::bench {

// The scheduler alone, in a directory of its own.
class SchedulerProcess {
  public:
    explicit SchedulerProcess(const Options& options);
    ~SchedulerProcess();

    std::string endpoint() const { return "unix:" + directory_.path() + "/s"; }
    pid_t pid() const { return child_->pid(); }
    // kill -9 and start again: the seconds until it listens.
    double restart();

  private:
    void start();
    void end(int signal);

    TemporaryDirectory directory_;
    std::string database_;
    int starts_ = 0;
    std::unique_ptr<cli::ChildProcess> child_;
};

// The api and the workers of this play. A worker ends every job at once.
class Players {
  public:
    explicit Players(const std::string& endpoint, int users = 10);
    ~Players();

    // Seconds for `count` jobs, submitted in batches of 1,000, two batches on the way at a time.
    double enqueue(int count);
    // Seconds for one array of so many members.
    double enqueue_array(int members);
    protocol::Statistics statistics();
    void add_workers(int count);
    // Seconds in which the workers get `count` jobs acknowledged.
    double run_jobs(int count);

  private:
    struct Worker {
        std::shared_ptr<wire::Connection> connection;
    };

    std::shared_ptr<wire::Connection> dial(Worker* worker);
    void send_batch(int size);
    void on_message(Worker* worker, const protocol::Message& message);
    static void finish(Worker& worker, AttemptRef attempt);

    uv_loop_t loop_{};
    const std::string endpoint_;
    const int users_;
    std::shared_ptr<wire::Connection> api_;
    std::vector<std::unique_ptr<Worker>> workers_;
    int submitted_ = 0;
    std::int64_t acknowledged_ = 0;
    std::optional<protocol::Statistics> statistics_;
};

}  // namespace windlass::bench
