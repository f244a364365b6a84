#include "worker/enrolment.h"

#include <unistd.h>
#include <uv.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "shared/loop_timer.h"
#include "shared/private_file.h"
#include "shared/trust/enrolment_token.h"

namespace windlass::worker {
namespace {

constexpr Milliseconds deadline{30'000};  // for one scheduler

Result<trust::PrivateKey> key_under_way(const std::string& path) {
    std::error_code failed;
    if (std::filesystem::exists(path, failed)) {
        WINDLASS_TRY(const std::string pem, read_private_file("the key of an enrolment under way,", path));
        return trust::PrivateKey::parse(pem);
    }
    trust::PrivateKey key = trust::PrivateKey::make();
    WINDLASS_TRY_STATUS(write_private_file(path, key.pem()));
    return key;
}

// Asks one scheduler.
class Conversation {
  public:
    Conversation(const wire::Endpoint& endpoint, protocol::Enrol question,
                 const std::shared_ptr<const trust::TlsClient>& client)
        : question_(std::move(question)), where_(endpoint.text()) {
        uv_loop_init(&loop_);
        LoopTimer timer(&loop_, [this] { finish(make_error(ErrorKind::unavailable, "no answer in 30 s")); });
        timer.start(deadline);
        wire::connect(
            &loop_, endpoint,
            [this](Result<std::shared_ptr<wire::Connection>> made) { on_connection(std::move(made)); }, client);
        while (!answer_) uv_run(&loop_, UV_RUN_ONCE);
        timer.close();
        if (connection_) connection_->close("done");
        connection_.reset();
        uv_run(&loop_, UV_RUN_DEFAULT);
        uv_loop_close(&loop_);
    }
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    Result<protocol::Certified> take() { return std::move(*answer_); }

  private:
    void on_connection(Result<std::shared_ptr<wire::Connection>> made) {
        if (answer_) {  // too late
            if (made) (*made)->set_handlers({});
            if (made) (*made)->close("too late");
            return;
        }
        if (!made) return finish(std::move(made).error());
        connection_ = std::move(made).value();
        connection_->set_handlers(
            {[this](const protocol::Message& message, const std::string&) {
                 if (const auto* certified = std::get_if<protocol::Certified>(&message)) return finish(*certified);
                 if (const auto* refused = std::get_if<protocol::Refused>(&message))
                     return finish(make_error(ErrorKind::denied, refused->reason));
                 finish(make_error(ErrorKind::unavailable, "it answers what was not asked"));
             },
             [this](const std::string& reason) { finish(make_error(ErrorKind::unavailable, reason)); }});
        connection_->send(question_);
    }

    void finish(Result<protocol::Certified> answer) {
        if (answer_) return;
        if (!answer) answer = std::move(answer.error()).in("the scheduler at " + where_);
        answer_ = std::move(answer);
    }

    uv_loop_t loop_{};
    const protocol::Enrol question_;
    const std::string where_;
    std::shared_ptr<wire::Connection> connection_;
    std::optional<Result<protocol::Certified>> answer_;
};

}  // namespace

Result<Credential> enrol(const EnrolmentSettings& settings, const std::string& token_text) {
    WINDLASS_TRY(const auto token, trust::parse_enrolment_token(token_text));
    const std::string key_file = settings.state_directory + "/enrolling.key";
    WINDLASS_TRY(const auto key, key_under_way(key_file));
    const auto client = trust::TlsClient::pinned(token.authority, settings.clock);
    Result<protocol::Certified> answer =
        make_error(ErrorKind::invalid, "no scheduler to ask: set scheduler.dial to tls://HOST:PORT");
    for (const wire::Endpoint& endpoint : settings.schedulers) {
        if (!endpoint.tls) continue;
        answer = Conversation(endpoint, {token.secret, settings.name, key.signing_request()}, client).take();
        if (answer || answer.error().kind == ErrorKind::denied) break;
    }
    if (!answer) return std::move(answer).error();
    WINDLASS_TRY(auto credential, Credential::make(settings.state_directory, key, *answer));
    WINDLASS_TRY_STATUS(credential.save());
    unlink(key_file.c_str());
    return credential;
}

}  // namespace windlass::worker
