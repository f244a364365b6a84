#include "api/ask.h"

#include <memory>
#include <utility>

#include "api/scheduler_link.h"

namespace windlass::api {

Reply ask_scheduler(const Call& call, protocol::Message question, AnswerStep step) {
    const auto message = std::make_shared<protocol::Message>(std::move(question));
    Later later;
    later.deadline = Seconds{10};
    later.start = [call, message, step = std::move(step)](const Resumer& resume) {
        call.app.scheduler.ask(std::move(*message), {}, [call, resume, step](Scheduler::Answer got) {
            resume(call.then([step, got = std::move(got)]() -> OrProblem<Reply> {
                if (!got) return try_again_later(got.error().message);
                return step(*got);
            }));
        });
    };
    later.on_deadline = call.then([]() -> OrProblem<Reply> {
        return try_again_later(
            "The scheduler did not answer in time. It may have done this or not; asking again does no harm.", 5);
    });
    return later;
}

Reply ask_operator(const Call& call, protocol::Message question, std::function<OrProblem<Reply>()> step) {
    return ask_scheduler(call, std::move(question),
                         [step = std::move(step)](const protocol::Message& answer) -> OrProblem<Reply> {
                             const auto* answered = std::get_if<protocol::OperatorAnswered>(&answer);
                             if (answered == nullptr) return senseless_answer();
                             if (!answered->refused.empty()) return make_problem(409, answered->refused);
                             return step();
                         });
}

Reply tell_scheduler(const Call& call, protocol::Message news, Response response) {
    const auto message = std::make_shared<protocol::Message>(std::move(news));
    const Next answer = [response = std::move(response)]() -> Reply { return response; };
    Later later;
    later.deadline = Seconds{2};
    later.on_deadline = answer;
    later.start = [&scheduler = call.app.scheduler, message, answer](const Resumer& resume) {
        scheduler.ask(std::move(*message), {}, [resume, answer](const Scheduler::Answer&) { resume(answer); });
    };
    return later;
}

Problem senseless_answer() {
    return make_problem(500, "The scheduler gave an answer that makes no sense.");
}

}  // namespace windlass::api
