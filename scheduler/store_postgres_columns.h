// The rows of the kinds that every job has, as PostgreSQL arrays: a parameter for each column, for unnest. To take the
// same rows apart as JSON was a third of what a job costs the server. Internal to the PostgreSQL store.
#pragma once

#include <string>
#include <vector>

#include "scheduler/store_particulars.h"

namespace windlass::scheduler {

// Array literals, {1,2,NULL} or {"a","b"}, in the order in which the statements in store_postgres.cpp name the columns
// (PostgreSQL's documentation, 8.15.6). Several when they would be very long: each becomes a statement of its own in
// the same transaction.
using Columns = std::vector<std::string>;
using ColumnPieces = std::vector<Columns>;

ColumnPieces columns_of(const std::vector<StateChange>& changes);
ColumnPieces columns_of(const std::vector<RecordEvent>& events);
ColumnPieces columns_of(const std::vector<ResultRecord>& results);

}  // namespace windlass::scheduler
