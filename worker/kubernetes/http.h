// One request to the API server, by libcurl: https alone, the site's authority alone, no redirect, bounded in time and
// size. Waits for the answer: not on the loop's thread.
#pragma once

#include <atomic>
#include <string>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::worker::kubernetes {

struct HttpRequest {
    std::string method;
    std::string url;
    std::string body;  // JSON; empty: none
    std::string token_file;
    std::string ca_file;
    Milliseconds patience{20'000};
    std::size_t most_bytes = 64u << 20;
    bool until_line = false;  // ends early, with what has come, when a line of the body is there: of a watch
    const std::atomic<bool>* stop = nullptr;  // set: ends at once
};

struct HttpAnswer {
    int status = 0;
    std::string body;
};

// unavailable: no answer, and why. The token is read anew for each request, and in no message.
Result<HttpAnswer> ask(const HttpRequest& request);

}  // namespace windlass::worker::kubernetes
