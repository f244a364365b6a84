// A copy of all that a site keeps in its database (jobs, code and data, results with their files, accounts, images,
// metrics), taken while it works, and the way back; and that of an upgrade.
//
// Of SQLite the copy is a database, of PostgreSQL an archive of pg_dump (custom format); each goes back into an engine
// of its own kind only. It holds everything that the database holds, hashed passwords and the jobs' data among it.
#pragma once

#include <string>

#include "scheduler/generation.h"
#include "shared/database/url.h"
#include "shared/result.h"

namespace windlass::scheduler {

// What holds of one moment, whoever writes meanwhile. `file` (mode 0600) appears when it is complete and on disk.
//   conflict     there is such a file
//   unavailable  the database is away, or the disk is full; nothing is left of the file
Status back_up(const DatabaseUrl& url, const std::string& file);

struct Restored {
    std::int64_t epoch = 0;        // the next scheduler leads with one more
    std::int64_t unfinished = 0;   // jobs, arrays and their started members
    std::int64_t run_again = 0;    // of these: what a worker had
    std::int64_t cancelled = 0;    // what a worker had and somebody had asked to cancel
    std::int64_t highest_job = 0;  // new jobs have higher ids
};

// Replaces the whole database by what `file` holds, as a new generation: all or nothing, in one transaction. What a
// worker had runs again. Sessions end (tokens do not). An older backup is brought up to this program's tables.
//   conflict  a scheduler leads this database, or (SQLite) another process keeps it busy
//   invalid   no backup, or one of the other engine, or of a newer Windlass
Result<Restored> restore(const DatabaseUrl& url, const std::string& file);

// Gives the tables the form they had after migration `to` (shared/database/migrate.h).
//   conflict  a scheduler leads this database
//   invalid   there is no way back to it
Status lead_tables_back(const DatabaseUrl& url, int to);

}  // namespace windlass::scheduler
