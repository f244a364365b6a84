// The drivers under SOCI, for what SOCI cannot do: scripts (its rewriter breaks on comments and quotes), immediate
// transactions, looking at a connection without a round trip, error codes. Internal to shared/database and the stores.
#pragma once

#include <libpq-fe.h>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <memory>

namespace windlass::database {

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

inline PGconn* native_postgresql(soci::session& session) {
    return static_cast<soci::postgresql_session_backend*>(session.get_backend())->conn_;
}
inline sqlite_api::sqlite3* native_sqlite(soci::session& session) {
    return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

}  // namespace windlass::database
