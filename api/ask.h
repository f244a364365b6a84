// One question to the scheduler on behalf of a request, and the step that follows its answer.
#pragma once

#include <functional>

#include "api/call.h"
#include "shared/protocol.h"

namespace windlass::api {

// 503 when the scheduler is away, or does not answer in ten seconds: what was asked may have been done or not.
using AnswerStep = std::function<OrProblem<Reply>(const protocol::Message& answer)>;
Reply ask_scheduler(const Call& call, protocol::Message question, AnswerStep step);

// For questions that are answered by OperatorAnswered: 409 with its sentence when it was refused.
Reply ask_operator(const Call& call, protocol::Message question, std::function<OrProblem<Reply>()> step);

// For news: `response` is the answer whatever the scheduler says to it, and whether it says anything. What it is told
// of stands in the tables, which it reads when it comes back.
Reply tell_scheduler(const Call& call, protocol::Message news, Response response);

Problem senseless_answer();

}  // namespace windlass::api
