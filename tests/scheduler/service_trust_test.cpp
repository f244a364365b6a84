// Workers of other machines at the door of the scheduler: with a token, with a certificate, with neither.
#include "scheduler/trust_desk.h"

#include <csignal>

#include "shared/trust/enrolment_token.h"
#include "tests/scheduler/service_fixture.h"

namespace windlass::scheduler::service_test {
namespace {

using trust::Authority;
using trust::Certificate;
using trust::PrivateKey;
using trust::TlsClient;

// The wall clock stands still unless the test moves it; the other one goes on.
class SetClock final : public Clock {
  public:
    Now now() const override { return {SystemClock().now().steady, wall}; }
    WallTime wall = SystemClock().now().wall;
};

// What a worker has after its enrolment.
struct Papers {
    PrivateKey key = PrivateKey::make();
    std::string certificate;
};

class TrustTest : public ServiceTest {
  protected:
    TrustTest() {
        std::signal(SIGPIPE, SIG_IGN);  // as in the daemons: some of these write to one who has gone
        settings_.tls_listen = wire::parse_endpoint("127.0.0.1:0").value();
        settings_.trust.authority = std::make_shared<const Authority>(authority_);
        settings_.trust.names = {"127.0.0.1"};
    }
    ~TrustTest() override {
        // Before the clock goes, which the service looks at.
        for (auto& client : clients_) client->connection->close("the test is over");
        clients_.clear();
        if (service_) service_->stop([this] { service_.reset(); });
        loop_.run_until([&] { return !service_; });
    }
    void start() {
        auto opened = Service::open(loop_.get(), set_clock_, settings_, std::make_unique<SwitchedStore>(control_), 1,
                                    {}, [this](const std::string& why) { deposed_ = why; });
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        service_ = std::move(opened).value();
    }
    trust::WallClock clock() {
        return [this] { return set_clock_.wall; };
    }
    std::shared_ptr<const TlsClient> with(const Papers& papers) {
        return TlsClient::with(papers.key, Certificate::parse(papers.certificate).value(), authority_.certificate(),
                               clock())
            .value();
    }
    std::shared_ptr<const TlsClient> stranger() {
        return TlsClient::pinned(authority_.certificate().fingerprint(), clock());
    }
    Client& dial_tls(const std::shared_ptr<const TlsClient>& party) {
        auto endpoint = *service_->tls_endpoint();
        endpoint.tls = true;
        return dial(endpoint, party);
    }
    static protocol::Hello hello(const std::string& name, const std::string& role = "worker") {
        protocol::Hello hello;
        hello.role = role;
        hello.name = name;
        hello.instance = "i";
        hello.cpu_millis = 2000;
        hello.memory_bytes = 8 * gibibyte;
        return hello;
    }
    Client& join_tls(const Papers& papers, const std::string& name = "node-1") {
        Client& client = dial_tls(with(papers));
        client.connection->send(hello(name));
        EXPECT_TRUE(
            loop_.run_until([&] { return client.has<protocol::Welcome>() || client.has<protocol::Refused>(); }));
        return client;
    }
    // Why it is refused, and that the connection ends.
    std::string refusal(Client& client) {
        EXPECT_TRUE(loop_.run_until([&] { return !client.closed.empty(); }));
        return client.has<protocol::Refused>() ? client.take<protocol::Refused>().first.reason : std::string();
    }
    std::string token_for(const std::string& name) {
        Client& api = join("api");
        api.connection->send(protocol::EnrolWorker{RequestId{1}, name});
        return trust::parse_enrolment_token(wait_for<protocol::WorkerEnrolled>(api).first.token).value().secret;
    }
    Client& ask_to_enrol(const std::string& secret, const std::string& name, const PrivateKey& key) {
        Client& client = dial_tls(stranger());
        client.connection->send(protocol::Enrol{secret, name, key.signing_request()});
        EXPECT_TRUE(loop_.run_until([&] { return client.has<protocol::Certified>() || !client.closed.empty(); }));
        return client;
    }
    Papers enrol(const std::string& name = "node-1") {
        Papers papers;
        Client& client = ask_to_enrol(token_for(name), name, papers.key);
        papers.certificate = client.take<protocol::Certified>().first.certificate;
        return papers;
    }
    std::string revoke(const std::string& name) {
        Client& api = join("api");
        api.connection->send(protocol::RevokeWorker{RequestId{1}, name});
        return wait_for<protocol::OperatorAnswered>(api).first.refused;
    }

    SetClock set_clock_;
    const Authority authority_ = Authority::make(set_clock_.wall);
};

TEST_F(TrustTest, a_worker_is_enrolled_let_in_and_runs_jobs) {
    start();
    const Papers papers = enrol();
    EXPECT_EQ(Certificate::parse(papers.certificate)->worker(), (trust::WorkerIdentity{"node-1", 1}));
    Client& worker = join_tls(papers);
    ASSERT_TRUE(worker.has<protocol::Welcome>());
    Client& api = join("api");
    api.connection->send(two_jobs(1), "codeD1dat");
    protocol::AttemptFinished finished;
    finished.attempt = wait_for<protocol::Lease>(worker).first.attempt;
    worker.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(worker).first.accepted);
}

TEST_F(TrustTest, a_token_is_kept_as_a_hash_and_says_when_it_ends) {
    start();
    Client& api = join("api");
    api.connection->send(protocol::EnrolWorker{RequestId{7}, "node-1"});
    const auto enrolled = wait_for<protocol::WorkerEnrolled>(api).first;
    EXPECT_EQ(enrolled.request, RequestId{7});
    EXPECT_EQ(enrolled.expires, set_clock_.wall + Seconds{15 * 60});
    EXPECT_EQ(trust::parse_enrolment_token(enrolled.token)->authority, authority_.certificate().fingerprint());
}

TEST_F(TrustTest, an_answer_that_was_lost_is_given_again_to_the_same_key_alone) {
    start();
    const std::string secret = token_for("node-1");
    const PrivateKey key = PrivateKey::make();
    EXPECT_TRUE(ask_to_enrol(secret, "node-1", key).has<protocol::Certified>());
    EXPECT_TRUE(ask_to_enrol(secret, "node-1", key).has<protocol::Certified>());
    EXPECT_THAT(refusal(ask_to_enrol(secret, "node-1", PrivateKey::make())),
                HasSubstr("this enrolment token was used already"));
}

TEST_F(TrustTest, tokens_that_are_not_good_are_refused_with_a_reason) {
    start();
    const PrivateKey key = PrivateKey::make();
    const std::string secret = token_for("node-1");
    EXPECT_THAT(refusal(ask_to_enrol("guessed", "node-1", key)), HasSubstr("is not known here"));
    EXPECT_THAT(refusal(ask_to_enrol(secret, "node-2", key)), HasSubstr("is for the worker \"node-1\""));
    EXPECT_THAT(refusal(ask_to_enrol(secret, "", key)), HasSubstr("1 to 200 bytes"));
    Client& nonsense = dial_tls(stranger());
    nonsense.connection->send(protocol::Enrol{secret, "node-1", "nonsense"});
    EXPECT_THAT(refusal(nonsense), HasSubstr("no certificate signing request"));
    set_clock_.wall += Seconds{15 * 60};
    EXPECT_THAT(refusal(ask_to_enrol(secret, "node-1", key)), HasSubstr("this enrolment token ended at"));
}

TEST_F(TrustTest, a_certificate_that_expired_is_told_so_and_a_clock_behind_too) {
    start();
    const Papers papers = enrol();
    const WallTime enrolled = set_clock_.wall;
    set_clock_.wall += Seconds{24 * 3600 + 1};
    EXPECT_THAT(refusal(join_tls(papers)), HasSubstr("the certificate of this worker ended at"));
    set_clock_.wall = enrolled + Seconds{24 * 3600 - 1};
    EXPECT_TRUE(join_tls(papers).has<protocol::Welcome>());
}

TEST_F(TrustTest, a_scheduler_whose_clock_went_back_two_hours_says_so) {
    start();
    const Papers papers = enrol();
    const auto party = with(papers);
    set_clock_.wall -= Seconds{3599};
    EXPECT_TRUE(join_tls(papers).has<protocol::Welcome>()) << "an hour is tolerated";
    set_clock_.wall -= Seconds{3601};
    // The worker's own clock is right.
    const WallTime right = set_clock_.wall + Seconds{7200};
    Client& worker = dial_tls(
        TlsClient::with(papers.key, Certificate::parse(papers.certificate).value(), authority_.certificate(), [right] {
            return right;
        }).value());
    worker.connection->send(hello("node-1"));
    EXPECT_THAT(refusal(worker), HasSubstr("the scheduler's clock is behind, set it"));
}

TEST_F(TrustTest, a_certificate_opens_the_door_for_its_own_name_alone) {
    start();
    const Papers papers = enrol();
    EXPECT_EQ(
        refusal(join_tls(papers, "node-2")),
        "this certificate is for the worker \"node-1\" and not for \"node-2\": set worker.name, or enrol it under "
        "this name");
}

TEST_F(TrustTest, one_that_nobody_in_this_database_enrolled_is_refused) {
    start();
    Papers papers;
    papers.certificate = authority_
                             .certify_worker(trust::read_signing_request(papers.key.signing_request()).value(),
                                             {"node-1", 1}, set_clock_.wall, Seconds{3600})
                             .pem();
    EXPECT_THAT(refusal(join_tls(papers)), HasSubstr("does not know the enrolment of this worker"));
}

TEST_F(TrustTest, without_a_certificate_there_is_nothing_but_enrolment) {
    start();
    Client& nobody = dial_tls(stranger());
    nobody.connection->send(hello("node-1"));
    EXPECT_THAT(refusal(nobody), HasSubstr("workers of other machines need a certificate"));
    Client& api = dial_tls(stranger());
    api.connection->send(hello("api", "api"));
    EXPECT_THAT(refusal(api), HasSubstr("only workers come in over TLS"));
    Client& renewal = dial_tls(stranger());
    renewal.connection->send(protocol::RenewCertificate{PrivateKey::make().signing_request()});
    EXPECT_EQ(refusal(renewal), "") << "cut off";
    Client& local = dial();
    local.connection->send(protocol::Enrol{token_for("node-1"), "node-1", PrivateKey::make().signing_request()});
    EXPECT_EQ(refusal(local), "") << "whoever may use the socket needs no token";
}

TEST_F(TrustTest, a_certificate_of_a_worker_opens_nothing_that_is_for_the_api) {
    start();
    const Papers papers = enrol();
    Client& as_api = dial_tls(with(papers));
    as_api.connection->send(hello("node-1", "api"));
    EXPECT_THAT(refusal(as_api), HasSubstr("only workers come in over TLS"));
    const std::vector<protocol::Message> of_the_api{
        protocol::SubmitJobs{},    protocol::CancelJobs{}, protocol::ListWorkers{}, protocol::EnrolWorker{},
        protocol::RevokeWorker{},  protocol::FollowJob{},  protocol::WatchJob{},    protocol::DrainWorker{},
        protocol::ForgetWorker{},  protocol::SetQuotas{},  protocol::RemoveQueue{}, protocol::ConfigureQueue{},
        protocol::ExplainJob{},    protocol::ListQueues{}, protocol::UnfollowJob{}, protocol::SchedulesChanged{},
        protocol::AskStatistics{}, protocol::Hello{},      protocol::Enrol{},       protocol::Lease{}};
    for (const protocol::Message& message : of_the_api) {
        Client& worker = join_tls(papers);
        ASSERT_TRUE(worker.has<protocol::Welcome>());
        worker.connection->send(message);
        EXPECT_TRUE(loop_.run_until([&] { return !worker.closed.empty(); })) << protocol::encode(message);
    }
}

TEST_F(TrustTest, a_revoked_worker_is_dropped_and_refused_until_it_is_enrolled_anew) {
    start();
    const Papers papers = enrol();
    const std::string token = token_for("node-1");
    Client& worker = join_tls(papers);
    ASSERT_TRUE(worker.has<protocol::Welcome>());
    EXPECT_EQ(revoke("node-1"), "");
    EXPECT_EQ(refusal(worker), "the certificates of this worker were revoked");
    EXPECT_THAT(refusal(join_tls(papers)), HasSubstr("only a new enrolment lets it in"));
    EXPECT_THAT(refusal(ask_to_enrol(token, "node-1", PrivateKey::make())), HasSubstr("was withdrawn"));
    const Papers next = enrol();
    EXPECT_TRUE(join_tls(next).has<protocol::Welcome>());
    EXPECT_THAT(refusal(join_tls(papers)), HasSubstr("this worker was enrolled anew since"));
    EXPECT_EQ(revoke("nobody"), "No worker of this name was ever enrolled.");
}

TEST_F(TrustTest, revoking_a_name_does_not_touch_a_worker_of_this_machine) {
    start();
    enrol("w");
    Client& local = join("worker", "w");
    EXPECT_EQ(revoke("w"), "");
    local.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(local);
}

TEST_F(TrustTest, a_certificate_is_renewed_over_its_own_connection) {
    start();
    Papers papers = enrol();
    Client& worker = join_tls(papers);
    set_clock_.wall += Seconds{12 * 3600};
    Papers next;
    worker.connection->send(protocol::RenewCertificate{next.key.signing_request()});
    next.certificate = wait_for<protocol::Certified>(worker).first.certificate;
    set_clock_.wall += Seconds{13 * 3600};
    worker.connection->send(protocol::Renew{});
    wait_for<protocol::Renewed>(worker);
    EXPECT_THAT(refusal(join_tls(papers)), HasSubstr("ended at"));
    EXPECT_TRUE(join_tls(next).has<protocol::Welcome>());
}

TEST_F(TrustTest, a_connection_does_not_outlive_a_certificate_that_was_not_renewed) {
    start();
    Client& worker = join_tls(enrol());
    set_clock_.wall += Seconds{24 * 3600};
    worker.connection->send(protocol::Renew{});
    EXPECT_TRUE(loop_.run_until([&] { return !worker.closed.empty(); }));
    EXPECT_FALSE(worker.has<protocol::Renewed>());
    EXPECT_FALSE(worker.has<protocol::Refused>()) << "it may come back with a good one";
}

TEST_F(TrustTest, a_worker_of_this_machine_has_no_certificate_to_renew) {
    start();
    Client& local = join("worker");
    local.connection->send(protocol::RenewCertificate{PrivateKey::make().signing_request()});
    EXPECT_TRUE(loop_.run_until([&] { return !local.closed.empty(); }));
}

TEST_F(TrustTest, tokens_are_not_made_where_nobody_listens_for_them) {
    settings_.tls_listen.reset();
    settings_.trust = {};
    start();
    Client& api = join("api");
    api.connection->send(protocol::EnrolWorker{RequestId{1}, "node-1"});
    EXPECT_THAT(wait_for<protocol::OperatorAnswered>(api).first.refused, HasSubstr("scheduler.tls_listen is not set"));
}

TEST_F(TrustTest, whoever_says_nothing_is_cut_off_and_counted_until_then) {
    settings_.hello_deadline = Milliseconds{60'000};
    settings_.strangers_per_address = 2;
    start();
    Client& silent = dial_tls(stranger());
    // Not even a hello of TLS.
    bool answered = false;
    std::shared_ptr<wire::Connection> mute;
    wire::connect(loop_.get(), *service_->tls_endpoint(), [&](Result<std::shared_ptr<wire::Connection>> made) {
        answered = true;
        if (made) mute = *made;
    });
    ASSERT_TRUE(loop_.run_until([&] { return answered; }));
    ASSERT_NE(mute, nullptr);
    mute->set_handlers({});
    std::string failure;
    auto endpoint = *service_->tls_endpoint();
    endpoint.tls = true;
    wire::connect(
        loop_.get(), endpoint,
        [&](const Result<std::shared_ptr<wire::Connection>>& made) {
            failure = made ? "let in" : made.error().message;
        },
        stranger());
    EXPECT_TRUE(loop_.run_until([&] { return !failure.empty(); }));
    EXPECT_THAT(failure, HasSubstr("before TLS was agreed on"));
    silent.connection->close("gone");
    mute->close("gone");
    // The scheduler hears of it in its own time.
    EXPECT_TRUE(loop_.run_until([&] {
        failure.clear();
        std::shared_ptr<wire::Connection> tried;
        wire::connect(
            loop_.get(), endpoint,
            [&](const Result<std::shared_ptr<wire::Connection>>& made) {
                failure = made ? "let in" : made.error().message;
                if (made) tried = *made;
            },
            stranger());
        loop_.run_until([&] { return !failure.empty(); });
        if (tried) tried->close("seen");
        return failure == "let in";
    }));
}

TEST_F(TrustTest, a_stranger_is_cut_off_at_the_deadline) {
    settings_.hello_deadline = Milliseconds{50};
    start();
    Client& silent = dial_tls(stranger());
    EXPECT_TRUE(loop_.run_until([&] { return !silent.closed.empty(); }));
}

// ---- a worker touches only what it leases

TEST_F(TrustTest, a_file_is_given_to_the_worker_alone_whose_attempt_needs_it) {
    start();
    Client& api = join("api");
    Client& holder = join_tls(enrol("node-1"), "node-1");
    const auto submit = [&](std::int64_t request, std::map<std::string, std::string> files) {
        protocol::SubmitJobs one;
        one.request = RequestId{request};
        one.owner = UserId{1};
        one.jobs.resize(1);
        one.jobs[0].spec.running_commands = "cat in";
        one.jobs[0].spec.files = std::move(files);
        one.jobs[0].code_size = 4;
        api.connection->send(one, "code");
        wait_for<protocol::JobsSubmitted>(api);
        return wait_for<protocol::Lease>(holder).first.attempt;
    };
    const std::string content = sha256_hex("code");
    submit(1, {});
    holder.connection->send(protocol::FetchBlob{content});
    EXPECT_FALSE(wait_for<protocol::BlobFetched>(holder).first.found) << "nobody names it among his files";
    const AttemptRef attempt = submit(2, {{"in", content}});
    holder.connection->send(protocol::FetchBlob{content});
    const auto [fetched, bytes] = wait_for<protocol::BlobFetched>(holder);
    EXPECT_TRUE(fetched.found);
    EXPECT_EQ(bytes, "code");
    Client& thief = join_tls(enrol("node-2"), "node-2");
    thief.connection->send(protocol::FetchBlob{content});
    EXPECT_FALSE(wait_for<protocol::BlobFetched>(thief).first.found);
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    holder.connection->send(finished);
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(holder).first.accepted);
    holder.connection->send(protocol::FetchBlob{content});
    EXPECT_FALSE(wait_for<protocol::BlobFetched>(holder).first.found) << "it holds that attempt no more";
}

TEST_F(TrustTest, what_a_worker_says_of_attempts_of_others_changes_nothing) {
    start();
    Client& api = join("api");
    Client& holder = join_tls(enrol("node-1"), "node-1");
    api.connection->send(two_jobs(1), "codeD1dat");
    const AttemptRef attempt = wait_for<protocol::Lease>(holder).first.attempt;
    Client& thief = join_tls(enrol("node-2"), "node-2");
    protocol::AttemptFinished finished;
    finished.attempt = attempt;
    finished.stdout_size = 3;
    protocol::AttemptOutput output;
    output.attempt = attempt;
    thief.connection->send(output, "abc");
    thief.connection->send(protocol::AttemptStarted{attempt});
    thief.connection->send(protocol::AttemptReady{attempt, "unix:/tmp/x"});
    thief.connection->send(protocol::AttemptReturned{attempt});
    protocol::AttemptSampled sampled;
    sampled.attempt = attempt;
    sampled.samples = {{set_clock_.wall, "cpu_used", "", "", 1}};
    thief.connection->send(sampled);
    thief.connection->send(finished, "abc");
    EXPECT_FALSE(wait_for<protocol::AcknowledgeFinish>(thief).first.accepted);
    thief.connection->send(protocol::Renew{{attempt}});
    EXPECT_TRUE(wait_for<protocol::Renewed>(thief).first.kept.empty());
    holder.connection->send(protocol::Renew{{attempt}});
    EXPECT_EQ(wait_for<protocol::Renewed>(holder).first.kept, std::vector<AttemptRef>{attempt});
    control_->each_batch([&](const Batch& batch) {
        EXPECT_TRUE(batch.results.empty() && batch.output.empty());
        for (const StateChange& change : batch.changes) EXPECT_NE(change.row.state, JobState::running);
    });
    EXPECT_TRUE(control_->kept_samples().empty());
    holder.connection->send(finished, "abc");
    EXPECT_TRUE(wait_for<protocol::AcknowledgeFinish>(holder).first.accepted);
}

}  // namespace
}  // namespace windlass::scheduler::service_test
