// What went wrong in the database, in our words. Internal to shared/database.
//
// SOCI's what() contains the values bound to the statement, and PostgreSQL's details contain whole rows: neither is
// ever passed on.
#pragma once

#include <soci/soci.h>

#include <exception>
#include <string>
#include <string_view>

#include "shared/database/url.h"
#include "shared/result.h"

namespace windlass::database {

struct Failure {
    ErrorKind kind = ErrorKind::internal;
    std::string message;           // a sentence without the name of the statement
    bool connection_lost = false;  // drop the connection, with its statements

    // "…, in: select id from account where …": the beginning of the statement's text, which is static.
    Error error(std::string_view statement) const;
};

// `code` is an SQLSTATE, `text` what the server said; only what cannot hold a value of a row is used of it.
Failure postgresql_failure(std::string_view code, std::string_view text, bool connection_bad);
// The last error of this connection.
Failure sqlite_failure(soci::session& session);
// Of an exception that came out of SOCI.
Failure failure_of(const std::exception& exception, soci::session& session, Engine engine);

}  // namespace windlass::database
