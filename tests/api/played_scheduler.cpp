#include "tests/api/played_scheduler.h"

#include <fmt/format.h>

#include "shared/digest.h"
#include "shared/json.h"
#include "tests/support/must.h"

namespace windlass::api::test {
using windlass::test::must;

void PlayedScheduler::ask(protocol::Message question, std::string body, OnAnswer on_answer) {
    if (away)
        return on_answer(
            make_error(ErrorKind::unavailable, "The scheduler cannot be reached now; nothing was done. Try again."));
    if (silent) return;
    if (const auto* submitted = std::get_if<protocol::SubmitJobs>(&question))
        return on_answer(submit(*submitted, body));
    if (const auto* cancelled = std::get_if<protocol::CancelJobs>(&question)) return on_answer(cancel(*cancelled));
    if (std::holds_alternative<protocol::ExplainJob>(question)) {
        auto answer = explained;
        answer.text = explanation;
        return on_answer(protocol::Message(answer));
    }
    if (!std::holds_alternative<protocol::AskStatistics>(question)) return on_answer(operate(question));
    protocol::Statistics statistics;
    statistics.queued = statistics_queued;
    on_answer(protocol::Message(statistics));
}

protocol::Message PlayedScheduler::operate(const protocol::Message& question) {
    if (std::holds_alternative<protocol::ListQueues>(question)) return protocol::QueuesListed{{}, queues};
    if (std::holds_alternative<protocol::ListWorkers>(question)) return protocol::WorkersListed{{}, workers};
    protocol::OperatorAnswered answer{{}, operator_refusal};
    if (!answer.refused.empty()) return answer;
    if (const auto* configure = std::get_if<protocol::ConfigureQueue>(&question)) {
        std::erase_if(queues, [&](const auto& queue) { return queue.name == configure->name; });
        queues.push_back({configure->name, configure->weight_millis, configure->max_running, configure->held,
                          configure->description, 0, 0});
    } else if (const auto* remove = std::get_if<protocol::RemoveQueue>(&question)) {
        std::erase_if(queues, [&](const auto& queue) { return queue.name == remove->name; });
    } else if (const auto* drain = std::get_if<protocol::DrainWorker>(&question)) {
        operations.push_back((drain->draining ? "drain " : "resume ") + drain->worker);
    } else if (const auto* forget = std::get_if<protocol::ForgetWorker>(&question)) {
        operations.push_back("forget " + forget->worker);
    } else if (const auto* enrol = std::get_if<protocol::EnrolWorker>(&question)) {
        operations.push_back("enrol " + enrol->worker);
        return protocol::WorkerEnrolled{{}, "wle1.token", from_unix_us(1'800'000'000'000'000)};
    } else if (const auto* revoke = std::get_if<protocol::RevokeWorker>(&question)) {
        operations.push_back("revoke " + revoke->worker);
    } else if (const auto* told = std::get_if<protocol::SetQuotas>(&question)) {
        quotas.insert(quotas.end(), told->users.begin(), told->users.end());
    } else if (std::holds_alternative<protocol::SchedulesChanged>(question)) {
        ++schedule_changes;
    } else {
        ADD_FAILURE() << "the played scheduler does not know " << protocol::encode(question);
    }
    return answer;
}

protocol::Message PlayedScheduler::submit(const protocol::SubmitJobs& message, std::string_view body) {
    if (refusal) return *refusal;
    if (!message.key.empty()) {
        const auto [entry, fresh] = keys_.try_emplace(message.owner.text() + message.route + message.key);
        if (!fresh && entry->second.first != message.body_sha256)
            return protocol::SubmitRefused{{}, protocol::SubmitRefused::Why::key_of_another, "Another body.", 0};
        if (!fresh) return protocol::JobsSubmitted{{}, entry->second.second, true};
    }
    submits.push_back(message);
    bodies.emplace_back(body);
    auto session = must(pool_.lease());
    auto transaction = must(Transaction::begin(*session));
    const std::int64_t now = to_unix_us(clock_.now().wall);
    std::vector<JobId> ids;
    for (const auto& item : message.jobs) {
        ids.push_back(JobId{next_job_});
        next_job_ += 1 + item.array_count;
    }
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
    for (std::size_t i = 0; i < message.jobs.size(); ++i) {
        const auto& item = message.jobs[i];
        const std::int64_t id = ids[i].value;
        take(item.code_size, code);
        take(item.data_size, data);
        const JobSpec& spec = item.spec;
        std::optional<std::int64_t> rerun_of;
        if (item.rerun_of) rerun_of = item.rerun_of.value;
        must(session->execute(
            "insert into job (id, owner, name, priority, submitted_us, running_commands, code_sha256, data_sha256, "
            "timeout_ms, max_attempts, cpu_millis, memory_bytes, disk_bytes, processes, output_bytes, open_files, env, "
            "details, queue, rerun_of) values (:id, :owner, :name, :priority, :now, :commands, :code, :data, :timeout, "
            ":attempts, :cpu, :memory, :disk, :processes, :output, :files, :env, :details, :queue, :rerun_of)",
            id, message.owner.value, spec.name, spec.priority, now, spec.running_commands, keep(code), keep(data),
            spec.timeout.count(), spec.max_attempts, spec.limits.cpu_millis, spec.limits.memory_bytes,
            spec.limits.disk_bytes, spec.limits.processes, spec.limits.output_bytes, spec.limits.open_files,
            json_object_of(spec.env), protocol::encode_details(spec), spec.queue, rerun_of));
        const std::int64_t state = item.after.empty() ? 1 : 0;
        must(session->execute(
            "insert into job_state (id, owner, state, attempt, failures, losses, worker, cancel_requested, started_us, "
            "finished_us, event_seq) values (:id, :owner, :state, 0, 0, 0, null, 0, null, null, 1)",
            id, message.owner.value, state));
        must(session->execute(
            "insert into job_event (job, seq, at_us, move, state, attempt, worker, detail) values (:id, 1, :now, 0, "
            ":state, 0, null, '')",
            id, now, state));
        for (const auto& on : item.after)
            must(session->execute(
                "insert into job_dependency (job, after_job, condition) values (:job, :after, :condition)", id,
                on.job ? on.job.value : ids.at(static_cast<std::size_t>(on.index)).value,
                static_cast<std::int64_t>(on.condition)));
        for (const auto& tag : spec.tags)
            must(session->execute("insert into job_tag (tag, owner, job) values (:tag, :owner, :job)", tag,
                                  message.owner.value, id));
        if (item.array_count == 0) continue;
        must(
            session->execute("insert into job_array (id, count, next_member, max_fails, succeeded, failed, timed_out, "
                             "cancelled, lost) values (:id, :count, 0, :max_fails, 0, 0, 0, 0, 0)",
                             id, item.array_count, item.max_fails));
        std::string params;
        for (const auto& member : item.params) params += (params.empty() ? "[" : ",") + json_object_of(member);
        if (!params.empty())
            must(session->execute("insert into job_array_params (array_id, first, params) values (:id, 0, :params)", id,
                                  params + "]"));
    }
    must(transaction.commit());
    if (!message.key.empty()) {
        keys_[message.owner.text() + message.route + message.key] = {message.body_sha256, ids};
        must(session->execute(
            "insert into idempotency_key (account, route, key, body_sha256, created_us, first_job, job_count, status, "
            "answer) values (:account, :route, :key, :body, :now, :first, :count, null, null)",
            message.owner.value, message.route, message.key, message.body_sha256, now, ids.front().value,
            static_cast<std::int64_t>(ids.size())));
    }
    return protocol::JobsSubmitted{message.request, ids, false};
}

std::int64_t PlayedScheduler::cancel_one(Session& session, JobId job) {
    const std::int64_t now = to_unix_us(clock_.now().wall);
    const auto waiting = must(session.execute(
        "update job_state set state = 7, finished_us = :now where id = :id and state in (0, 1)", now, job.value));
    if (waiting > 0) return 0;
    const auto running = must(
        session.execute("update job_state set cancel_requested = 1 where id = :id and state in (2, 3)", job.value));
    if (running > 0) return 1;
    const auto known = must(session.query("select state from job_state where id = :id", job.value));
    if (!known.empty()) return 2;
    const auto arrays =
        must(session.query("select a.id, s.owner from job_array a join job_state s on s.id = a.id where a.id < :id "
                           "order by a.id desc limit 1",
                           job.value));
    if (arrays.empty()) return 2;
    must(session.execute(
        "insert into job_state (id, owner, array_id, state, attempt, failures, losses, worker, cancel_requested, "
        "started_us, finished_us, event_seq) values (:id, :owner, :array, 7, 0, 0, 0, null, 0, null, :now, 2)",
        job.value, arrays.front().integer(1), arrays.front().integer(0), now));
    must(session.execute("update job_array set cancelled = cancelled + 1 where id = :id", arrays.front().integer(0)));
    return 0;
}

protocol::Message PlayedScheduler::cancel(const protocol::CancelJobs& message) {
    cancels.push_back(message);
    protocol::CancelAnswered answer{message.request, {}};
    {
        auto session = must(pool_.lease());
        auto transaction = must(Transaction::begin(*session));
        for (const JobId job : message.jobs) answer.answers.push_back(cancel_one(*session, job));
        must(transaction.commit());
    }
    for (std::size_t i = 0; i < message.jobs.size(); ++i)
        if (answer.answers[i] == 0) wake(message.jobs[i]);
    return answer;
}

void PlayedScheduler::start_member(JobId array, std::int64_t number) {
    auto session = must(pool_.lease());
    must(session->execute(
        "insert into worker (id, name, first_seen_us) values (1, 'node-1', 0) on conflict do nothing"));
    must(session->execute(
        "insert into job_state (id, owner, array_id, state, attempt, failures, losses, worker, cancel_requested, "
        "started_us, finished_us, event_seq) select :member, owner, id, 3, 1, 0, 0, 1, 0, :now, null, 3 from job_state "
        "where id = :array",
        array.value + 1 + number, to_unix_us(clock_.now().wall), array.value));
    must(session->execute("update job_array set next_member = :next where id = :array and next_member < :next",
                          number + 1, array.value));
}

void PlayedScheduler::end_member(JobId array, std::int64_t number, JobState state) {
    AttemptResult result;
    result.outcome.exit_code = state == JobState::succeeded ? 0 : 1;
    result.usage.wall = Milliseconds{10};
    finish(JobId{array.value + 1 + number}, state, result);
    auto session = must(pool_.lease());
    const std::string column(name(state));
    must(session->execute("update job_array set " + column + " = " + column + " + 1 where id = :id", array.value));
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

}  // namespace windlass::api::test
