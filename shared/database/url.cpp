#include "shared/database/url.h"

#include <libpq-fe.h>

#include <memory>

namespace windlass {
namespace {

constexpr std::string_view how_to_write = "write sqlite:/absolute/path/windlass.db or postgresql://user@host/database";

Error invalid(std::string_view why) {
    return make_error(ErrorKind::invalid, "the database URL " + std::string(why) + ": " + std::string(how_to_write));
}

using ConnectionOptions = std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)>;

ConnectionOptions parse_uri(const std::string& uri) {
    return {PQconninfoParse(uri.c_str(), nullptr), &PQconninfoFree};
}

}  // namespace

Result<DatabaseUrl> DatabaseUrl::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return invalid("contains a NUL");
    DatabaseUrl url;
    if (text.starts_with("sqlite:")) {
        text.remove_prefix(7);
        if (text.starts_with("//")) text.remove_prefix(2);
        if (!text.starts_with('/')) return invalid("names a SQLite file without an absolute path");
        if (text.ends_with('/')) return invalid("names a directory, not a SQLite file");
        // SOCI's connection string has no way to write this character.
        if (text.find('"') != std::string_view::npos) return invalid("contains a double quote");
        url.engine_ = Engine::sqlite;
        url.path_ = std::string(text);
        return url;
    }
    if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
        url.engine_ = Engine::postgresql;
        url.uri_ = std::string(text);
        // The parser's own message repeats parts of the text, so it is not shown.
        if (!parse_uri(url.uri_)) return invalid("is not one that PostgreSQL's client library understands");
        return url;
    }
    return invalid("begins with neither sqlite: nor postgresql://");
}

std::string DatabaseUrl::shown() const {
    if (engine_ == Engine::sqlite) return "sqlite:" + path_;
    std::string host;
    std::string port;
    std::string database;
    const ConnectionOptions options = parse_uri(uri_);
    for (const PQconninfoOption* option = options.get(); option != nullptr && option->keyword != nullptr; ++option) {
        if (option->val == nullptr) continue;
        const std::string_view keyword = option->keyword;
        if (keyword == "host" || (keyword == "hostaddr" && host.empty())) host = option->val;
        if (keyword == "port") port = option->val;
        if (keyword == "dbname") database = option->val;
    }
    return "postgresql://" + host + (port.empty() ? "" : ":" + port) + "/" + database;
}

}  // namespace windlass
