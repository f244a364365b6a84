#include "api/submission.h"

#include <utility>

#include "api/scheduler_link.h"
#include "shared/frame.h"

namespace windlass::api {
namespace {

// What the limits and the other numbers of one job take in the header of the message, generously.
constexpr std::size_t numbers_bytes = 512;

std::int64_t put_part(std::string& body, std::string_view part, std::string_view last, bool first) {
    if (!first && part == last) return -1;
    body += part;
    return static_cast<std::int64_t>(part.size());
}

}  // namespace

void Submission::add(SubmittedJob job) {
    const bool first = message_.jobs.empty();
    spec_bytes_ += job.spec.running_commands.size() + job.spec.name.size() + numbers_bytes;
    for (const auto& [name, value] : job.spec.env) spec_bytes_ += name.size() + value.size() + 8;
    auto& item = message_.jobs.emplace_back();
    item.code_size = put_part(body_, job.code, last_code_, first);
    item.data_size = put_part(body_, job.data, last_data_, first);
    item.spec = std::move(job.spec);
    last_code_ = job.code;
    last_data_ = job.data;
}

OrProblem<Reply> Submission::send(const Call& call, std::function<Response(JobId)> answer) && {
    // Escapes can double the text; a message that is too large would cost us the connection.
    if (spec_bytes_ * 2 > max_frame_header_bytes || body_.size() > max_frame_body_bytes)
        return make_problem(413,
                            "The commands and environments of this batch are too long together; send several batches.");
    message_.owner = call.principal.id;
    auto question = std::make_shared<std::pair<protocol::Message, std::string>>(std::move(message_), std::move(body_));
    Later later;
    later.deadline = Seconds{30};
    later.start = [call, question, answer = std::move(answer)](const Resumer& resume) {
        call.app.scheduler.ask(
            std::move(question->first), std::move(question->second), [call, resume, answer](Scheduler::Answer got) {
                resume(call.then([answer, got = std::move(got)]() -> OrProblem<Reply> {
                    if (!got) return try_again_later(got.error().message);
                    const auto* submitted = std::get_if<protocol::JobsSubmitted>(&*got);
                    if (submitted == nullptr)
                        return make_problem(500, "The scheduler gave an answer that makes no sense.");
                    return Reply(answer(submitted->first));
                }));
            });
    };
    later.on_deadline = call.then([]() -> OrProblem<Reply> {
        return try_again_later(
            "The scheduler did not answer in time. The jobs may have been accepted: look for them before sending them "
            "again.",
            5);
    });
    return Reply(std::move(later));
}

}  // namespace windlass::api
