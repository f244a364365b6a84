// The target of a request line, "/api/jobs/?page=2", taken apart and percent-decoded once (RFC 3986, RFC 9112
// section 3.2). Pure. What is ambiguous is refused rather than repaired, because a proxy in front of us may repair it
// differently.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

struct Target {
    std::string path;
    std::vector<std::pair<std::string, std::string>> query;  // in order, repeated keys kept, "+" is a space
};

// Only the origin form ("/path?query"). The error is a sentence for the client: always a 400.
Result<Target> parse_target(std::string_view target);

bool valid_utf8(std::string_view text);

}  // namespace windlass::api
