// /healthz: the process answers. /readyz: it can do its work. /metrics: its figures.
#include <utility>

#include "api/accounts_repository.h"
#include "api/handlers.h"
#include "api/metrics.h"
#include "api/scheduler_link.h"

namespace windlass::api {
namespace {

Response text_response(std::string text, std::string type = "text/plain; charset=utf-8") {
    Response response;
    response.content_type = std::move(type);
    response.body = std::move(text);
    return response;
}

}  // namespace

OrProblem<Reply> health(const Call&) {
    return Reply(text_response("ok\n"));
}

OrProblem<Reply> ready(const Call& call) {
    std::string missing;
    if (!call.app.scheduler.connected()) missing += "The scheduler is away. ";
    if (!call.app.accounts.ping()) missing += "The database does not answer. ";
    if (missing.empty()) return Reply(text_response("ready\n"));
    missing.pop_back();
    return try_again_later(std::move(missing));
}

OrProblem<Reply> metrics(const Call& call) {
    const auto answer = [call](const std::optional<protocol::Statistics>& scheduler) -> OrProblem<Reply> {
        return Reply(text_response(call.app.metrics.text(scheduler), "text/plain; version=0.0.4; charset=utf-8"));
    };
    Later later;
    later.deadline = Seconds{1};  // a scrape is not held up by a scheduler that is busy
    later.on_deadline = call.then([answer] { return answer(std::nullopt); });
    later.start = [call, answer](const Resumer& resume) {
        call.app.scheduler.ask(protocol::AskStatistics{}, {}, [call, resume, answer](Scheduler::Answer got) {
            std::optional<protocol::Statistics> statistics;
            if (got)
                if (const auto* s = std::get_if<protocol::Statistics>(&*got)) statistics = *s;
            resume(call.then([answer, statistics] { return answer(statistics); }));
        });
    };
    return Reply(std::move(later));
}

}  // namespace windlass::api
