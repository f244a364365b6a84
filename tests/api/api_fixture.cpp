#include "api_fixture.h"

#include <fmt/format.h>

#include <cstdlib>

#include "api/front/target.h"
#include "api/routes.h"
#include "shared/database/migrate.h"
#include "shared/digest.h"

namespace windlass::api::test {
namespace {

template <class T>
T must(Result<T> result) {
    if (!result) {
        ADD_FAILURE() << result.error().message;
        std::abort();
    }
    return std::move(result).value();
}
void must(Status status) {
    if (status) return;
    ADD_FAILURE() << status.error().message;
    std::abort();
}

std::string env_json(const std::map<std::string, std::string>& env) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    for (const auto& [name, value] : env) {
        put_key(json, name);
        put(json, value);
    }
    json.EndObject();
    return std::string(text_of(buffer));
}

// One database for the whole program, emptied before each test: making one takes PostgreSQL longer than a test.
const DatabaseUrl& empty_database() {
    static const windlass::test::EmptyDatabase database(engine_under_test());
    Session session(database.url());
    must(migrate(session));
    for (const char* table :
         {"credential", "account", "job", "job_state", "job_event", "attempt_result", "job_output", "blob", "worker"})
        must(session.execute("delete from " + std::string(table)));
    must(session.execute("update id_counter set next = 1"));
    return database.url();
}

}  // namespace

void PlayedScheduler::ask(protocol::Message question, std::string body, OnAnswer on_answer) {
    if (away)
        return on_answer(
            make_error(ErrorKind::unavailable, "The scheduler cannot be reached now; nothing was done. Try again."));
    if (silent) return;
    if (const auto* submitted = std::get_if<protocol::SubmitJobs>(&question))
        return on_answer(submit(*submitted, body));
    if (const auto* cancelled = std::get_if<protocol::CancelJob>(&question)) return on_answer(cancel(*cancelled));
    if (std::holds_alternative<protocol::ExplainJob>(question))
        return on_answer(protocol::Message(protocol::JobExplained{{}, explanation}));
    protocol::Statistics statistics;
    statistics.queued = statistics_queued;
    on_answer(protocol::Message(statistics));
}

protocol::Message PlayedScheduler::submit(const protocol::SubmitJobs& message, std::string_view body) {
    submits.push_back(message);
    bodies.emplace_back(body);
    auto session = must(pool_.lease());
    auto transaction = must(Transaction::begin(*session));
    const std::int64_t now = to_unix_us(clock_.now().wall);
    const JobId first{next_job_};
    std::string code, data;
    const auto take = [&](std::int64_t size, std::string& part) {
        if (size < 0) return;
        part = body.substr(0, static_cast<std::size_t>(size));
        body.remove_prefix(static_cast<std::size_t>(size));
    };
    const auto keep = [&](const std::string& bytes) -> std::optional<std::string> {
        if (bytes.empty()) return std::nullopt;
        const std::string hash = sha256_hex(bytes);
        must(session->execute(
            "insert into blob (sha256, size_bytes, bytes) values (:hash, :size, :bytes) on conflict do nothing", hash,
            bytes.size(), Bytes{bytes}));
        return hash;
    };
    for (const auto& item : message.jobs) {
        take(item.code_size, code);
        take(item.data_size, data);
        const JobSpec& spec = item.spec;
        must(
            session->execute("insert into job (id, owner, name, priority, submitted_us, running_commands, code_sha256, "
                             "data_sha256, timeout_ms, "
                             "max_attempts, cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, "
                             "env) values (:id, :owner, "
                             ":name, :priority, :now, :commands, :code, :data, :timeout, :attempts, :cpu, :memory, "
                             ":disk, :processes, :output, "
                             ":files, :env)",
                             next_job_, message.owner.value, spec.name, spec.priority, now, spec.running_commands,
                             keep(code), keep(data), spec.timeout.count(), spec.max_attempts, spec.limits.cpu_millis,
                             spec.limits.memory_bytes, spec.limits.disk_bytes, spec.limits.processes,
                             spec.limits.output_bytes, spec.limits.open_files, env_json(spec.env)));
        must(session->execute(
            "insert into job_state (id, state, attempt, failures, losses, worker, cancel_requested, started_us, "
            "finished_us, event_seq) values (:id, 1, 0, 0, 0, null, 0, null, null, 1)",
            next_job_));
        must(
            session->execute("insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) values "
                             "(:id, 1, :now, 0, 1, 0, null, '')",
                             next_job_, now));
        ++next_job_;
    }
    must(transaction.commit());
    std::vector<JobId> ids;
    for (std::size_t i = 0; i < message.jobs.size(); ++i)
        ids.push_back(JobId{first.value + static_cast<std::int64_t>(i)});
    return protocol::JobsSubmitted{message.request, ids};
}

protocol::Message PlayedScheduler::cancel(const protocol::CancelJob& message) {
    std::int64_t answer = 2;
    {
        auto session = must(pool_.lease());
        const auto waiting = must(
            session->execute("update job_state set state = 7, finished_us = :now where id = :id and state in (0, 1)",
                             to_unix_us(clock_.now().wall), message.job.value));
        if (waiting > 0) answer = 0;
        const auto running = must(session->execute(
            "update job_state set cancel_requested = 1 where id = :id and state in (2, 3)", message.job.value));
        if (running > 0) answer = 1;
    }
    if (answer == 0) wake(message.job);
    return protocol::CancelAnswered{message.request, answer};
}

Watch PlayedScheduler::watch(JobId job, std::function<void()> on_end) {
    const std::lock_guard lock(mutex_);
    const int number = next_watcher_++;
    watchers_[job].emplace(number, std::move(on_end));
    return Watch([this, job, number] {
        const std::lock_guard again(mutex_);
        const auto found = watchers_.find(job);
        if (found == watchers_.end()) return;
        found->second.erase(number);
        if (found->second.empty()) watchers_.erase(found);
    });
}

Watch PlayedScheduler::follow(JobId job, std::shared_ptr<JobListener> listener) {
    const std::lock_guard lock(mutex_);
    const auto mine = followers_.emplace(job, std::move(listener));
    return Watch([this, mine] {
        const std::lock_guard again(mutex_);
        followers_.erase(mine);
    });
}

std::vector<std::shared_ptr<JobListener>> PlayedScheduler::followers_of(JobId job) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<JobListener>> all;
    for (auto [at, end] = followers_.equal_range(job); at != end; ++at) all.push_back(at->second);
    return all;
}

std::size_t PlayedScheduler::followed() const {
    const std::lock_guard lock(mutex_);
    return followers_.size();
}

void PlayedScheduler::print(JobId job, OutputStream stream, std::int64_t offset, const std::string& bytes,
                            bool in_silence) {
    std::int64_t attempt = 0;
    {
        auto session = must(pool_.lease());
        attempt = must(session->query("select attempt from job_state where id = :id", job.value)).front().integer(0);
        must(
            session->execute("insert into job_output (job, attempt, stream, start_offset, bytes) values (:job, "
                             ":attempt, :stream, :offset, :bytes)",
                             job.value, attempt, static_cast<std::int64_t>(stream), offset, Bytes{bytes}));
    }
    if (in_silence) return;
    const protocol::JobPrinted told{{job, static_cast<AttemptNumber>(attempt)}, stream, offset};
    const auto shared = std::make_shared<const std::string>(bytes);
    for (const auto& listener : followers_of(job)) listener->printed(told, shared);
}

void PlayedScheduler::tell_last_event(JobId job) {
    protocol::JobHappened told;
    {
        auto session = must(pool_.lease());
        const auto rows = must(session->query(
            "select e.seq, e.move, s.state, e.attempt from job_event e join job_state s on s.id = e.job where e.job = "
            ":job order by e.seq desc limit 1",
            job.value));
        told.job = job;
        told.seq = rows.front().integer(0);
        told.move = static_cast<JobMove>(rows.front().integer(1));
        told.state = static_cast<JobState>(rows.front().integer(2));
        told.attempt = rows.front().integer(3);
    }
    for (const auto& listener : followers_of(job)) listener->happened(told);
}

void PlayedScheduler::tell_to_read_again(JobId job) {
    for (const auto& listener : followers_of(job)) listener->read_again();
}

std::size_t PlayedScheduler::watched() const {
    const std::lock_guard lock(mutex_);
    return watchers_.size();
}

void PlayedScheduler::wake(JobId job) {
    std::map<int, std::function<void()>> told;
    {
        const std::lock_guard lock(mutex_);
        const auto found = watchers_.find(job);
        if (found == watchers_.end()) return;
        told = std::move(found->second);
        watchers_.erase(found);
    }
    for (auto& [number, on_end] : told) on_end();
}

void PlayedScheduler::start(JobId job) {
    auto session = must(pool_.lease());
    const std::int64_t now = to_unix_us(clock_.now().wall);
    must(session->execute(
        "insert into worker (id, name, first_seen_us) values (1, 'node-1', 0) on conflict do nothing"));
    must(
        session->execute("update job_state set state = 3, attempt = attempt + 1, worker = 1, started_us = :now, "
                         "event_seq = event_seq + 1 where id = :id",
                         now, job.value));
    must(
        session->execute("insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) select :id, "
                         "event_seq, :now, 3, 3, "
                         "attempt, 1, '' from job_state where id = :id",
                         job.value, now));
}

void PlayedScheduler::finish(JobId job, JobState state, const AttemptResult& result, std::string_view standard_output,
                             std::string_view standard_error) {
    {
        auto session = must(pool_.lease());
        const std::int64_t now = to_unix_us(clock_.now().wall);
        const auto rows = must(session->query("select attempt from job_state where id = :id", job.value));
        const std::int64_t attempt = rows.front().integer(0);
        rapidjson::StringBuffer buffer;
        JsonWriter json(buffer);
        json.StartArray();
        for (const auto& file : result.files) {
            json.StartObject();
            json.Key("path");
            put(json, file.path);
            json.Key("size");
            json.Int64(file.size_bytes);
            json.Key("sha256");
            put(json, file.sha256);
            json.Key("stored");
            json.Bool(file.stored);
            json.EndObject();
        }
        json.EndArray();
        must(session->execute(
            "insert into attempt_result (job, attempt, worker, ended_us, outcome, exit_code, signal, detail, wall_us, "
            "cpu_user_us, "
            "cpu_system_us, peak_memory_bytes, peak_is_largest_process, read_bytes, written_bytes, stdout_bytes, "
            "stderr_bytes, "
            "stdout_truncated, stderr_truncated, files, files_truncated, value) values (:job, :attempt, 1, :now, "
            ":outcome, "
            ":exit_code, :signal, :detail, :wall, :user, :system, :peak, 0, :read, :written, :out, :err, :out_cut, "
            ":err_cut, "
            ":files, :files_cut, :value)",
            job.value, attempt, now, static_cast<std::int64_t>(result.outcome.kind), result.outcome.exit_code,
            result.outcome.signal, result.outcome.detail, result.usage.wall.count(), result.usage.cpu_user.count(),
            result.usage.cpu_system.count(), result.usage.peak_memory_bytes, result.usage.read_bytes,
            result.usage.written_bytes, standard_output.size(), standard_error.size(), result.stdout_truncated,
            result.stderr_truncated, std::string(text_of(buffer)), result.files_truncated, result.value_json));
        const auto print = [&](OutputStream stream, std::string_view text) {  // in two pieces
            const std::size_t half = text.size() / 2;
            for (const auto& [offset, piece] :
                 {std::pair{std::size_t{0}, text.substr(0, half)}, std::pair{half, text.substr(half)}})
                if (!piece.empty())
                    must(session->execute(
                        "insert into job_output (job, attempt, stream, start_offset, bytes) values (:job, :attempt, "
                        ":stream, :offset, :bytes)",
                        job.value, attempt, static_cast<std::int64_t>(stream), offset, Bytes{std::string(piece)}));
        };
        print(OutputStream::standard_output, standard_output);
        print(OutputStream::standard_error, standard_error);
        must(session->execute("update job_state set state = :state, worker = null, finished_us = :now where id = :id",
                              static_cast<std::int64_t>(state), now, job.value));
    }
    wake(job);
}

void PlayedScheduler::store_blob(const std::string& bytes) {
    auto session = must(pool_.lease());
    must(session->execute(
        "insert into blob (sha256, size_bytes, bytes) values (:hash, :size, :bytes) on conflict do nothing",
        sha256_hex(bytes), bytes.size(), Bytes{bytes}));
}

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
    Later later;
    struct Resumed {
        std::mutex mutex;
        std::condition_variable changed;
        std::optional<Next> next;
    };
    std::shared_ptr<Resumed> resumed = std::make_shared<Resumed>();
};

ApiTest::ApiTest() {
    initialise_crypto();
    const auto& url = empty_database();
    pool_ = std::make_unique<SessionPool>(url, 4);
    accounts_ = std::make_unique<AccountsRepository>(*pool_);
    jobs_ = std::make_unique<JobsRepository>(*pool_);
    results_ = std::make_unique<ResultsRepository>(*pool_);
    passwords_ = std::make_unique<PasswordHasher>(HashCost::cheapest());
    credentials_ = std::make_unique<Credentials>(*accounts_, clock_);
    scheduler_ = std::make_unique<PlayedScheduler>(*pool_, clock_);
    metrics_ = std::make_unique<Metrics>(routes());
    app_ = std::unique_ptr<App>(new App{config_.api, true, clock_, *accounts_, *jobs_, *results_, *credentials_,
                                        *passwords_, throttle_, *scheduler_, *metrics_});
    server_ = must(Server::make(*app_, routes()));
}

ApiTest::~ApiTest() {
    opened_.clear();
    passwords_.reset();
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
    request.remote_address = "192.0.2.1";
    request.id = "test-1";
    auto take = [&](Reply reply) {
        if (auto* response = std::get_if<Response>(&reply)) {
            pending->response = std::move(*response);
            return;
        }
        pending->later = std::move(std::get<Later>(reply));
        const auto start = std::exchange(pending->later.start, {});
        start(Resumer([resumed = pending->resumed](Next next) {
            const std::lock_guard lock(resumed->mutex);
            if (!resumed->next) resumed->next = std::move(next);
            resumed->changed.notify_all();
        }));
    };
    take(server_->handle(request));
    return pending;
}

bool ApiTest::waits(const std::shared_ptr<Pending>& pending) {
    const std::lock_guard lock(pending->resumed->mutex);
    return !pending->response && !pending->resumed->next;
}

Answer ApiTest::open(const std::string& target, const std::string& token, Headers headers) {
    auto pending = begin("GET", target, {}, token, std::move(headers));
    if (!pending->response) {
        ADD_FAILURE() << target << " waits";
        return {};
    }
    opened_.push_back(pending);
    return {pending->response->status, pending->response->body, std::move(*pending->response)};
}

Answer ApiTest::finish(const std::shared_ptr<Pending>& pending) {
    if (!pending->response) {
        std::unique_lock lock(pending->resumed->mutex);
        const bool came = pending->resumed->changed.wait_for(lock, std::chrono::seconds(10),
                                                             [&] { return pending->resumed->next.has_value(); });
        EXPECT_TRUE(came) << "nobody answered " << pending->request.method << " " << pending->request.target;
        if (!came) return {};
        auto reply = (*pending->resumed->next)();
        WINDLASS_CHECK(std::holds_alternative<Response>(reply), "no handler waits twice");
        pending->response = std::move(std::get<Response>(reply));
    }
    Answer answer{pending->response->status, pending->response->body, *pending->response};
    if (answer.response.stream) {
        EXPECT_TRUE(answer.body.empty());
        while (true) {
            const auto before = answer.body.size();
            if (!answer.response.stream->next(answer.body)) break;
            EXPECT_GT(answer.body.size(), before);
        }
    }
    return answer;
}

Answer ApiTest::reach_deadline(const std::shared_ptr<Pending>& pending) {
    EXPECT_TRUE(waits(pending));
    if (!pending->later.on_deadline) return {503, {}, {}};
    auto reply = pending->later.on_deadline();
    Response response = std::get<Response>(std::move(reply));
    return {response.status, response.body, response};
}

void ApiTest::client_goes_away(std::shared_ptr<Pending>& pending) {
    pending.reset();
}

Answer ApiTest::send(const std::string& method, const std::string& target, const std::string& body,
                     const std::string& token, Headers headers) {
    return finish(begin(method, target, body, token, std::move(headers)));
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
    must(accounts_->add_credential({token_hash_hex(token), id, CredentialKind::api_token, "test", std::nullopt}, now));
    return {id, token};
}

JobId ApiTest::submit(const Account& account, const std::string& members) {
    const auto answer = send("POST", "/api/jobs/submit/",
                             R"({"code":"c","data":"d","running_commands":"true")" + members + "}", account.token);
    EXPECT_EQ(answer.status, 200) << answer.body;
    return JobId{std::stoll("0" + answer.id())};
}

}  // namespace windlass::api::test
