#include "shared/database/database_error.h"

#include <array>

#include "shared/database/native.h"

namespace windlass::database {
namespace {

std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
    const std::size_t start = text.find(before);
    if (start == std::string_view::npos) return {};
    const std::size_t end = text.find(after, start + before.size());
    if (end == std::string_view::npos) return {};
    return text.substr(start + before.size(), end - start - before.size());
}

// "ERROR:  duplicate key value violates unique constraint "account_email_key_key"\nDETAIL:  Key (email_key)=(…) already
// exists." gives account.email_key. PostgreSQL names the constraints of our tables table_column_…_key and table_pkey.
std::string unique_column(std::string_view text) {
    const std::string_view constraint = between(text, "\"", "\"");
    const std::string_view columns = between(text, "Key (", ")=(");
    if (constraint.empty() || columns.empty()) return "a value that must be unique";
    std::string suffix = "_pkey";
    if (!constraint.ends_with(suffix)) {
        suffix = "_";
        for (const char c : columns) {
            if (c == ',') suffix += '_';
            if (c != ',' && c != ' ') suffix += c;
        }
        suffix += "_key";
    }
    const std::string_view first = columns.substr(0, columns.find(','));
    if (!constraint.ends_with(suffix)) return std::string(constraint);
    return std::string(constraint.substr(0, constraint.size() - suffix.size())) + "." + std::string(first);
}

// The first line of what the server said, without "Cannot execute query. ERROR:  ".
std::string first_line(std::string_view text) {
    for (const std::string_view severity : {"ERROR:  ", "FATAL:  ", "PANIC:  "}) {
        if (const std::size_t at = text.find(severity); at != std::string_view::npos) {
            text.remove_prefix(at + severity.size());
            break;
        }
    }
    return std::string(text.substr(0, text.find('\n')));
}

bool in_class(std::string_view code, std::string_view prefix) {
    return code.starts_with(prefix);
}

// Values of rows stand in the first line of data exceptions (22…) and of errors raised by functions (P0…).
bool first_line_is_safe(std::string_view code) {
    constexpr std::array<std::string_view, 8> safe{"08", "23", "25", "40", "42", "53", "55", "57"};
    for (const std::string_view prefix : safe) {
        if (in_class(code, prefix)) return true;
    }
    return false;
}

ErrorKind postgresql_kind(std::string_view code) {
    constexpr std::array<std::string_view, 8> passing{"08", "25006", "25P03", "40", "53", "55P03", "57", "58"};
    for (const std::string_view prefix : passing) {
        if (in_class(code, prefix)) return ErrorKind::unavailable;
    }
    if (code == "0A000") return ErrorKind::unavailable;  // a prepared statement outlived a change of the tables
    if (code == "23505") return ErrorKind::conflict;
    if (in_class(code, "22") || in_class(code, "23")) return ErrorKind::invalid;
    return ErrorKind::internal;
}

}  // namespace

Error Failure::error(std::string_view statement) const {
    constexpr std::size_t shown = 60;
    std::string text = message + ", in: " + std::string(statement.substr(0, shown));
    if (statement.size() > shown) text += "…";
    return make_error(kind, std::move(text));
}

Failure postgresql_failure(std::string_view code, std::string_view text, bool connection_bad) {
    Failure failure;
    failure.connection_lost = connection_bad || in_class(code, "08") || in_class(code, "57P0") || code == "25P03";
    failure.kind = failure.connection_lost ? ErrorKind::unavailable : postgresql_kind(code);
    const std::string state = "SQLSTATE " + std::string(code);
    if (failure.connection_lost) {
        failure.message = "the connection to the database broke (" + state + ")";
    } else if (failure.kind == ErrorKind::conflict) {
        failure.message = unique_column(text) + " is there already (" + state + ")";
    } else if (in_class(code, "22")) {
        failure.message = "a value is not one that the database can keep (" + state + ")";
    } else {
        failure.message = "the database refused (" + state;
        if (first_line_is_safe(code)) failure.message += ": " + first_line(text);
        failure.message += ")";
    }
    return failure;
}

Failure sqlite_failure(soci::session& session) {
    sqlite_api::sqlite3* connection = native_sqlite(session);
    const int code = sqlite_api::sqlite3_extended_errcode(connection);
    const std::string text = sqlite_api::sqlite3_errmsg(connection);
    Failure failure;
    switch (code & 0xff) {
        case SQLITE_CONSTRAINT: {
            const bool unique = code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY;
            failure.kind = unique ? ErrorKind::conflict : ErrorKind::invalid;
            if (unique) {  // UNIQUE constraint failed: account.email_key, …
                const std::string_view column = std::string_view(text).substr(text.find(": ") + 2);
                failure.message = std::string(column.substr(0, column.find(','))) + " is there already (" + text + ")";
                return failure;
            }
            break;
        }
        case SQLITE_TOOBIG:
        case SQLITE_MISMATCH:
            failure.kind = ErrorKind::invalid;
            break;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_NOMEM:
        case SQLITE_READONLY:
        case SQLITE_INTERRUPT:
        case SQLITE_FULL:
        case SQLITE_SCHEMA:
            failure.kind = ErrorKind::unavailable;
            break;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_PROTOCOL:
            failure.kind = ErrorKind::unavailable;
            failure.connection_lost = true;
            break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            failure.connection_lost = true;
            break;
        default:
            break;
    }
    failure.message = "the database refused (SQLite " + std::to_string(code) + ": " + text + ")";
    return failure;
}

Failure failure_of(const std::exception& exception, soci::session& session, Engine engine) {
    if (engine == Engine::sqlite) {
        const auto* error = dynamic_cast<const soci::soci_error*>(&exception);
        if (error != nullptr && sqlite_api::sqlite3_errcode(native_sqlite(session)) != SQLITE_OK) {
            return sqlite_failure(session);
        }
    } else {
        const bool bad = PQstatus(native_postgresql(session)) != CONNECTION_OK;
        const auto* error = dynamic_cast<const soci::postgresql_soci_error*>(&exception);
        if (error != nullptr) return postgresql_failure(error->sqlstate(), error->get_error_message(), bad);
        if (bad) return postgresql_failure("08000", "", true);
    }
    // SOCI's own complaints name things of ours but may be followed by values: only the kind is passed on.
    return {ErrorKind::internal, "the database layer could not run a statement", false};
}

}  // namespace windlass::database
