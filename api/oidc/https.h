// HTTP out, to the provider. Blocking: not on the front's threads. https only, loopback excepted (a provider on the
// same host, tests); no redirect is followed; answers are bounded.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass::api {

struct HttpsRequest {
    std::string url;
    std::string form;      // application/x-www-form-urlencoded; empty: GET
    std::string user;      // HTTP Basic, if not empty
    std::string password;  // never logged
    std::string bearer;    // an access token instead, if not empty; never logged
};
struct HttpsAnswer {
    int status = 0;
    std::string body;
};

// unavailable: no whole answer came, and why; invalid: a URL that is not asked.
using Fetch = std::function<Result<HttpsAnswer>(const HttpsRequest&)>;
Result<HttpsAnswer> fetch(const HttpsRequest& request);

// "a=1&b=x%20y"
std::string form_of(const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace windlass::api
