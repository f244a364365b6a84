// What opens the way to the service of one attempt: the line that whoever connects to a worker's listener for services
// says first. Both ends make it from the site's shared secret, so it is stored nowhere and travels nowhere else; it is
// good for one attempt of one job, and nobody can make that of another one from it.
//
//     windlass-service 1 JOB.ATTEMPT HMAC\n      answered by      ok\n      or by      no SENTENCE\n
//
// After ok the connection carries the bytes of the service, both ways.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "shared/ids.h"

namespace windlass {

inline constexpr std::size_t longest_service_line = 200;  // either of them, with its end

// With its end. `secret`: of the site (read_secret()).
std::string service_greeting(std::string_view secret, AttemptRef attempt);
// Whom the line (without its end) is for; nullopt: it is none, or made with another secret. Compared in constant time.
std::optional<AttemptRef> greeted(std::string_view line, std::string_view secret);

}  // namespace windlass
