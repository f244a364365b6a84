// A JSON array of any length, made in steps while the client takes it: constant memory.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "api/call.h"

namespace windlass::api {

// Adds the elements of one step to the writer (which is inside the array). True: there may be more. A step is short;
// one that adds nothing is fine. On an error after the first step the array stays unfinished, so that no client takes
// it for the whole list (the status was sent long ago); the log says why.
using ListStep = std::function<Result<bool>(JsonWriter& json)>;

// Runs the first step at once: what fails there is still a proper error, and a short list is an ordinary body.
OrProblem<Reply> list_reply(const Call& call, ListStep step);
// The same with headers of its own.
OrProblem<Reply> list_reply(const Call& call, ListStep step, std::vector<std::pair<std::string, std::string>> headers);
// The list as a part of something larger: the texts stand before and behind it.
struct ListFrame {
    std::string before;
    std::string behind;
};
OrProblem<Reply> list_reply(const Call& call, ListStep step, std::vector<std::pair<std::string, std::string>> headers,
                            ListFrame frame);

}  // namespace windlass::api
