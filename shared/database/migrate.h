// The tables, brought up to what this program knows. The numbered scripts of sql/ are part of the program.
#pragma once

#include <span>
#include <string_view>

#include "shared/database/session.h"
#include "shared/result.h"

namespace windlass {

struct Migration {
    int number;
    std::string_view name;  // file name
    std::string_view sql;   // with the placeholders of Dialect::expand
};

// In ascending order, numbered from 1 without gaps.
std::span<const Migration> embedded_migrations();

// Applies what is missing: all of it in one transaction, so that two programs that start together, or one that is
// killed in the middle, leave either the old tables or the new ones. Does nothing when nothing is missing.
//   invalid      the database is newer than this program, or was made by other scripts than these: says what to do
//   unavailable  the database is away, or another program is migrating for longer than the lock timeout
Status migrate(Session& session);
// The same with scripts of one's own, for tests.
Status migrate(Session& session, std::span<const Migration> migrations);

// The number of the last migration applied; 0 for an empty database.
Result<int> schema_version(Session& session);

}  // namespace windlass
