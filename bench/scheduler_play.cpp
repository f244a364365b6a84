#include "bench/scheduler_play.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>

namespace windlass::bench {

SchedulerProcess::SchedulerProcess(const Options& options) : database_(options.database) {
    if (database_.empty()) database_ = "sqlite:" + directory_.path() + "/windlass.db";
    start();
}

SchedulerProcess::~SchedulerProcess() {
    end(SIGTERM);
}

double SchedulerProcess::restart() {
    end(SIGKILL);
    const double begin = seconds_now();
    start();
    return seconds_now() - begin;
}

void SchedulerProcess::start() {
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

void SchedulerProcess::end(int signal) {
    child_->signal(signal);
    pollfd ended{child_->pidfd(), POLLIN, 0};
    poll(&ended, 1, 60'000);
    child_->ended();
}

Players::Players(const std::string& endpoint, int users) : endpoint_(endpoint), users_(users) {
    uv_loop_init(&loop_);
    api_ = dial(nullptr);
    protocol::Hello hello;
    hello.role = "api";
    hello.name = "bench";
    api_->send(hello);
}

Players::~Players() {
    api_->close("done");
    for (const auto& worker : workers_) worker->connection->close("done");
    uv_run(&loop_, UV_RUN_DEFAULT);
    uv_loop_close(&loop_);
}

double Players::enqueue(int count) {
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

double Players::enqueue_array(int members) {
    const double begin = seconds_now();
    protocol::SubmitJobs submit;
    submit.request = RequestId{3};
    submit.owner = UserId{1};
    protocol::SubmitItem& item = submit.jobs.emplace_back();
    item.spec.running_commands = "python3 code < data > out/result";
    item.array_count = members;
    api_->send(submit);
    for (const int target = submitted_ + 1; submitted_ < target;) uv_run(&loop_, UV_RUN_ONCE);
    return seconds_now() - begin;
}

protocol::Statistics Players::statistics() {
    statistics_.reset();
    api_->send(protocol::AskStatistics{RequestId{1}});
    while (!statistics_) uv_run(&loop_, UV_RUN_ONCE);
    return *statistics_;
}

void Players::add_workers(int count) {
    for (int i = 0; i < count; ++i) {
        Worker* worker = workers_.emplace_back(std::make_unique<Worker>()).get();
        worker->connection = dial(worker);
        protocol::Hello hello;
        hello.role = "worker";
        hello.name = fmt::format("bench-{}", workers_.size());
        hello.instance = "bench";
        // One large worker, or many small ones.
        hello.cpu_millis = count == 1 ? 256'000 : 8'000;
        hello.memory_bytes = std::int64_t{1} << 50;
        hello.prefetch = count == 1 ? 1000 : 16;
        worker->connection->send(hello);
    }
    while (statistics().workers_connected < static_cast<std::int64_t>(workers_.size())) uv_run(&loop_, UV_RUN_ONCE);
}

double Players::run_jobs(int count) {
    if (workers_.empty()) add_workers(1);
    const double begin = seconds_now();
    const std::int64_t target = acknowledged_ + count;
    while (acknowledged_ < target) uv_run(&loop_, UV_RUN_ONCE);
    return seconds_now() - begin;
}

std::shared_ptr<wire::Connection> Players::dial(Worker* worker) {
    std::shared_ptr<wire::Connection> made;
    wire::connect(
        &loop_, wire::parse_endpoint(endpoint_).value(), [&](Result<std::shared_ptr<wire::Connection>> result) {
            if (!result) give_up(result.error().message);
            made = std::move(result).value();
            made->trust();
            made->set_handlers(
                {[this, worker](const protocol::Message& message, const std::string&) { on_message(worker, message); },
                 [](const std::string& reason) {
                     if (reason != "done") give_up("the scheduler closed the connection: " + reason);
                 }});
        });
    while (!made) uv_run(&loop_, UV_RUN_ONCE);
    return made;
}

void Players::send_batch(int size) {
    protocol::SubmitJobs submit;
    submit.request = RequestId{2};
    submit.owner = UserId{1 + submitted_ / 1000 % users_};
    submit.jobs.resize(static_cast<std::size_t>(size));
    for (auto& item : submit.jobs) {
        item.spec.running_commands = "python3 code < data > out/result";
        item.code_size = item.data_size = -1;
    }
    submit.jobs.front().code_size = submit.jobs.front().data_size = 200;
    api_->send(submit, std::string(200, 'c') + std::string(200, 'd'));
}

void Players::on_message(Worker* worker, const protocol::Message& message) {
    if (const auto* submitted = std::get_if<protocol::JobsSubmitted>(&message))
        submitted_ += static_cast<int>(submitted->jobs.size());
    else if (const auto* statistics = std::get_if<protocol::Statistics>(&message))
        statistics_ = *statistics;
    else if (const auto* lease = std::get_if<protocol::Lease>(&message))
        finish(*worker, lease->attempt);
    else if (const auto* ended = std::get_if<protocol::AcknowledgeFinish>(&message))
        acknowledged_ += ended->accepted;
    else if (const auto* refused = std::get_if<protocol::Refused>(&message))
        give_up(refused->reason);
    else if (const auto* not_taken = std::get_if<protocol::SubmitRefused>(&message))
        give_up(not_taken->detail);
    else if (const auto* unavailable = std::get_if<protocol::Unavailable>(&message))
        give_up(unavailable->reason);
}

void Players::finish(Worker& worker, AttemptRef attempt) {
    worker.connection->send(protocol::AttemptStarted{attempt});
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    finished.result.usage.wall = Microseconds{1000};
    worker.connection->send(finished);
}

}  // namespace windlass::bench
