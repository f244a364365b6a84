#include "api/submission.h"

#include <strings.h>

#include <algorithm>
#include <utility>

#include "api/idempotency.h"
#include "api/quotas_repository.h"
#include "api/refused_submits.h"
#include "api/scheduler_link.h"
#include "shared/frame.h"
#include "shared/log.h"
#include "shared/trace_context.h"

namespace windlass::api {
namespace {

// What the limits and the other numbers of one job take in the header of the message, generously.
constexpr std::size_t numbers_bytes = 512;
constexpr std::size_t dependency_bytes = 64;

std::int64_t put_part(std::string& body, std::string_view part, std::string_view last, bool first) {
    if (!first && part == last) return -1;
    body += part;
    return static_cast<std::int64_t>(part.size());
}

std::size_t bytes_of(const std::map<std::string, std::string>& map) {
    std::size_t bytes = 4;
    for (const auto& [name, value] : map) bytes += name.size() + value.size() + 8;
    return bytes;
}

// Of the request, if it says one that can be passed on; what is none is ignored, as the recommendation wants it.
std::string traceparent_of(const Request& request) {
    const auto is_traceparent_header = [](const auto& header) {
        return header.first.size() == 11 && strncasecmp(header.first.c_str(), "traceparent", 11) == 0;
    };
    const auto value = request.header("traceparent");
    const bool once = std::ranges::count_if(request.headers, is_traceparent_header) == 1;
    return once && is_traceparent(value) ? std::string(value) : std::string();
}

void tell_traced(const std::string& request, const std::string& traceparent, const std::vector<JobId>& jobs) {
    const auto level = traceparent.empty() ? log::Level::debug : log::Level::info;
    if (!log::enabled(level) || jobs.empty()) return;
    log::write(level,
               {log::field::job(jobs.front()), log::field::request(request), log::field::traceparent(traceparent)},
               "request {}: {} job(s) accepted, from {} on", request, jobs.size(), jobs.front().text());
}

std::size_t bytes_of(const SubmittedJob& job) {
    const JobSpec& spec = job.spec;
    std::size_t bytes = spec.running_commands.size() + spec.name.size() + numbers_bytes + bytes_of(spec.env) +
                        bytes_of(spec.files) + bytes_of(spec.required_labels) + job.after.size() * dependency_bytes;
    for (const auto& name : spec.datasets) bytes += name.size() + 8;
    for (const auto& tag : spec.tags) bytes += tag.size() + 8;
    for (const auto& pattern : spec.outputs) bytes += pattern.size() + 8;
    for (const auto& params : job.array.params) bytes += bytes_of(params);
    return bytes;
}

}  // namespace

void Submission::add(SubmittedJob job, const std::vector<std::optional<std::size_t>>& indexes) {
    const bool first = message_.jobs.empty();
    spec_bytes_ += bytes_of(job);
    const auto code_size = put_part(body_, job.code, last_code_, first);
    const auto data_size = put_part(body_, job.data, last_data_, first);
    last_code_ = job.code;
    last_data_ = job.data;
    const auto after = std::exchange(job.after, {});
    auto& item = message_.jobs.emplace_back(item_of(std::move(job)));
    item.code_size = code_size;
    item.data_size = data_size;
    for (std::size_t i = 0; i < after.size(); ++i) {
        const auto& on = after[i];
        item.after.push_back({on.job, on.job ? 0 : static_cast<std::int64_t>(indexes.at(i).value()), on.condition});
    }
}

protocol::SubmitItem item_of(SubmittedJob job) {
    protocol::SubmitItem item;
    item.code_size = static_cast<std::int64_t>(job.code.size());
    item.data_size = static_cast<std::int64_t>(job.data.size());
    item.array_count = job.array.count;
    item.max_fails = job.array.max_fails;
    item.params = std::move(job.array.params);
    item.rerun_of = job.rerun_of;
    item.spec = std::move(job.spec);
    return item;
}

Problem refused_submit(const protocol::SubmitRefused& refused) {
    using Why = protocol::SubmitRefused::Why;
    const auto problem = [&](int status, std::string_view type) {
        Problem made = make_problem(status, refused.detail);
        made.type = "urn:windlass:problem:" + std::string(type);
        if (status == 429) made.retry_after_s = std::max<std::int64_t>(1, (refused.retry_after_ms + 999) / 1000);
        return made;
    };
    switch (refused.why) {
        case Why::queued_quota:
            return problem(429, "queued-quota");
        case Why::cpu_quota:
            return problem(429, "cpu-quota");
        case Why::no_such_queue:
            return problem(422, "no-such-queue");
        case Why::no_such_job:
            return problem(422, "no-such-job");
        case Why::key_in_use:
            return problem(409, "key-in-use");
        case Why::key_of_another:
            return problem(422, "key-of-another-request");
        case Why::no_such_blob:
            return problem(422, "no-such-blob");
    }
    return make_problem(500, "The scheduler gave an answer that makes no sense.");
}

OrProblem<Reply> Submission::send(const Call& call, Answer answer) && {
    const std::string traceparent = traceparent_of(call.request);
    // Escapes can double the text; a message that is too large would cost us the connection.
    if ((spec_bytes_ + traceparent.size() * size()) * 2 > max_frame_header_bytes || body_.size() > max_frame_body_bytes)
        return make_problem(413,
                            "The commands and environments of these jobs are too long together; send several batches.");
    WINDLASS_TRY(message_.quota, call.app.quotas.effective(message_.owner, call.app.clock.now().steady));
    if (call.key) {
        message_.route = call.key->route;
        message_.key = call.key->key;
        message_.body_sha256 = call.key->body_sha256;
    }
    const std::size_t jobs = size();
    const bool is_one = jobs == 1 && message_.jobs.front().array_count <= 1;
    for (auto& item : message_.jobs) item.spec.traceparent = traceparent;  // not that of a job that is run again
    const UserId owner = message_.owner;
    auto question = std::make_shared<std::pair<protocol::Message, std::string>>(std::move(message_), std::move(body_));
    Later later;
    later.deadline = Seconds{30};
    later.start = [call, question, jobs, is_one, owner, traceparent,
                   answer = std::move(answer)](const Resumer& resume) {
        const auto answered = [answer, jobs, is_one, owner, traceparent, &app = call.app,
                               id = call.request.id](const Scheduler::Answer& got) -> OrProblem<Reply> {
            if (!got) return try_again_later(got.error().message);
            if (const auto* refused = std::get_if<protocol::SubmitRefused>(&*got)) {
                Problem problem = refused_submit(*refused);
                if (is_one && refused->why == protocol::SubmitRefused::Why::queued_quota)
                    app.refused_submits.note(owner, problem, app.clock.now().steady);
                return problem;
            }
            const auto* submitted = std::get_if<protocol::JobsSubmitted>(&*got);
            if (submitted == nullptr || submitted->jobs.size() != jobs)
                return make_problem(500, "The scheduler gave an answer that makes no sense.");
            tell_traced(id, traceparent, submitted->jobs);
            Response response = answer(submitted->jobs);
            if (submitted->replayed) response.headers.emplace_back("Idempotency-Replayed", "true");
            return Reply(std::move(response));
        };
        call.app.scheduler.ask(std::move(question->first), std::move(question->second),
                               [call, resume, answered](Scheduler::Answer got) {
                                   resume(call.then([answered, got = std::move(got)] { return answered(got); }));
                               });
    };
    later.on_deadline = call.then([]() -> OrProblem<Reply> {
        return try_again_later(
            "The scheduler did not answer in time. The jobs may have been accepted: send this again with the same "
            "Idempotency-Key, or look for them before sending it again without one.",
            5);
    });
    return Reply(std::move(later));
}

}  // namespace windlass::api
