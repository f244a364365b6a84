// An empty database of either engine for one test, gone with the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "shared/database/url.h"
#include "tests/support/postgres.h"

namespace windlass::test {

class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "windlass-test-XXXXXX").string();
        WINDLASS_CHECK(::mkdtemp(name.data()) != nullptr, "cannot create a temporary directory");
        path_ = name;
    }
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    const std::string& path() const { return path_; }

  private:
    std::string path_;
};

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
