// PostgreSQL for tests: a private server of this test process, on a unix socket in a directory of its own, removed at
// the end. With WINDLASS_TEST_POSTGRES=postgresql://… an existing server is used instead; then tests that stop the
// server are not possible (can_stop()).
//
// Threads: one at a time.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/database/url.h"

namespace windlass::test {

class PostgresServer {
  public:
    // The server of this process, started at the first call. Without the server's programs, or when it does not start:
    // prints what to do and ends the test program with a failure. A test is never skipped silently.
    static PostgresServer& shared();

    // A server of one's own, for tests that stop and start it.
    PostgresServer();
    ~PostgresServer();
    PostgresServer(const PostgresServer&) = delete;
    PostgresServer& operator=(const PostgresServer&) = delete;

    // Creates a database that nobody has used. Dropped with the server; on an existing server, when this object goes.
    DatabaseUrl fresh_database();
    // Runs SQL in that database as the superuser; the test fails if it fails. Returns the first column of the first
    // row.
    std::string run(const DatabaseUrl& database, const std::string& sql);

    bool can_stop() const { return external_.empty(); }
    void stop_immediately();  // as `pg_ctl stop -m immediate`: like a crash, with recovery at the next start
    void kill();              // SIGKILL of the postmaster; its backends notice a moment later and end
    void start();             // after one of the two; returns when it accepts connections
    // A line of postgresql.conf. Takes effect at the next start().
    void set(const std::string& setting);

    // The directory of the socket; libpq's host. Empty for an existing server.
    const std::string& directory() const { return directory_; }

  private:
    std::string uri(const std::string& database) const;
    void initialise();
    void launch();
    void wait_until_ready();
    void wait_until_gone();

    std::string external_;  // of WINDLASS_TEST_POSTGRES
    std::string directory_;
    pid_t postmaster_ = -1;
    std::vector<std::string> databases_;
};

}  // namespace windlass::test
