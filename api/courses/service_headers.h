// What passes between a client and the service of a student's job, and what does not. Pure. The service shares our
// address with everything else of this server, so nothing of it may reach beyond its own path:
//
//   to the service   never a credential of ours (header, cookie, whatever name), nor what a client says about itself in
//                    X-Forwarded-*: that is said by us
//   to the client    cookies get a name and a path of this deployment alone; whatever speaks for the whole address
//                    (Clear-Site-Data, Alt-Svc, Service-Worker-Allowed, reports, CORS, demands for a password) is left
//                    out; and every page is put into a sandbox without an origin (content_policy)
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/front/exchange.h"
#include "shared/ids.h"

namespace windlass::api {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

// "/v1/service/100000042"
std::string service_prefix(JobId job);

// A page of a service may run its scripts and send its forms, but has no origin: it can read neither our cookies nor
// our answers, and what it sends by itself carries no cookie that a script could not have sent from anywhere.
inline constexpr std::string_view content_policy =
    "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads; frame-ancestors 'self'";

// The part of a request's target behind the prefix, as it was sent, with the query; empty if it has another beginning.
std::string inner_target(std::string_view target, JobId job);

// The whole request without its body, to be followed by it. `upgrade_key`: a WebSocket is asked for, with this key.
std::string request_head(const Request& request, JobId job, std::string_view inner, std::string_view username,
                         std::string_view upgrade_key = {});

// The headers of the answer, for the client. The content type is among them.
HeaderList answer_headers(const HeaderList& from_service, JobId job);

}  // namespace windlass::api
