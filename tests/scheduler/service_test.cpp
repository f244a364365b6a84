// The whole scheduler but its database, over real sockets: workers and api processes are played by the test.
#include "scheduler/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "scheduler/sample_desk.h"
#include "shared/digest.h"
#include "tests/support/exposition.h"
#include "tests/support/loop.h"
#include "tests/support/temporary_directory.h"

namespace windlass::scheduler {
namespace {

using testing::HasSubstr;

// What the tests do to the store while the service owns it.
struct StoreSwitch {
    std::mutex mutex;
    std::condition_variable opened;
    bool gate_closed = false;     // commits wait
    bool shelf_closed = false;    // those who read the schedules wait
    std::atomic<int> waiting{0};  // commits that wait at the gate
    std::atomic<ErrorKind> failure{ErrorKind::internal};
    std::atomic<bool> failing{false};
    std::atomic<int> times_forgotten{0};
    std::vector<Batch> committed;
    std::vector<ScheduleRecord> schedules;
    std::vector<metrics::MetricPoint> samples;
    std::atomic<bool> samples_fail{false};

    void close_gate() {
        const std::lock_guard lock(mutex);
        gate_closed = true;
    }
    void open_gate() {
        {
            const std::lock_guard lock(mutex);
            gate_closed = shelf_closed = false;
        }
        opened.notify_all();
    }
    std::vector<metrics::MetricPoint> kept_samples() {
        const std::lock_guard lock(mutex);
        return samples;
    }
    template <class Visit>
    void each_batch(Visit visit) {
        const std::lock_guard lock(mutex);
        for (const Batch& batch : committed) visit(batch);
    }
};

class SwitchedStore final : public Store {
  public:
    explicit SwitchedStore(std::shared_ptr<StoreSwitch> control)
        : control_(std::move(control)), inner_(make_memory_store()) {
        WINDLASS_CHECK(inner_->lead().ok(), "the memory store can always be led");
    }
    Result<std::int64_t> lead() override { return inner_->lead(); }
    Status commit(const Batch& batch) override {
        std::unique_lock lock(control_->mutex);
        ++control_->waiting;
        control_->opened.wait(lock, [&] { return !control_->gate_closed; });
        --control_->waiting;
        if (control_->failing) return make_error(control_->failure, "the test says no");
        Status status = inner_->commit(batch);
        if (status) control_->committed.push_back(batch);
        return status;
    }
    Result<StoredState> load() override { return inner_->load(); }
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) override {
        if (control_->failing) return make_error(control_->failure, "the test says no");
        return inner_->payloads(jobs);
    }
    Result<std::string> blob(const std::string& sha256) override { return inner_->blob(sha256); }
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override {
        return inner_->final_states(jobs);
    }
    Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                    const std::string& key) override {
        return inner_->submitted_with(account, route, key);
    }
    Result<std::vector<ScheduleRecord>> schedules() override {
        std::unique_lock lock(control_->mutex);
        control_->opened.wait(lock, [&] { return !control_->shelf_closed; });
        return control_->schedules;
    }
    Result<std::int64_t> move_finished(std::int64_t most) override { return inner_->move_finished(most); }
    Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) override {
        ++control_->times_forgotten;
        return inner_->forget_finished(cutoff, most);
    }
    Result<std::int64_t> forget_expired(WallTime now, std::int64_t most) override {
        return inner_->forget_expired(now, most);
    }
    Status append_samples(const std::vector<metrics::MetricPoint>& points) override {
        const std::lock_guard lock(control_->mutex);
        if (control_->samples_fail) return make_error(ErrorKind::internal, "the test keeps no numbers");
        control_->samples.insert(control_->samples.end(), points.begin(), points.end());
        return {};
    }
    Status ping() override {
        if (control_->failing) return make_error(control_->failure, "the test says no");
        return inner_->ping();
    }

  private:
    std::shared_ptr<StoreSwitch> control_;
    std::unique_ptr<Store> inner_;
};

// One end of a connection to the service, with what it has said so far.
struct Client {
    std::shared_ptr<wire::Connection> connection;
    std::deque<std::pair<protocol::Message, std::string>> inbox;
    std::string closed;

    template <class M>
    bool has() const {
        for (const auto& [message, body] : inbox)
            if (std::holds_alternative<M>(message)) return true;
        return false;
    }
    // Removes and returns the first message of this kind.
    template <class M>
    std::pair<M, std::string> take() {
        for (auto at = inbox.begin(); at != inbox.end(); ++at)
            if (auto* found = std::get_if<M>(&at->first)) {
                std::pair<M, std::string> taken{std::move(*found), std::move(at->second)};
                inbox.erase(at);
                return taken;
            }
        ADD_FAILURE() << "no such message";
        return {};
    }
};

class ServiceTest : public testing::Test {
  protected:
    ServiceTest() {
        initialise_crypto();
        settings_.listen = wire::parse_endpoint("unix:" + directory_.path() + "/s").value();
        settings_.door.own_uid = static_cast<long>(getuid());
    }
    ~ServiceTest() override {
        control_->open_gate();
        for (auto& client : clients_) client->connection->close("the test is over");
        clients_.clear();
        if (service_) service_->stop([this] { service_.reset(); });
        loop_.run_until([&] { return !service_; });
        loop_.finish();
    }
    void start() {
        auto opened = Service::open(loop_.get(), clock_, settings_, std::make_unique<SwitchedStore>(control_), 1, {},
                                    [this](const std::string& why) { deposed_ = why; });
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        service_ = std::move(opened).value();
    }
    Client& dial() {
        auto client = std::make_shared<Client>();
        bool answered = false;
        wire::connect(loop_.get(), settings_.listen, [&](Result<std::shared_ptr<wire::Connection>> made) {
            answered = true;
            ASSERT_TRUE(made.ok()) << made.error().message;
            client->connection = *made;
            client->connection->trust();
            client->connection->set_handlers({[client](protocol::Message message, std::string body) {
                                                  client->inbox.emplace_back(std::move(message), std::move(body));
                                              },
                                              [client](const std::string& reason) { client->closed = reason; }});
        });
        loop_.run_until([&] { return answered; });
        clients_.push_back(client);
        return *clients_.back();
    }
    Client& join(const std::string& role, const std::string& name = "w", const std::string& instance = "i",
                 std::vector<AttemptRef> held = {}) {
        Client& client = dial();
        protocol::Hello hello;
        hello.role = role;
        hello.name = name;
        hello.instance = instance;
        hello.cpu_millis = 2000;
        hello.memory_bytes = 8 * gibibyte;
        hello.held = std::move(held);
        client.connection->send(hello);
        EXPECT_TRUE(
            loop_.run_until([&] { return client.has<protocol::Welcome>() || client.has<protocol::Refused>(); }));
        return client;
    }
    static protocol::SubmitJobs two_jobs(std::int64_t request) {
        protocol::SubmitJobs submit;
        submit.request = RequestId{request};
        submit.owner = UserId{1};
        submit.jobs.resize(2);
        submit.jobs[0].spec.running_commands = "first";
        submit.jobs[0].code_size = 4;
        submit.jobs[0].data_size = 2;
        submit.jobs[1].spec.running_commands = "second";
        submit.jobs[1].code_size = -1;
        submit.jobs[1].data_size = 3;
        return submit;
    }
    std::string figures() const {
        windlass::figures::Families families;
        service_->add_figures(families);
        return windlass::figures::text(families);
    }
    template <class M>
    std::pair<M, std::string> wait_for(Client& client) {
        EXPECT_TRUE(loop_.run_until([&] { return client.has<M>(); }));
        return client.take<M>();
    }

    test::TemporaryDirectory directory_;
    test::TestLoop loop_;
    SystemClock clock_;
    ServiceSettings settings_;
    std::shared_ptr<StoreSwitch> control_ = std::make_shared<StoreSwitch>();
    std::unique_ptr<Service> service_;
    std::vector<std::shared_ptr<Client>> clients_;
    std::string deposed_;
};

TEST_F(ServiceTest, a_job_goes_from_submit_to_its_result) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(77), "codeD1dat");
    const auto [submitted, none] = wait_for<protocol::JobsSubmitted>(api);
    EXPECT_EQ(submitted.request, RequestId{77});
    ASSERT_EQ(submitted.jobs.size(), 2u);

    const auto [first, first_body] = wait_for<protocol::Lease>(worker);
    const auto [second, second_body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(first.attempt, (AttemptRef{submitted.jobs[0], 1}));
    EXPECT_EQ(first.spec.running_commands, "first");
    EXPECT_EQ(first_body, "codeD1");
    EXPECT_EQ(second_body, "codedat") << "-1 means: the same code as the item before";

    api.connection->send(protocol::WatchJob{submitted.jobs[0]});
    worker.connection->send(protocol::AttemptStarted{first.attempt});
    worker.connection->send(protocol::AttemptOutput{first.attempt, OutputStream::standard_output, 0}, "hello ");
    protocol::AttemptFinished finished;
    finished.attempt = first.attempt;
    finished.result.stdout_bytes = 11;
    finished.result.files = {{"f", 2, sha256_hex("ff"), true}};
    finished.stdout_offset = 6;
    finished.stdout_size = 5;
    worker.connection->send(finished, "worldff");
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    EXPECT_EQ(wait_for<protocol::JobEnded>(api).first.job, submitted.jobs[0]);

    std::string output;
    std::size_t results = 0, blobs = 0;
    control_->each_batch([&](const Batch& batch) {
        for (const auto& chunk : batch.output) output += chunk.bytes;
        results += batch.results.size();
        for (const auto& blob : batch.blobs) blobs += blob.bytes == "ff";
    });
    EXPECT_EQ(output, "hello world");
    EXPECT_EQ(results, 1u);
    EXPECT_EQ(blobs, 1u);
}

TEST_F(ServiceTest, what_was_kept_long_enough_is_looked_for_also_where_nothing_happens) {
    settings_.housekeeping.quiet_for = Milliseconds{1};
    settings_.housekeeping.look_every = Milliseconds{1};
    settings_.housekeeping.keep_finished = std::chrono::days{30};
    start();
    EXPECT_TRUE(loop_.run_until([&] { return control_->times_forgotten >= 3; }));
}

TEST_F(ServiceTest, nothing_is_told_before_it_is_durable) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    api.connection->send(two_jobs(1), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));  // the batch waits for its commit
    // A question that needs no commit is answered meanwhile, so the loop had its chance to be indiscreet.
    api.connection->send(protocol::AskStatistics{RequestId{2}});
    EXPECT_EQ(wait_for<protocol::Statistics>(api).first.starting, 2);
    worker.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(worker);
    EXPECT_FALSE(api.has<protocol::JobsSubmitted>());
    EXPECT_FALSE(worker.has<protocol::Lease>());
    control_->open_gate();
    wait_for<protocol::JobsSubmitted>(api);
    wait_for<protocol::Lease>(worker);
}

TEST_F(ServiceTest, who_watches_a_job_whose_end_is_not_durable_yet_hears_of_it_only_when_it_is) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    control_->close_gate();
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    worker.connection->send(finished);
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    api.connection->send(protocol::WatchJob{attempt.job});
    api.connection->send(protocol::AskStatistics{RequestId{2}});
    wait_for<protocol::Statistics>(api);  // the question behind the watch is answered, the watch is not
    EXPECT_FALSE(api.has<protocol::JobEnded>());
    control_->open_gate();
    EXPECT_TRUE(wait_for<protocol::JobEnded>(api).first.known);
}

TEST_F(ServiceTest, while_the_database_is_away_submits_are_refused_and_jobs_run_on) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::JobsSubmitted>(api);
    const AttemptRef running = wait_for<protocol::Lease>(worker).first.attempt;

    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    protocol::AttemptFinished finished;
    finished.attempt = running;
    worker.connection->send(finished);
    const auto refused = [&] {
        api.connection->send(two_jobs(2), "codeD1dat");
        loop_.run_until([&] { return api.has<protocol::Unavailable>() || api.has<protocol::JobsSubmitted>(); }, 200);
        return api.has<protocol::Unavailable>();
    };
    EXPECT_TRUE(loop_.run_until([&] { return refused(); }));
    EXPECT_EQ(api.take<protocol::Unavailable>().first.request, RequestId{2});
    worker.connection->send(protocol::Renew{{running}});
    wait_for<protocol::Renewed>(worker);
    EXPECT_FALSE(worker.has<protocol::AcknowledgeFinish>()) << "a result is not acknowledged before it is kept";

    control_->failing = false;
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
}

TEST_F(ServiceTest, what_a_worker_measures_of_its_attempts_is_kept_under_its_name) {
    start();
    Client& worker = join("worker", "node-1");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    const WallTime now = clock_.now().wall;
    protocol::AttemptSampled sampled{attempt, {}};
    sampled.samples.push_back({now - Seconds{5}, "cpu_used", "", "", 0.75});
    sampled.samples.push_back({from_unix_us(1), "acc_mem_used", "accelerator", "GPU-1", 7});  // a clock that is wrong
    sampled.samples.push_back({now, "", "", "", 1});                                          // no name
    worker.connection->send(sampled);
    sampled.attempt.attempt = 9;  // not its own
    worker.connection->send(sampled);
    ASSERT_TRUE(loop_.run_until([&] { return control_->kept_samples().size() == 2; }));
    const auto kept = control_->kept_samples();
    EXPECT_EQ(kept[0].series, (metrics::SeriesKey{attempt.job, "node-1", "cpu_used", "node", ""}));
    EXPECT_EQ(kept[0].at, now - Seconds{5});
    EXPECT_EQ(kept[0].value, 0.75);
    EXPECT_EQ(kept[1].series, (metrics::SeriesKey{attempt.job, "node-1", "acc_mem_used", "accelerator", "GPU-1"}));
    EXPECT_GE(kept[1].at, now);
    EXPECT_THAT(figures(), testing::HasSubstr("windlass_samples_stored_total 2\n"));
    EXPECT_THAT(figures(), testing::HasSubstr("windlass_samples_dropped_total 4\n"));
}

TEST_F(ServiceTest, numbers_that_cannot_be_kept_cost_a_job_nothing) {
    control_->samples_fail = true;
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    worker.connection->send(protocol::AttemptSampled{attempt, {{clock_.now().wall, "cpu_used", "", "", 1}}});
    ASSERT_TRUE(
        loop_.run_until([&] { return figures().find("windlass_samples_dropped_total 1\n") != std::string::npos; }));
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    worker.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    EXPECT_TRUE(deposed_.empty());
}

TEST_F(ServiceTest, a_worker_that_floods_with_numbers_is_bounded) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    protocol::AttemptSampled flood{attempt, {}};
    for (int i = 0; i < 1'000; ++i) flood.samples.push_back({clock_.now().wall, "user.x", "", "", 1.0 * i});
    for (int i = 0; i < 40; ++i) worker.connection->send(flood);
    worker.connection->send(protocol::Renew{{attempt}});
    wait_for<protocol::Renewed>(worker);
    const auto dealt_with = [&] {
        const auto values = windlass::test::read_exposition(figures()).samples;
        return values.at("windlass_samples_stored_total") + values.at("windlass_samples_dropped_total");
    };
    ASSERT_TRUE(loop_.run_until([&] { return dealt_with() == 40'000; }));
    const auto kept = static_cast<double>(control_->kept_samples().size());
    EXPECT_GE(kept, SampleDesk::points_at_once);
    EXPECT_LT(kept, SampleDesk::points_at_once + 20 * SampleDesk::points_per_s) << "20 s is as long as this may take";
}

TEST_F(ServiceTest, its_figures_are_what_prometheus_reads) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::Lease>(worker);
    const std::string text = figures();
    const auto read = windlass::test::read_exposition(text);
    EXPECT_THAT(read.faults, testing::IsEmpty()) << text;
    EXPECT_EQ(windlass::test::complaints_of_promtool(text), "");
    EXPECT_EQ(read.samples.at("windlass_jobs{state=\"starting\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_queue_jobs{queue=\"default\",state=\"running\"}"), 2);
    EXPECT_EQ(read.samples.at("windlass_workers_cores"), 2);
    EXPECT_EQ(read.samples.at("windlass_jobs_submitted_total"), 2);
    EXPECT_EQ(read.samples.at("windlass_database_up"), 1);
    EXPECT_GE(read.samples.at("windlass_commit_duration_seconds_count"), 1);
}

TEST_F(ServiceTest, a_deposed_leader_says_nothing_more) {
    start();
    Client& api = join("api");
    control_->failure = ErrorKind::stale;
    control_->failing = true;
    api.connection->send(two_jobs(1), "codeD1dat");
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(api.has<protocol::JobsSubmitted>());
    control_->failing = false;
}

TEST_F(ServiceTest, payloads_that_are_not_in_memory_come_from_the_store) {
    settings_.payload_cache_bytes = 0;
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    wait_for<protocol::JobsSubmitted>(api);
    Client& worker = join("worker");
    EXPECT_EQ(wait_for<protocol::Lease>(worker).second, "codeD1");
    const auto [second, body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(second.spec.running_commands, "second");
    EXPECT_EQ(body, "codedat");
}

TEST_F(ServiceTest, a_result_of_a_stranger_attempt_is_refused_and_leaves_nothing) {
    start();
    Client& worker = join("worker");
    protocol::AttemptFinished finished;
    finished.attempt = {JobId{100000001}, 1};
    finished.stdout_size = 3;
    worker.connection->send(finished, "abc");
    EXPECT_FALSE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
    control_->each_batch([](const Batch& batch) { EXPECT_TRUE(batch.results.empty() && batch.output.empty()); });
}

TEST_F(ServiceTest, a_worker_that_lies_about_a_hash_is_cut_off) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    protocol::AttemptFinished finished;
    finished.attempt = wait_for<protocol::Lease>(worker).first.attempt;
    finished.result.files = {{"f", 2, sha256_hex("other bytes"), true}};
    worker.connection->send(finished, "ff");
    EXPECT_TRUE(loop_.run_until([&] { return !worker.closed.empty(); }));
}

TEST_F(ServiceTest, a_second_worker_of_the_same_name_is_refused_and_the_first_stays) {
    start();
    Client& first = join("worker", "node", "instance-1");
    Client& second = join("worker", "node", "instance-2");
    EXPECT_THAT(second.take<protocol::Refused>().first.reason, HasSubstr("worker.name"));
    first.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(first);
}

TEST_F(ServiceTest, a_worker_that_reconnects_replaces_its_former_connection_and_keeps_its_attempt) {
    start();
    Client& before = join("worker", "node", "same");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef one = wait_for<protocol::Lease>(before).first.attempt;
    const AttemptRef two = wait_for<protocol::Lease>(before).first.attempt;
    Client& after = join("worker", "node", "same", {one});  // it never got the second lease, it says
    EXPECT_TRUE(loop_.run_until([&] { return !before.closed.empty(); }));
    const AttemptRef again = wait_for<protocol::Lease>(after).first.attempt;
    EXPECT_EQ(again, (AttemptRef{two.job, 2}));
    protocol::AttemptFinished finished;
    finished.attempt = one;
    after.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(after).first.accepted);
}

TEST_F(ServiceTest, a_hello_that_arrives_after_a_later_one_of_the_same_worker_changes_nothing) {
    start();
    const auto greet = [&](std::int64_t dial_number) -> Client& {
        Client& client = dial();
        protocol::Hello hello;
        hello.role = "worker";
        hello.name = "node";
        hello.instance = "same";
        hello.dial = dial_number;
        hello.cpu_millis = 2000;
        hello.memory_bytes = 8 * gibibyte;
        client.connection->send(hello);
        EXPECT_TRUE(loop_.run_until([&] { return client.has<protocol::Welcome>() || !client.closed.empty(); }));
        return client;
    };
    Client& current = greet(2);
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef running = wait_for<protocol::Lease>(current).first.attempt;
    Client& late = greet(1);
    EXPECT_FALSE(late.has<protocol::Welcome>());
    EXPECT_FALSE(late.has<protocol::Refused>()) << "a worker that is refused ends, and this one lives";
    protocol::AttemptFinished finished;
    finished.attempt = running;
    current.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(current).first.accepted);
}

// A clock that the test moves on.
class MovedClock final : public Clock {
  public:
    Now now() const override {
        Now now = SystemClock().now();
        now.steady += ahead;
        return now;
    }
    Milliseconds ahead{0};
};

TEST_F(ServiceTest, a_lease_that_waited_too_long_for_its_commit_is_taken_back_and_given_anew) {
    MovedClock clock;
    auto opened = Service::open(loop_.get(), clock, settings_, std::make_unique<SwitchedStore>(control_), 1, {},
                                [](const std::string&) {});
    ASSERT_TRUE(opened.ok());
    service_ = std::move(opened).value();
    Client& worker = join("worker");
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    api.connection->send(two_jobs(1), "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    clock.ahead = settings_.longest_wait_of_a_lease() + Milliseconds{1};
    control_->open_gate();
    wait_for<protocol::JobsSubmitted>(api);
    worker.connection->send(protocol::Renew{});  // a worker that handed something back rests until it renews
    EXPECT_EQ(wait_for<protocol::Lease>(worker).first.attempt.attempt, 2);
}

TEST_F(ServiceTest, a_waiting_job_is_cancelled_at_once_and_a_watcher_hears_of_it) {
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const JobId job = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::WatchJob{job});
    api.connection->send(protocol::CancelJobs{RequestId{9}, {job}, ""});
    const auto answered = wait_for<protocol::CancelAnswered>(api).first;
    EXPECT_EQ(answered.request, RequestId{9});
    EXPECT_EQ(answered.answers, (std::vector{static_cast<std::int64_t>(CancelAnswer::cancelled)}));
    EXPECT_TRUE(wait_for<protocol::JobEnded>(api).first.known);
    api.connection->send(protocol::WatchJob{job});
    EXPECT_FALSE(wait_for<protocol::JobEnded>(api).first.known) << "ended before: read the table";
}

TEST_F(ServiceTest, a_submit_with_a_key_is_carried_out_once) {
    start();
    Client& api = join("api");
    auto submit = two_jobs(1);
    submit.route = "POST /api/jobs/submit/";
    submit.key = "k";
    submit.body_sha256 = "one";
    api.connection->send(submit, "codeD1dat");
    const auto first = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_FALSE(first.replayed);
    submit.request = RequestId{2};
    api.connection->send(submit, "codeD1dat");
    const auto again = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_TRUE(again.replayed);
    EXPECT_EQ(again.jobs, first.jobs);
    submit.request = RequestId{3};
    submit.body_sha256 = "another";
    api.connection->send(submit, "codeD1dat");
    EXPECT_EQ(wait_for<protocol::SubmitRefused>(api).first.why, protocol::SubmitRefused::Why::key_of_another);
    std::size_t jobs = 0;
    control_->each_batch([&](const Batch& batch) { jobs += batch.jobs.size(); });
    EXPECT_EQ(jobs, 2u);
}

TEST_F(ServiceTest, a_key_whose_first_submit_is_under_way_is_in_use) {
    start();
    Client& api = join("api");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 0; }));
    control_->close_gate();
    auto submit = two_jobs(1);
    submit.key = "k";
    submit.body_sha256 = "one";
    api.connection->send(submit, "codeD1dat");
    ASSERT_TRUE(loop_.run_until([&] { return control_->waiting == 1; }));
    submit.request = RequestId{2};
    api.connection->send(submit, "codeD1dat");
    const auto refused = wait_for<protocol::SubmitRefused>(api).first;
    EXPECT_EQ(refused.request, RequestId{2});
    EXPECT_EQ(refused.why, protocol::SubmitRefused::Why::key_in_use);
    EXPECT_GT(refused.retry_after_ms, 0);
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::JobsSubmitted>(api).first.request, RequestId{1});
}

TEST_F(ServiceTest, a_job_may_wait_for_one_that_ended_long_ago_and_for_none_that_never_was) {
    start();
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const JobId ended = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::CancelJobs{RequestId{2}, {ended}, ""});
    wait_for<protocol::CancelAnswered>(api);
    auto submit = two_jobs(3);
    submit.jobs[0].after = {{ended, 0, DependencyCondition::failed}};
    submit.jobs[1].after = {{JobId{}, 0, DependencyCondition::ok}};
    api.connection->send(submit, "codeD1dat");
    const auto made = wait_for<protocol::JobsSubmitted>(api).first;
    EXPECT_EQ(made.request, RequestId{3});
    api.connection->send(protocol::AskStatistics{RequestId{4}});
    EXPECT_EQ(wait_for<protocol::Statistics>(api).first.blocked, 1) << "the second waits, the first does not";
    submit.request = RequestId{5};
    submit.jobs[0].after = {{JobId{999'999'999}, 0, DependencyCondition::ok}};
    api.connection->send(submit, "codeD1dat");
    EXPECT_EQ(wait_for<protocol::SubmitRefused>(api).first.why, protocol::SubmitRefused::Why::no_such_job);
}

TEST_F(ServiceTest, members_of_an_array_are_told_which_they_are) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    for (const bool with_parameters : {false, true}) {
        protocol::SubmitJobs submit;
        submit.request = RequestId{1};
        submit.owner = UserId{1};
        protocol::SubmitItem& item = submit.jobs.emplace_back();
        item.spec.running_commands = "member";
        item.spec.env = {{"A", "all"}};
        item.array_count = 2;
        if (with_parameters) item.params = {{{"X", "zero"}}, {{"X", "one"}}};
        api.connection->send(submit);
        const JobId array = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
        for (const char* index : {"0", "1"}) {
            const protocol::Lease lease = wait_for<protocol::Lease>(worker).first;
            const std::string seen = lease.spec.env.at("WINDLASS_ARRAY_INDEX");
            EXPECT_EQ(seen, index);
            EXPECT_EQ(lease.attempt.job.value, array.value + 1 + std::stoll(seen));
            EXPECT_EQ(lease.spec.env.at("WINDLASS_ARRAY_ID"), array.text());
            EXPECT_EQ(lease.spec.env.at("WINDLASS_ARRAY_COUNT"), "2");
            EXPECT_EQ(lease.spec.env.at("A"), "all");
            EXPECT_EQ(lease.spec.env.contains("X"), with_parameters);
            protocol::AttemptFinished finished;
            finished.attempt = lease.attempt;
            worker.connection->send(finished);
            wait_for<protocol::AcknowledgeFinish>(worker);
        }
    }
}

TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_answers_no_renewal) {
    settings_.proof_lasts = Milliseconds{0};  // its leadership needs a proof at once
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(worker).first.attempt;
    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    worker.connection->send(protocol::Renew{{attempt}});
    wait_for<protocol::Renewed>(worker);  // an absent database proves nothing against it
    control_->failure = ErrorKind::stale;
    worker.connection->send(protocol::Renew{{attempt}});
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(worker.has<protocol::Renewed>());
    control_->failing = false;
}

// Thawed after another one took over: whoever dials, asks or waits finds out that it is nobody any more.
TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_welcomes_nobody) {
    settings_.proof_lasts = Milliseconds{0};
    start();
    control_->failure = ErrorKind::unavailable;
    control_->failing = true;
    join("worker");  // an absent database proves nothing against it
    control_->failure = ErrorKind::stale;
    Client& late = dial();
    protocol::Hello hello;
    hello.role = "worker";
    hello.name = "late";
    hello.cpu_millis = 1000;
    hello.memory_bytes = gibibyte;
    late.connection->send(hello);
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(late.has<protocol::Welcome>());
    control_->failing = false;
}

TEST_F(ServiceTest, a_scheduler_that_does_not_lead_any_more_answers_no_question) {
    settings_.proof_lasts = Milliseconds{0};
    start();
    Client& api = join("api");
    for (std::int64_t request = 1; request <= 2; ++request) {
        // Away: it answers. Then another one leads.
        control_->failure = request == 1 ? ErrorKind::unavailable : ErrorKind::stale;
        control_->failing = true;
        api.connection->send(protocol::WatchJob{JobId{100'000'001}});
        api.connection->send(protocol::ExplainJob{RequestId{request}, JobId{100'000'001}});
        api.connection->send(protocol::AskStatistics{RequestId{request}});
        api.connection->send(protocol::ListQueues{RequestId{request}});
        api.connection->send(protocol::ListWorkers{RequestId{request}});
        if (request == 2) break;
        wait_for<protocol::JobEnded>(api);
        wait_for<protocol::JobExplained>(api);
        wait_for<protocol::Statistics>(api);
        wait_for<protocol::QueuesListed>(api);
        wait_for<protocol::WorkersListed>(api);
        api.inbox.clear();  // of its Welcome
    }
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_EQ(api.inbox.size(), 0U);
    control_->failing = false;
}

TEST_F(ServiceTest, an_idle_worker_is_not_kept_for_ever_by_one_who_does_not_lead_any_more) {
    settings_.proof_for_idle_lasts = settings_.proof_lasts = Milliseconds{0};
    start();
    Client& worker = join("worker");
    control_->failure = ErrorKind::stale;
    control_->failing = true;
    worker.connection->send(protocol::Renew{});
    EXPECT_TRUE(loop_.run_until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(worker.has<protocol::Renewed>());
    control_->failing = false;
}

TEST_F(ServiceTest, an_operator_makes_queues_and_drains_workers) {
    start();
    Client& worker = join("worker");
    Client& api = join("api");
    protocol::ConfigureQueue queue;
    queue.request = RequestId{1};
    queue.name = "night";
    queue.held = true;
    api.connection->send(queue);
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    auto submit = two_jobs(2);
    for (auto& item : submit.jobs) item.spec.queue = "night";
    api.connection->send(submit, "codeD1dat");
    const JobId job = wait_for<protocol::JobsSubmitted>(api).first.jobs.at(0);
    api.connection->send(protocol::ExplainJob{RequestId{3}, job});
    EXPECT_EQ(wait_for<protocol::JobExplained>(api).first.reason, "queue_held");
    api.connection->send(protocol::ListQueues{RequestId{4}});
    const auto queues = wait_for<protocol::QueuesListed>(api).first.queues;
    ASSERT_EQ(queues.size(), 2u);
    EXPECT_EQ(queues[1].queued, 2);
    api.connection->send(protocol::DrainWorker{RequestId{5}, "w", true});
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    api.connection->send(protocol::DrainWorker{RequestId{6}, "nobody", true});
    EXPECT_NE(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    api.connection->send(protocol::ListWorkers{RequestId{7}});
    const auto workers = wait_for<protocol::WorkersListed>(api).first.workers;
    ASSERT_EQ(workers.size(), 1u);
    EXPECT_EQ(workers[0].name, "w");
    EXPECT_TRUE(workers[0].connected && workers[0].draining);
    queue.request = RequestId{8};
    queue.held = false;
    api.connection->send(queue);
    wait_for<protocol::OperatorAnswered>(api);
    EXPECT_FALSE(worker.has<protocol::Lease>()) << "it drains";
    api.connection->send(protocol::DrainWorker{RequestId{9}, "w", false});
    wait_for<protocol::Lease>(worker);
}

TEST_F(ServiceTest, a_recurring_job_that_is_due_is_run_once_and_one_that_overlaps_is_left_out) {
    protocol::SubmitItem item;
    item.spec.running_commands = "again";
    ScheduleRecord record;
    record.id = 4;
    record.owner = UserId{9};
    record.cron = "* * * * *";
    record.time_zone = "UTC";
    record.job = R"({"body":{"code":"C","data":"D"},"item":)" + protocol::encode_item(item) + "}";
    record.dealt_with = clock_.now().wall - std::chrono::minutes{3};
    control_->schedules = {record};
    start();
    Client& worker = join("worker");
    const auto [lease, body] = wait_for<protocol::Lease>(worker);
    EXPECT_EQ(lease.spec.running_commands, "again");
    EXPECT_EQ(body, "CD");
    std::vector<JobRecord> jobs;
    control_->each_batch([&](const Batch& batch) { jobs.insert(jobs.end(), batch.jobs.begin(), batch.jobs.end()); });
    ASSERT_EQ(jobs.size(), 1u);
    EXPECT_EQ(jobs[0].owner, UserId{9});
    EXPECT_EQ(jobs[0].schedule, 4);
    EXPECT_EQ(jobs[0].planned, std::chrono::floor<std::chrono::minutes>(*jobs[0].planned));

    // The same again, as if a minute had passed while the first still runs.
    control_->schedules[0].dealt_with = *jobs[0].planned - std::chrono::minutes{1};
    control_->schedules[0].last_job = jobs[0].job;
    Client& api = join("api");  // whoever joins may have changed them
    api.connection->send(protocol::SchedulesChanged{RequestId{1}});
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    std::size_t left_out = 0;
    EXPECT_TRUE(loop_.run_until([&] {
        left_out = 0;
        control_->each_batch([&](const Batch& batch) { left_out += batch.schedules.size(); });
        return left_out > 0;
    }));
    control_->each_batch([&](const Batch& batch) {
        for (const auto& job : batch.jobs) EXPECT_EQ(job.job, jobs[0].job) << "no second one";
    });
}

TEST_F(ServiceTest, recurring_jobs_that_are_read_anew_while_one_of_them_comes_into_being_stop_nobody) {
    protocol::SubmitItem item;
    item.spec.running_commands = "again";
    ScheduleRecord record;
    record.id = 4;
    record.owner = UserId{9};
    record.cron = "* * * * *";
    record.time_zone = "UTC";
    record.missed = MissedPolicy::all;
    record.overlap = OverlapPolicy::queue;
    record.job = R"({"body":{"code":"C","data":"D"},"item":)" + protocol::encode_item(item) + "}";
    record.dealt_with = clock_.now().wall - std::chrono::minutes{3};
    start();
    Client& api = join("api");
    {
        const std::lock_guard lock(control_->mutex);
        control_->schedules = {record};
        control_->gate_closed = true;
    }
    // The first run waits at the gate, the next is due already, and behind them one reads the schedules again.
    api.connection->send(protocol::SchedulesChanged{RequestId{1}});
    EXPECT_TRUE(loop_.run_until([&] { return control_->waiting > 0; }));
    api.connection->send(protocol::SchedulesChanged{RequestId{2}});
    api.connection->send(protocol::AskStatistics{RequestId{3}});
    wait_for<protocol::Statistics>(api);
    {
        const std::lock_guard lock(control_->mutex);
        control_->gate_closed = false;
        control_->shelf_closed = true;
    }
    control_->opened.notify_all();
    const auto runs = [&] {
        std::size_t found = 0;
        control_->each_batch([&](const Batch& batch) { found += batch.jobs.size(); });
        return found;
    };
    EXPECT_TRUE(loop_.run_until([&] { return runs() == 1; }));
    api.connection->send(protocol::AskStatistics{RequestId{4}});
    wait_for<protocol::Statistics>(api);
    {
        const std::lock_guard lock(control_->mutex);
        control_->schedules.front().dealt_with += std::chrono::minutes{1};
    }
    control_->open_gate();
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    EXPECT_EQ(wait_for<protocol::OperatorAnswered>(api).first.refused, "");
    EXPECT_TRUE(loop_.run_until([&] { return runs() >= 2; }));
}

TEST_F(ServiceTest, a_stranger_that_says_nothing_is_cut_off) {
    settings_.hello_deadline = Milliseconds{50};
    start();
    Client& silent = dial();
    EXPECT_TRUE(loop_.run_until([&] { return !silent.closed.empty(); }));
}

TEST_F(ServiceTest, a_stranger_that_does_not_greet_is_cut_off) {
    start();
    Client& rude = dial();
    rude.connection->send(protocol::AskStatistics{RequestId{1}});
    EXPECT_TRUE(loop_.run_until([&] { return !rude.closed.empty(); }));
    EXPECT_TRUE(rude.inbox.empty());
}

TEST(ServiceSettingsTest, a_network_address_without_a_secret_is_refused) {
    test::TestLoop loop;
    const SystemClock clock;
    ServiceSettings settings;
    settings.listen = wire::parse_endpoint("127.0.0.1:0").value();
    const auto opened =
        Service::open(loop.get(), clock, settings, make_memory_store(), 1, {}, [](const std::string&) {});
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error().message, HasSubstr("secret_file"));
}

}  // namespace
}  // namespace windlass::scheduler
