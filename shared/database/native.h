// The drivers under SOCI, for what SOCI cannot do: scripts (its rewriter breaks on comments and quotes), immediate
// transactions, looking at a connection without a round trip, error codes. Internal to shared/database and the stores.
#pragma once

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <memory>
#include <string>

namespace windlass::database {

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

// The library keeps the type information of these classes to itself, so a sanitizer cannot check the casts.
#define WINDLASS_SOCI_CAST __attribute__((no_sanitize("vptr")))

WINDLASS_SOCI_CAST inline PGconn* native_postgresql(soci::session& session) {
    return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}
WINDLASS_SOCI_CAST inline sqlite_api::sqlite3* native_sqlite(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}
// The name of a prepared statement on the server.
WINDLASS_SOCI_CAST inline const std::string& native_postgresql(soci::statement& statement) {
    return static_cast<soci::postgresql_statement_backend*>(statement.get_backend())->statementName_;
}
WINDLASS_SOCI_CAST inline sqlite_api::sqlite3_stmt* native_sqlite(soci::statement& statement) {
    return static_cast<soci::sqlite3_statement_backend*>(statement.get_backend())->stmt_;
}

#undef WINDLASS_SOCI_CAST

}  // namespace windlass::database
