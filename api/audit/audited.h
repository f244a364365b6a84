// Which calls are recorded, and what of them. One place: no handler can forget it.
#pragma once

#include <optional>
#include <string>

#include "api/front/exchange.h"
#include "api/principal.h"
#include "shared/ids.h"

namespace windlass::api {

struct App;
struct Route;

// What the answer does not tell. Filled by the resolver, and by handlers that know more (a login: whose).
struct AuditNote {
    std::optional<UserId> account;
    std::string actor;
    std::string credential;
    std::string object;   // empty: the Location of the answer, else the path (of a refused request only its numbers)
    std::string detail;   // never a secret, never what somebody typed as a name of an account that does not exist
    bool always = false;  // record it although its method changes nothing: a logout by GET, a login by redirect
};

// Who came in, in the words of the audit.
void describe(AuditNote& note, const Principal& principal);

// Everything that changes something, and every try to log in. Refused for want of a credential: not recorded, or
// strangers could fill the table.
bool is_audited(const Route& route, const AuditNote& note);

// Records the call; gives back `response`, at once or when the record is durable (audit_log.h says which).
Reply audited(const App& app, const Request& request, const Route& route, const AuditNote& note, Response response);

}  // namespace windlass::api
