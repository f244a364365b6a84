// The whole scheduler but its database, over real sockets: workers and api processes are played by the test.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "scheduler/sample_desk.h"
#include "scheduler/service.h"
#include "shared/digest.h"
#include "tests/support/exposition.h"
#include "tests/support/loop.h"
#include "tests/support/temporary_directory.h"

namespace windlass::scheduler::service_test {

using testing::HasSubstr;

// What the tests do to the store while the service owns it.
struct StoreSwitch {
    std::mutex mutex;
    std::condition_variable opened;
    bool gate_closed = false;       // commits wait
    bool shelf_closed = false;      // those who read the schedules wait
    bool questions_closed = false;  // those who ask how jobs ended wait
    std::atomic<int> waiting{0};    // commits that wait at the gate
    std::atomic<int> asked{0};      // how jobs ended
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
    void close_questions() {
        const std::lock_guard lock(mutex);
        questions_closed = true;
    }
    void open_gate() {
        {
            const std::lock_guard lock(mutex);
            gate_closed = shelf_closed = questions_closed = false;
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
        std::unique_lock lock(control_->mutex);
        ++control_->asked;
        control_->opened.wait(lock, [&] { return !control_->questions_closed; });
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
    Status keep_token(const StoredToken& token) override { return inner_->keep_token(token); }
    Result<std::int64_t> redeem_token(const Redemption& redemption) override {
        return inner_->redeem_token(redemption);
    }
    Status revoke_worker(const std::string& worker, WallTime now) override {
        return inner_->revoke_worker(worker, now);
    }
    Result<bool> needs_file(const std::vector<JobId>& jobs, const std::string& sha256) override {
        return inner_->needs_file(jobs, sha256);
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
    Client& dial() { return dial(settings_.listen); }
    // With a party: over TLS.
    Client& dial(const wire::Endpoint& endpoint, const std::shared_ptr<const trust::TlsClient>& party = nullptr) {
        auto client = std::make_shared<Client>();
        bool answered = false;
        wire::connect(
            loop_.get(), endpoint,
            [&](Result<std::shared_ptr<wire::Connection>> made) {
                answered = true;
                ASSERT_TRUE(made.ok()) << made.error().message;
                client->connection = *made;
                client->connection->trust();
                client->connection->set_handlers({[client](protocol::Message message, std::string body) {
                                                      client->inbox.emplace_back(std::move(message), std::move(body));
                                                  },
                                                  [client](const std::string& reason) { client->closed = reason; }});
            },
            party);
        EXPECT_TRUE(loop_.run_until([&] { return answered; }));
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

}  // namespace windlass::scheduler::service_test
