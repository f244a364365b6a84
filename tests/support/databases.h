// An empty database of either engine for one test, gone with the test.
#pragma once

#include <string>

#include "shared/database/url.h"
#include "tests/support/postgres.h"
#include "tests/support/temporary_directory.h"

namespace windlass::test {

class EmptyDatabase {
  public:
    explicit EmptyDatabase(Engine engine)
        : url_(engine == Engine::sqlite ? DatabaseUrl::parse("sqlite:" + directory_.path() + "/test.db").value()
                                        : PostgresServer::shared().fresh_database()) {}

    const DatabaseUrl& url() const { return url_; }

  private:
    TemporaryDirectory directory_;
    DatabaseUrl url_;
};

inline std::string engine_name(Engine engine) {
    return engine == Engine::sqlite ? "sqlite" : "postgresql";
}

}  // namespace windlass::test
