// Which database, as the configuration names it.
//
//   sqlite:/var/lib/windlass/windlass.db        one file on this machine
//   postgresql://windlass@db.example/windlass   a libpq URI (postgres:// too), every parameter of libpq allowed
#pragma once

#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass {

enum class Engine { sqlite, postgresql };

class DatabaseUrl {
  public:
    // Failure: kind invalid, a sentence that says what to write instead and never repeats the text, which may hold a
    // password.
    static Result<DatabaseUrl> parse(std::string_view text);

    Engine engine() const { return engine_; }
    // SQLite: absolute path of the file. PostgreSQL: empty.
    const std::string& path() const { return path_; }
    // PostgreSQL: the URI for libpq, password included: never print it. SQLite: empty.
    const std::string& uri() const { return uri_; }
    // Fit for logs and messages: without user info and parameters.
    std::string shown() const;

  private:
    DatabaseUrl() = default;

    Engine engine_ = Engine::sqlite;
    std::string path_;
    std::string uri_;
};

}  // namespace windlass
