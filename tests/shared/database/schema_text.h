// The tables of a database as text that depends on nothing but the tables: for the snapshots in sql/.
#pragma once

#include <string>

#include "shared/database/session.h"

namespace windlass::test {

// Statements that would make the tables. Aborts when the database cannot be read.
std::string schema_text(Session& session);

}  // namespace windlass::test
