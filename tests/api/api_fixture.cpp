#include "api_fixture.h"

#include <fmt/format.h>

#include <cstdlib>

#include "api/front/target.h"
#include "api/routes.h"
#include "shared/database/migrate.h"
#include "shared/digest.h"
#include "tests/api/openapi/answer_check.h"
#include "tests/support/must.h"
#include "tests/support/patience.h"

namespace windlass::api::test {
namespace {

using windlass::test::must;

// One database for the whole program, emptied before each test: making one takes PostgreSQL longer than a test.
const DatabaseUrl& empty_database() {
    static const windlass::test::EmptyDatabase database(engine_under_test());
    Session session(database.url());
    must(migrate(session));
    for (const char* table : {"course_deployment", "course_class_course", "course_class_member", "course_class",
                              "course_dataset", "course", "course_teacher", "site_offer", "site_thing"})
        must(session.execute("delete from " + std::string(table)));
    for (const char* table : {"api_token",      "session",         "password_link", "oidc_identity",    "oidc_login",
                              "audit_entry",    "account",         "job",           "job_state",        "job_event",
                              "attempt_result", "job_output",      "blob",          "worker",           "job_past",
                              "job_tag",        "job_dependency",  "job_array",     "job_array_params", "user_usage",
                              "quota",          "idempotency_key", "blob_owner",    "upload_piece",     "job_schedule",
                              "image_blob",     "image_thumbnail", "image",         "job_discard",      "result_blob"})
        must(session.execute("delete from " + std::string(table)));
    for (const char* table : {"admin_notice", "cluster_job", "monitoring_config", "monitoring_job_data",
                              "monitoring_tag", "monitoring_job_tag"})
        must(session.execute("delete from " + std::string(table)));
    for (const char* table : {"metric_window", "metric_series"})
        must(session.execute("delete from " + std::string(table)));
    must(session.execute("update id_counter set next = 1"));
    must(session.execute("delete from tier where created_us > 0"));  // the first three stay
    must(session.execute("update audit_head set number = 0, hash = ''"));
    return database.url();
}

}  // namespace

std::string Answer::header(std::string_view name) const {
    for (const auto& [key, value] : response.headers)
        if (key == name) return value;
    return {};
}

rapidjson::Document Answer::json() const {
    auto parsed = parse_json(body);
    if (!parsed) {
        ADD_FAILURE() << "not JSON: " << body;
        rapidjson::Document none;
        none.SetObject();
        return none;
    }
    return std::move(parsed).value();
}

std::string Answer::id() const {
    const auto document = json();
    if (!document.IsObject() || !document.HasMember("id") || !document["id"].IsString()) {
        ADD_FAILURE() << "no id in " << status << " " << body;
        return {};
    }
    return document["id"].GetString();
}

struct ApiTest::Pending {
    Request request;
    std::optional<Response> response;
    std::shared_ptr<WebSocketHandler> websocket;
    Later later;
    struct Resumed {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Next> next;
    };
    std::shared_ptr<Resumed> resumed = std::make_shared<Resumed>();

    void take(Reply reply) {
        if (auto* whole = std::get_if<Response>(&reply)) {
            response = std::move(*whole);
            return;
        }
        if (auto* upgrade = std::get_if<Upgrade>(&reply)) {
            response.emplace();
            response->status = 101;
            websocket = std::move(upgrade->handler);
            return;
        }
        later = std::move(std::get<Later>(reply));
        const auto start = std::exchange(later.start, {});
        start(Resumer([shared = resumed](Next next) {
            const std::lock_guard lock(shared->mutex);
            if (!shared->next) shared->next = std::move(next);
            shared->changed.notify_all();
        }));
    }
};

ApiTest::ApiTest() {
    initialise_crypto();
    const auto& url = empty_database();
    pool_ = std::make_unique<SessionPool>(url, 4);
    accounts_ = std::make_unique<AccountsRepository>(*pool_);
    jobs_ = std::make_unique<JobsRepository>(*pool_);
    results_ = std::make_unique<ResultsRepository>(*pool_);
    relations_ = std::make_unique<RelationsRepository>(*pool_);
    blobs_ = std::make_unique<BlobsRepository>(*pool_);
    quotas_ = std::make_unique<QuotasRepository>(*pool_);
    schedules_ = std::make_unique<SchedulesRepository>(*pool_);
    courses_ = std::make_unique<CoursesRepository>(*pool_);
    services_ = std::make_unique<ServicePipes>();
    tiers_ = std::make_unique<TiersRepository>(*pool_);
    site_ = std::make_unique<SiteRepository>(*pool_);
    password_links_ = std::make_unique<PasswordLinksRepository>(*pool_);
    images_ = std::make_unique<ImagesRepository>(*pool_);
    making_ = std::make_unique<ThumbnailsRepository>(*pool_);
    idempotency_ = std::make_unique<Idempotency>(*pool_);
    passwords_ = std::make_unique<PasswordHasher>(HashCost::cheapest());
    keys_.replace(SigningKeys::random());
    sessions_ = std::make_unique<SessionsRepository>(*pool_);
    tokens_ = std::make_unique<TokensRepository>(*pool_);
    credentials_ = std::make_unique<Credentials>(*sessions_, *tokens_, keys_, config_.api, clock_);
    scheduler_ = std::make_unique<PlayedScheduler>(*pool_, clock_);
    metrics_ = std::make_unique<Metrics>(routes());
    monitoring_ = std::make_unique<Monitoring>(*pool_, config_.scheduler.first_job_id, MailSettings());
    rates_ = std::make_unique<RateLimits>(RateSettings{});
    refused_submits_ = std::make_unique<RefusedSubmits>();
    audit_entries_ = std::make_unique<AuditRepository>(*pool_);
    audit_ = std::make_unique<AuditLog>(*audit_entries_);
    keeper_ = std::make_unique<ThumbnailKeeper>(*images_, *making_, *scheduler_, config_.api, clock_);
    build_app();
}

void ApiTest::build_app() {
    app_ = std::unique_ptr<App>(new App{
        .settings = config_.api,
        .registration_open = true,
        .clock = clock_,
        .accounts = *accounts_,
        .jobs = *jobs_,
        .results = *results_,
        .relations = *relations_,
        .blobs = *blobs_,
        .quotas = *quotas_,
        .schedules = *schedules_,
        .idempotency = *idempotency_,
        .sessions = *sessions_,
        .tokens = *tokens_,
        .credentials = *credentials_,
        .passwords = *passwords_,
        .throttle = throttle_,
        .scheduler = *scheduler_,
        .metrics = *metrics_,
        .audit_entries = *audit_entries_,
        .audit = *audit_,
        .rates = *rates_,
        .refused_submits = *refused_submits_,
        .tiers = *tiers_,
        .password_links = *password_links_,
        .site = *site_,
        .signing_keys = keys_,
        .images = *images_,
        .making = *making_,
        .thumbnails = *keeper_,
        .monitoring = *monitoring_,
        .courses = *courses_,
        .services = *services_,
        .site_secret = site_secret_,
        .oidc = oidc_.get(),
    });
    server_ = must(Server::make(*app_, routes()));
}

ApiTest::~ApiTest() {
    opened_.clear();
    passwords_.reset();
    audit_.reset();
    pool_.reset();
}

std::shared_ptr<ApiTest::Pending> ApiTest::begin(const std::string& method, const std::string& target,
                                                 const std::string& body, const std::string& token, Headers headers) {
    auto pending = std::make_shared<Pending>();
    Request& request = pending->request;
    auto parsed = must(parse_target(target));
    request.method = method;
    request.path = std::move(parsed.path);
    request.query = std::move(parsed.query);
    request.target = target;
    request.body = body;
    request.headers = std::move(headers);
    if (!token.empty()) request.headers.emplace_back("Authorization", "Bearer " + token);
    request.remote_address = remote_address_;
    request.id = "test-1";
    pending->take(server_->handle(request));
    return pending;
}

bool ApiTest::waits(const std::shared_ptr<Pending>& pending) {
    const std::lock_guard lock(pending->resumed->mutex);
    return !pending->response && !pending->resumed->next;
}

void ApiTest::take_steps(const std::shared_ptr<Pending>& pending) {
    while (true) {
        std::unique_lock lock(pending->resumed->mutex);
        if (pending->response || !pending->resumed->next) return;
        auto next = *std::exchange(pending->resumed->next, std::nullopt);
        lock.unlock();
        pending->take(next());
    }
}

Answer ApiTest::open(const std::string& target, const std::string& token, Headers headers) {
    auto pending = begin("GET", target, {}, token, std::move(headers));
    if (!pending->response) {
        ADD_FAILURE() << target << " waits";
        return {};
    }
    opened_.push_back(pending);
    EXPECT_EQ(fault_of_answer(pending->request, *pending->response, pending->response->body,
                              pending->response->stream == nullptr),
              "");
    return {pending->response->status, pending->response->body, std::move(*pending->response), pending->websocket};
}

Answer ApiTest::finish(const std::shared_ptr<Pending>& pending, std::size_t most_pieces) {
    if (!pending->response) {
        std::unique_lock lock(pending->resumed->mutex);
        const bool came = pending->resumed->changed.wait_for(lock, windlass::test::patience(),
                                                             [&] { return pending->resumed->next.has_value(); });
        EXPECT_TRUE(came) << "nobody answered " << pending->request.method << " " << pending->request.target;
        if (!came) return {};
        auto reply = (*std::exchange(pending->resumed->next, std::nullopt))();
        lock.unlock();
        pending->take(std::move(reply));
        return finish(pending, most_pieces);
    }
    bool whole = true;
    Answer answer{pending->response->status, pending->response->body, *pending->response};
    if (answer.response.stream) {
        EXPECT_TRUE(answer.body.empty());
        answer.response.stream->attach([] {});
        while (true) {
            const auto before = answer.body.size();
            if (!answer.response.stream->next(answer.body)) break;
            whole = most_pieces-- > 1 && answer.body.size() > before;
            if (!whole) break;
        }
        EXPECT_TRUE(whole || most_pieces < any_number) << "the stream has nothing now, and is not at its end";
    }
    EXPECT_EQ(fault_of_answer(pending->request, answer.response, answer.body, whole), "");
    return answer;
}

Answer ApiTest::send_without_reading(const std::string& method, const std::string& target, const std::string& body,
                                     Headers headers) {
    auto pending = begin(method, target, body, {}, std::move(headers));
    if (!pending->response) return finish(pending);
    if (!pending->response->stream) return {pending->response->status, pending->response->body, *pending->response};
    return {pending->response->status, "<stream>", Response{}};
}

Answer ApiTest::reach_deadline(const std::shared_ptr<Pending>& pending) {
    EXPECT_TRUE(waits(pending));
    if (!pending->later.on_deadline) return {503, {}, {}};
    auto reply = pending->later.on_deadline();
    Response response = std::get<Response>(std::move(reply));
    EXPECT_EQ(fault_of_answer(pending->request, response, response.body), "");
    return {response.status, response.body, response};
}

void ApiTest::client_goes_away(std::shared_ptr<Pending>& pending) {
    pending.reset();
}

Answer ApiTest::send(const std::string& method, const std::string& target, const std::string& body,
                     const std::string& token, Headers headers) {
    return finish(begin(method, target, body, token, std::move(headers)));
}

void ApiTest::execute(const std::string& sql) {
    auto session = must(pool_->lease());
    must(session->execute(sql));
}

ApiTest::Account ApiTest::make_account(const std::string& username, Roles roles) {
    NewAccount account;
    account.username = username;
    account.email = username + "@example.org";
    account.name = username;
    account.company = "Example";
    account.roles = roles;
    const WallTime now = clock_.now().wall;
    const auto created = must(accounts_->create(account, now));
    const UserId id = std::get<UserId>(created);
    const std::string token = random_token();
    must(tokens_->add({token, id, "test"}, now));
    return {id, token};
}

JobId ApiTest::submit(const Account& account, const std::string& members) {
    const auto answer = send("POST", "/api/jobs/submit/",
                             R"({"code":"c","data":"d","running_commands":"true")" + members + "}", account.token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return JobId{std::stoll("0" + answer.id())};
}

}  // namespace windlass::api::test
