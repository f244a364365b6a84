// Opens one connection and makes sure that it is one to trust with jobs. Internal to the session.
#pragma once

#include <soci/soci.h>

#include <memory>

#include "shared/database/database_error.h"
#include "shared/database/session.h"

namespace windlass::database {

// Failures as of Session::open().
Result<std::unique_ptr<soci::session>> connect(const DatabaseUrl& url, const SessionSettings& settings);

// Runs a script natively. Nothing: it went well. `tag`: what PostgreSQL says it did last ("COMMIT", "ROLLBACK").
std::optional<Failure> run_native(soci::session& session, Engine engine, const std::string& script,
                                  std::string* tag = nullptr);

// Without a round trip: false when the server has closed the connection while it was idle.
bool looks_alive(soci::session& session, Engine engine);

}  // namespace windlass::database
