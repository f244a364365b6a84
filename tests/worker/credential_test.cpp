// What a worker shows to a scheduler on another machine: kept, renewed, and got with a token.
#include "worker/credential.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "shared/digest.h"
#include "shared/loop_timer.h"
#include "shared/trust/enrolment_token.h"
#include "tests/support/temporary_directory.h"
#include "worker/enrolment.h"

namespace windlass::worker {
namespace {

using ::testing::HasSubstr;

constexpr Seconds a_day{24 * 3600};

class CredentialTest : public ::testing::Test {
  protected:
    CredentialTest() {
        initialise_crypto();
        std::signal(SIGPIPE, SIG_IGN);  // as in the daemon
    }

    protocol::Certified certify(const std::string& signing_request, const trust::WorkerIdentity& worker = {"w", 1},
                                Seconds lifetime = a_day) const {
        const auto key = trust::read_signing_request(signing_request).value();
        return {authority_.certify_worker(key, worker, now_, lifetime).pem(), authority_.certificate().pem()};
    }
    Credential made() const {
        const auto key = trust::PrivateKey::make();
        return Credential::make(place_, key, certify(key.signing_request())).value();
    }

    const test::TemporaryDirectory directory_;
    const std::string place_ = directory_.path();
    const std::string file_ = place_ + "/identity.pem";
    const WallTime now_ = SystemClock().now().wall;
    const trust::Authority authority_ = trust::Authority::make(now_);
};

TEST_F(CredentialTest, survives_a_restart) {
    const Credential credential = made();
    ASSERT_TRUE(credential.save());
    struct stat info {};
    ASSERT_EQ(stat(file_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777u, 0600u);
    const auto read = Credential::load(place_);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->certificate().fingerprint(), credential.certificate().fingerprint());
    EXPECT_NE(read->client(), nullptr);
}

TEST_F(CredentialTest, that_is_missing_damaged_or_open_to_others_is_said_so) {
    EXPECT_THAT(Credential::load(place_).error().message, HasSubstr("windlass-worker --enrol TOKEN"));
    ASSERT_TRUE(made().save());
    ASSERT_EQ(chmod(file_.c_str(), 0644), 0);
    EXPECT_THAT(Credential::load(place_).error().message, HasSubstr("can be read by others"));
    ASSERT_EQ(chmod(file_.c_str(), 0600), 0);
    std::filesystem::resize_file(file_, std::filesystem::file_size(file_) / 2);
    EXPECT_FALSE(Credential::load(place_).ok());
    std::ofstream(file_) << "nonsense";
    EXPECT_THAT(Credential::load(place_).error().message, HasSubstr("is damaged: enrol this worker again"));
}

TEST_F(CredentialTest, is_old_when_half_of_its_life_is_over) {
    const Credential credential = made();
    EXPECT_FALSE(credential.is_old(now_ + a_day / 2 - Seconds{2}));
    EXPECT_TRUE(credential.is_old(now_ + a_day / 2 + Seconds{2}));
}

TEST_F(CredentialTest, is_replaced_by_the_next_with_another_key) {
    Credential credential = made();
    ASSERT_TRUE(credential.save());
    const std::string before = credential.certificate().fingerprint();
    const std::string request = credential.request_for_next();
    EXPECT_EQ(trust::read_signing_request(credential.request_for_next())->sha256,
              trust::read_signing_request(request)->sha256)
        << "asked for twice";
    ASSERT_TRUE(credential.take_next(certify(request)));
    EXPECT_NE(credential.certificate().fingerprint(), before);
    EXPECT_EQ(Credential::load(place_)->certificate().fingerprint(), credential.certificate().fingerprint());
    EXPECT_FALSE(credential.take_next(certify(request)).ok()) << "nobody asked";
}

TEST_F(CredentialTest, stays_as_it_is_when_what_comes_is_not_what_was_asked_for) {
    Credential credential = made();
    ASSERT_TRUE(credential.save());
    const std::string before = credential.certificate().fingerprint();
    const std::string request = credential.request_for_next();
    EXPECT_FALSE(credential.take_next({"nonsense", "nonsense"}).ok());
    EXPECT_FALSE(credential.take_next(certify(trust::PrivateKey::make().signing_request())).ok()) << "another key";
    EXPECT_THAT(credential.take_next(certify(request, {"other", 1})).error().message, HasSubstr("for another worker"));
    EXPECT_EQ(credential.certificate().fingerprint(), before);
    EXPECT_EQ(Credential::load(place_)->certificate().fingerprint(), before);
}

// A scheduler that answers each enrolment in turn, on a thread of its own.
class Enroller {
  public:
    using Answer = std::function<protocol::Message(const protocol::Enrol&)>;

    Enroller(const trust::Authority& authority, Answer answer)
        : answer_(std::move(answer)), server_(trust::TlsServer::make(authority, {"127.0.0.1"}, a_day)) {
        uv_loop_init(&loop_);
        uv_async_init(&loop_, &stop_, [](uv_async_t* stop) { static_cast<Enroller*>(stop->data)->end(); });
        stop_.data = this;
        listener_ = wire::Listener::open(
                        &loop_, wire::parse_endpoint("127.0.0.1:0").value(),
                        [this](std::shared_ptr<wire::Connection> connection) {
                            auto* raw = connection.get();
                            connections_.push_back(std::move(connection));
                            raw->set_handlers({[this, raw](const protocol::Message& message, const std::string&) {
                                                   raw->send(answer_(std::get<protocol::Enrol>(message)));
                                                   raw->close("answered");
                                               },
                                               nullptr});
                        },
                        [this] { return server_; })
                        .value();
        endpoint_ = listener_->endpoint();
        endpoint_.tls = true;
        thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
    }
    ~Enroller() {
        uv_async_send(&stop_);
        thread_.join();
        uv_loop_close(&loop_);
    }
    Enroller(const Enroller&) = delete;
    Enroller& operator=(const Enroller&) = delete;

    const wire::Endpoint& endpoint() const { return endpoint_; }

  private:
    void end() {
        listener_.reset();
        for (const auto& connection : connections_) connection->close("the test is over");
        connections_.clear();
        uv_close(reinterpret_cast<uv_handle_t*>(&stop_), nullptr);
    }

    const Answer answer_;
    const std::shared_ptr<const trust::TlsServer> server_;
    uv_loop_t loop_{};
    uv_async_t stop_{};
    std::unique_ptr<wire::Listener> listener_;
    std::vector<std::shared_ptr<wire::Connection>> connections_;
    wire::Endpoint endpoint_;
    std::thread thread_;
};

class EnrolmentTest : public CredentialTest {
  protected:
    Result<Credential> enrol_at(const std::vector<wire::Endpoint>& schedulers, const std::string& token) {
        return enrol({schedulers, "w", place_}, token);
    }
    const std::string token_ = trust::make_enrolment_token(authority_.certificate().fingerprint()).text();
};

TEST_F(EnrolmentTest, gives_a_certificate_for_a_key_that_stays_here) {
    protocol::Enrol heard;
    Enroller scheduler(authority_, [&](const protocol::Enrol& enrol) {
        heard = enrol;
        return certify(enrol.signing_request);
    });
    const auto credential = enrol_at({scheduler.endpoint()}, token_);
    ASSERT_TRUE(credential.ok()) << credential.error().message;
    EXPECT_EQ(heard.name, "w");
    EXPECT_EQ(heard.token, trust::parse_enrolment_token(token_)->secret);
    EXPECT_EQ(Credential::load(place_)->certificate().fingerprint(), credential->certificate().fingerprint());
    EXPECT_FALSE(std::filesystem::exists(place_ + "/enrolling.key"));
}

TEST_F(EnrolmentTest, says_the_same_key_again_after_an_answer_was_lost) {
    std::vector<std::string> keys;
    Enroller scheduler(authority_, [&](const protocol::Enrol& enrol) -> protocol::Message {
        keys.push_back(trust::read_signing_request(enrol.signing_request)->sha256);
        if (keys.size() == 1) return protocol::Renewed{};  // as good as lost
        return certify(enrol.signing_request);
    });
    EXPECT_EQ(enrol_at({scheduler.endpoint()}, token_).error().kind, ErrorKind::unavailable);
    EXPECT_TRUE(enrol_at({scheduler.endpoint()}, token_).ok());
    ASSERT_EQ(keys.size(), 2u);
    EXPECT_EQ(keys[0], keys[1]);
}

TEST_F(EnrolmentTest, goes_on_to_the_next_scheduler_but_not_after_a_refusal) {
    Enroller standby(authority_, [&](const protocol::Enrol&) { return protocol::Renewed{}; });
    Enroller leader(authority_, [&](const protocol::Enrol& enrol) { return certify(enrol.signing_request); });
    Enroller refusing(authority_, [&](const protocol::Enrol&) { return protocol::Refused{"this token is not good"}; });
    EXPECT_TRUE(enrol_at({standby.endpoint(), leader.endpoint()}, token_).ok());
    const auto refused = enrol_at({refusing.endpoint(), leader.endpoint()}, token_);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::denied);
    EXPECT_THAT(refused.error().message, HasSubstr("this token is not good"));
}

TEST_F(EnrolmentTest, says_the_secret_to_nobody_of_another_authority) {
    bool heard = false;
    const trust::Authority other = trust::Authority::make(now_);
    Enroller impostor(other, [&](const protocol::Enrol&) {
        heard = true;
        return protocol::Renewed{};
    });
    const auto refused = enrol_at({impostor.endpoint()}, token_);
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("another authority"));
    EXPECT_FALSE(heard);
}

TEST_F(EnrolmentTest, needs_a_scheduler_on_another_machine) {
    EXPECT_THAT(enrol_at({wire::parse_endpoint("unix:/nowhere").value()}, token_).error().message,
                HasSubstr("set scheduler.dial to tls://HOST:PORT"));
    EXPECT_THAT(enrol_at({}, "nonsense").error().message, HasSubstr("no whole enrolment token"));
}

}  // namespace
}  // namespace windlass::worker
