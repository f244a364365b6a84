#include "shared/database/connect.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>

#include "shared/database/native.h"

namespace windlass::database {
namespace {

constexpr int oldest_postgresql = 130000;
constexpr int oldest_sqlite = 3035000;  // returning

std::string quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c;
    }
    return out + "'";
}

// The URI with what it does not say itself: a dead peer is noticed within half a minute, not two hours.
std::string postgresql_parameters(const DatabaseUrl& url, const SessionSettings& settings) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
        PQconninfoParse(url.uri().c_str(), nullptr), &PQconninfoFree);
    WINDLASS_CHECK(options != nullptr, "a database URL that was parsed once cannot be parsed again");
    const std::array<std::pair<std::string_view, std::string>, 7> defaults{{
        {"connect_timeout", std::to_string(std::max<std::int64_t>(2, settings.connect_timeout.count() / 1000))},
        {"keepalives", "1"},
        {"keepalives_idle", "10"},
        {"keepalives_interval", "5"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "25000"},
        {"client_encoding", "UTF8"},
    }};
    std::string text;
    for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
        if (option->val != nullptr) text += std::string(option->keyword) + "=" + quoted(option->val) + " ";
    }
    for (const auto& [keyword, value] : defaults) {
        const std::string word(keyword);
        if (text.find(word + "=") == std::string::npos) text += word + "=" + quoted(value) + " ";
    }
    return text;
}

std::string postgresql_settings(const SessionSettings& settings, int server_version) {
    const auto ms = [](Milliseconds value) { return std::to_string(value.count()); };
    std::string name;
    for (const char c : settings.application_name) name += c == '\'' ? ' ' : c;
    std::string script = "set application_name = '" + name + "'" +
                         "; set statement_timeout = " + ms(settings.statement_timeout) +
                         "; set lock_timeout = " + ms(settings.lock_timeout) +
                         "; set idle_in_transaction_session_timeout = " + ms(settings.idle_in_transaction_timeout) +
                         "; set bytea_output = 'hex'; set standard_conforming_strings = on" +
                         "; set client_min_messages = warning; set default_transaction_isolation = 'read committed'";
    // The server stops a statement whose client is gone.
    if (server_version >= 140000) script += "; set client_connection_check_interval = 2000";
    if (!settings.on_connect.empty()) script += "; " + settings.on_connect;
    return script;
}

Error cannot_use(const DatabaseUrl& url, const std::string& why) {
    return make_error(ErrorKind::invalid, "the database " + url.shown() + " cannot be used: " + why);
}

// Commits that were acknowledged must survive a power cut, or every promise of ours is void.
std::optional<Error> check_durability(PGconn* connection, const DatabaseUrl& url) {
    const PgResult result(PQexec(connection, "select current_setting('fsync'), current_setting('synchronous_commit')"),
                          &PQclear);
    if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) {
        return make_error(ErrorKind::unavailable, "the database " + url.shown() + " does not answer");
    }
    const std::string_view fsync = PQgetvalue(result.get(), 0, 0);
    const std::string_view synchronous_commit = PQgetvalue(result.get(), 0, 1);
    if (fsync != "on") {
        return cannot_use(url,
                          "fsync is off, so a power cut loses accepted jobs. Set fsync = on in postgresql.conf "
                          "and restart PostgreSQL");
    }
    if (synchronous_commit == "off") {
        return cannot_use(url,
                          "synchronous_commit is off, so a crash loses accepted jobs. Set it to on in "
                          "postgresql.conf, and take it out of ALTER ROLE / ALTER DATABASE … SET");
    }
    return std::nullopt;
}

std::optional<Error> prepare_postgresql(soci::session& session, const DatabaseUrl& url,
                                        const SessionSettings& settings) {
    PGconn* connection = native_postgresql(session);
    PQsetNoticeProcessor(
        connection, [](void*, const char*) {}, nullptr);  // by default they go to stderr
    const int version = PQserverVersion(connection);
    if (version < oldest_postgresql) return cannot_use(url, "PostgreSQL is older than 13. Upgrade it");
    if (const auto failure = run_native(session, Engine::postgresql, postgresql_settings(settings, version))) {
        return failure->error("settings of a new connection");
    }
    return check_durability(connection, url);
}

// libpq's sentence about a connection that was refused: no password is ever in it.
Error connection_error(const std::exception& exception, const DatabaseUrl& url) {
    const auto* error = dynamic_cast<const soci::soci_error*>(&exception);
    std::string text = error != nullptr ? error->get_error_message() : std::string("cannot connect");
    std::ranges::replace(text, '\n', ' ');
    while (text.ends_with(' ')) text.pop_back();
    const auto contains = [&](std::string_view part) { return text.find(part) != std::string::npos; };
    const bool hopeless = contains("authentication failed") || contains("no pg_hba.conf entry") ||
                          contains("no password supplied") || (contains("FATAL") && contains("does not exist"));
    if (hopeless) return cannot_use(url, text);
    return make_error(ErrorKind::unavailable, "the database " + url.shown() + " is away: " + text);
}

Result<std::unique_ptr<soci::session>> connect_postgresql(const DatabaseUrl& url, const SessionSettings& settings) {
    std::unique_ptr<soci::session> session;
    try {
        session = std::make_unique<soci::session>(soci::postgresql, postgresql_parameters(url, settings));
    } catch (const std::exception& exception) {
        return connection_error(exception, url);
    }
    if (auto error = prepare_postgresql(*session, url, settings)) return *std::move(error);
    return session;
}

// SQLite would create the file for everybody to read; it holds password hashes. A file that is there is not opened
// here: the kernel gives up all locks of a process on a file when the process closes any descriptor of it, those of
// SQLite's other connections among them, and another process would delete the write-ahead log under them
// (https://www.sqlite.org/howtocorrupt.html, 2.2).
std::optional<Error> create_file(const DatabaseUrl& url) {
    const int file = ::open(url.path().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (file >= 0) {
        ::close(file);
        return std::nullopt;
    }
    if (errno == EEXIST && ::access(url.path().c_str(), R_OK | W_OK) == 0) return std::nullopt;
    return errno_error("opening the database " + url.path(), errno);
}

// A Session belongs to one thread at a time, so its connection needs no mutex of its own: taking that for every column
// of every row was a twelfth of what a short request costs. Before the library is first used; no harm is done if it was
// already.
void leave_out_sqlite_mutexes() {
    static std::once_flag once;
    std::call_once(once, [] {
        sqlite_api::sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
        sqlite_api::sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);  // counts bytes under a mutex; nobody asks for them
    });
}

Result<std::unique_ptr<soci::session>> connect_sqlite(const DatabaseUrl& url, const SessionSettings& settings) {
    if (sqlite_api::sqlite3_libversion_number() < oldest_sqlite) {
        return cannot_use(url, "the SQLite library is older than 3.35. Upgrade it");
    }
    if (auto error = create_file(url)) return *std::move(error);
    leave_out_sqlite_mutexes();
    std::unique_ptr<soci::session> session;
    try {
        session = std::make_unique<soci::session>(soci::sqlite3, "dbname=\"" + url.path() + "\"");
    } catch (const std::exception&) {
        return make_error(ErrorKind::unavailable, "the database " + url.shown() + " cannot be opened");
    }
    // FULL: in WAL mode every commit is synced to the disk; NORMAL may lose the last ones.
    const std::string script = "pragma busy_timeout = " + std::to_string(settings.busy_timeout.count()) +
                               "; pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on";
    if (const auto failure = run_native(*session, Engine::sqlite, script)) {
        return failure->error("settings of " + url.shown());
    }
    return session;
}

std::optional<Failure> run_postgresql(soci::session& session, const std::string& script, std::string* tag) {
    PGconn* connection = native_postgresql(session);
    const PgResult result(PQexec(connection, script.c_str()), &PQclear);
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
        if (tag != nullptr) *tag = PQcmdStatus(result.get());
        return std::nullopt;
    }
    const char* code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
    return postgresql_failure(code != nullptr ? code : "08000", PQresultErrorMessage(result.get()),
                              PQstatus(connection) != CONNECTION_OK);
}

}  // namespace

Result<std::unique_ptr<soci::session>> connect(const DatabaseUrl& url, const SessionSettings& settings) {
    return url.engine() == Engine::sqlite ? connect_sqlite(url, settings) : connect_postgresql(url, settings);
}

std::optional<Failure> run_native(soci::session& session, Engine engine, const std::string& script, std::string* tag) {
    if (engine == Engine::postgresql) return run_postgresql(session, script, tag);
    const int status = sqlite_api::sqlite3_exec(native_sqlite(session), script.c_str(), nullptr, nullptr, nullptr);
    if (status == SQLITE_OK) return std::nullopt;
    return sqlite_failure(session);
}

bool looks_alive(soci::session& session, Engine engine) {
    if (engine == Engine::sqlite) return true;
    PGconn* connection = native_postgresql(session);
    if (PQstatus(connection) != CONNECTION_OK) return false;
    pollfd socket{.fd = PQsocket(connection), .events = POLLRDHUP, .revents = 0};
    return ::poll(&socket, 1, 0) == 0;
}

}  // namespace windlass::database
