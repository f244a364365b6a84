// Where a browser says that a request comes from (the header Origin, RFC 6454), and whether that is good enough: for
// the start of a WebSocket, which a browser lets every page ask for, and for answers to pages of other sites (CORS).
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/front/exchange.h"
#include "shared/result.h"

namespace windlass::api {

enum class OriginKind {
    absent,   // no browser, or a request of a kind for which browsers do not say it
    same,     // our own pages
    listed,   // pages of a site that the operator named
    foreign,  // all others; also one that is said twice, or "null"
};

// `allow_list`: origins as browsers write them, "https://lab.example:8443" (see check_origins).
OriginKind origin_of(const Request& request, const std::vector<std::string>& allow_list);

// Our own pages and those in the list are. A request without Origin is, as long as it does not live on cookies alone:
// a browser adds those by itself, other programs have a credential in a header.
bool origin_allowed(const Request& request, const std::vector<std::string>& allow_list);

// invalid: an entry that no browser would send ("*", a path, upper case, a port that is the scheme's own), named.
Status check_origins(const std::vector<std::string>& allow_list);

}  // namespace windlass::api
