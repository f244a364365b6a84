// The whole application without sockets: real handlers on a real database, and a scheduler that is played by the test.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/accounts/password_links_repository.h"
#include "api/accounts/tiers_repository.h"
#include "api/accounts_repository.h"
#include "api/app.h"
#include "api/audit/audit_log.h"
#include "api/audit/audit_repository.h"
#include "api/auth/credentials.h"
#include "api/auth/sessions_repository.h"
#include "api/auth/signing_keys.h"
#include "api/auth/tokens_repository.h"
#include "api/blobs_repository.h"
#include "api/courses/courses_repository.h"
#include "api/courses/service_pipe.h"
#include "api/idempotency.h"
#include "api/images/images_repository.h"
#include "api/images/thumbnail_keeper.h"
#include "api/images/thumbnails_repository.h"
#include "api/jobs_repository.h"
#include "api/login_throttle.h"
#include "api/metrics.h"
#include "api/monitoring/monitoring.h"
#include "api/oidc/oidc.h"
#include "api/password_hasher.h"
#include "api/quotas_repository.h"
#include "api/rate_limits.h"
#include "api/refused_submits.h"
#include "api/relations_repository.h"
#include "api/results_repository.h"
#include "api/scheduler_link.h"
#include "api/schedules_repository.h"
#include "api/server.h"
#include "api/site/site_repository.h"
#include "shared/config.h"
#include "shared/database/session_pool.h"
#include "shared/json.h"
#include "tests/api/played_scheduler.h"
#include "tests/support/databases.h"

namespace windlass::api::test {

// The suites of this folder are linked into one program for each engine; this says which.
Engine engine_under_test();

class TestClock final : public Clock {
  public:
    Now now() const override {
        const std::lock_guard lock(mutex_);
        return now_;
    }
    void advance(Microseconds by) {
        const std::lock_guard lock(mutex_);
        now_.steady += by;
        now_.wall += by;
    }

  private:
    mutable std::mutex mutex_;
    Now now_{SteadyTime{Seconds{1'000'000}}, WallTime{Seconds{1'800'000'000}}};
};

struct Answer {
    int status = 0;
    std::string body;
    Response response;
    std::shared_ptr<WebSocketHandler> websocket = nullptr;  // with status 101

    std::string header(std::string_view name) const;  // "" if absent
    rapidjson::Document json() const;                 // fails the test when the body is not JSON
    std::string id() const;                           // the member "id" of an object
};

class ApiTest : public ::testing::Test {
  protected:
    ApiTest();
    ~ApiTest() override;

    using Headers = std::vector<std::pair<std::string, std::string>>;
    // `token` empty: without a credential. Waits for the answer; a Later that nobody resumes runs into its deadline as
    // soon as give_up() says so, else after test::patience().
    Answer send(const std::string& method, const std::string& target, const std::string& body = {},
                const std::string& token = {}, Headers headers = {});
    // As send(), but a stream is left in the answer's response for the test to pull.
    Answer open(const std::string& target, const std::string& token, Headers headers = {});
    Answer get(const std::string& target, const std::string& token) { return send("GET", target, {}, token); }

    // Of a stream only that there is one: its body is "<stream>".
    Answer send_without_reading(const std::string& method, const std::string& target, const std::string& body,
                                Headers headers);
    // A request that is on its way and can be looked at while it waits.
    struct Pending;
    std::shared_ptr<Pending> begin(const std::string& method, const std::string& target, const std::string& body = {},
                                   const std::string& token = {}, Headers headers = {});
    bool waits(const std::shared_ptr<Pending>& pending);
    // What has woken it so far is done; it may wait on.
    void take_steps(const std::shared_ptr<Pending>& pending);
    // A stream is pulled to its end; or so many pieces of it, or until it has nothing for the moment.
    static constexpr std::size_t any_number = std::numeric_limits<std::size_t>::max();
    Answer finish(const std::shared_ptr<Pending>& pending, std::size_t most_pieces = any_number);
    Answer reach_deadline(const std::shared_ptr<Pending>& pending);
    void client_goes_away(std::shared_ptr<Pending>& pending);

    // An account with a token, made directly in the tables.
    struct Account {
        UserId id;
        std::string token;
    };
    Account make_account(const std::string& username, Roles roles = Role::user);
    // A row of anything, for what only the scheduler writes.
    void execute(const std::string& sql);
    // Submits as that account and gives back the id.
    JobId submit(const Account& account, const std::string& members = "");

    // Again, after one of its parts was replaced.
    void build_app();

    windlass::test::TemporaryDirectory files_;
    const std::string& directory_ = files_.path();
    std::string remote_address_ = "192.0.2.1";  // where requests come from
    Config config_;
    TestClock clock_;
    std::unique_ptr<SessionPool> pool_;
    std::unique_ptr<AccountsRepository> accounts_;
    std::unique_ptr<JobsRepository> jobs_;
    std::unique_ptr<ResultsRepository> results_;
    std::unique_ptr<RelationsRepository> relations_;
    std::unique_ptr<BlobsRepository> blobs_;
    std::unique_ptr<QuotasRepository> quotas_;
    std::unique_ptr<SchedulesRepository> schedules_;
    std::unique_ptr<TiersRepository> tiers_;
    std::unique_ptr<SiteRepository> site_;
    std::unique_ptr<PasswordLinksRepository> password_links_;
    std::unique_ptr<ImagesRepository> images_;
    std::unique_ptr<ThumbnailsRepository> making_;
    std::unique_ptr<CoursesRepository> courses_;
    std::unique_ptr<ServicePipes> services_;
    std::string site_secret_ = "the site's secret";
    std::unique_ptr<Idempotency> idempotency_;
    std::unique_ptr<PasswordHasher> passwords_;
    CurrentSigningKeys keys_{SigningKeys::random()};
    std::unique_ptr<Oidc> oidc_;  // null: the site has no provider
    std::unique_ptr<SessionsRepository> sessions_;
    std::unique_ptr<TokensRepository> tokens_;
    std::unique_ptr<Credentials> credentials_;
    LoginThrottle throttle_;
    std::unique_ptr<PlayedScheduler> scheduler_;
    std::unique_ptr<RateLimits> rates_;
    std::unique_ptr<RefusedSubmits> refused_submits_;
    std::unique_ptr<AuditRepository> audit_entries_;
    std::unique_ptr<AuditLog> audit_;
    std::unique_ptr<Metrics> metrics_;
    std::unique_ptr<ThumbnailKeeper> keeper_;  // not started: a test says turn()
    std::unique_ptr<Monitoring> monitoring_;
    std::unique_ptr<App> app_;
    std::unique_ptr<Server> server_;
    std::vector<std::shared_ptr<Pending>> opened_;  // their requests must live as long as their streams
};

}  // namespace windlass::api::test
