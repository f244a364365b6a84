// The tables, brought up to what this program knows. The numbered scripts of sql/ are part of the program.
#pragma once

#include <span>
#include <string_view>

#include "shared/database/session.h"
#include "shared/result.h"

namespace windlass {

struct Migration {
    int number;
    std::string_view name;    // file name
    std::string_view sql;     // with the placeholders of Dialect::expand
    std::string_view back{};  // undoes it, as far as tables go; empty: nothing does
};

// What a line "-- runs with: 11" in a migration says: programs whose last migration is that one, or a later one, work
// on with the tables that it leaves. It only adds what they need not know. Without such a line: only those that have
// it.
int oldest_that_runs(const Migration& migration);

// In ascending order, numbered from 1 without gaps.
std::span<const Migration> embedded_migrations();

// Applies what is missing: all of it in one transaction, so that two programs that start together, or one that is
// killed in the middle, leave either the old tables or the new ones. Does nothing when nothing is missing.
// A database that is newer than this program is left as it is, and good when all that it has more says so (see above):
// the programs of two releases run side by side.
//   invalid      the database is newer and not for this program, or was made by other scripts than these: says what to
//                do
//   unavailable  the database is away, or another program is migrating for longer than the lock timeout
Status migrate(Session& session);
// The same with scripts of one's own, for tests.
Status migrate(Session& session, std::span<const Migration> migrations);

// Undoes the migrations after number `to`, in one transaction. What only they had is lost with their tables. Nobody
// else may use the database meanwhile (or, on PostgreSQL, is waited for within the lock timeout).
//   invalid      the database has no migration after it, is newer than this program, or one cannot be undone
//   unavailable  as above
Status migrate_back(Session& session, int to);
Status migrate_back(Session& session, int to, std::span<const Migration> migrations);

// The number of the last migration applied; 0 for an empty database.
Result<int> schema_version(Session& session);

}  // namespace windlass
