// One connection to the database, with its prepared statements. SOCI underneath; its exceptions end here.
//
//     WINDLASS_TRY(auto rows, session.query("select id, email from account where username_key = :key", key));
//     for (const Row& row : rows) use(row.integer(0), row.text_or_null(1));
//
//     WINDLASS_TRY(auto transaction, Transaction::begin(session));
//     WINDLASS_TRY(auto changed, session.execute("update account set tier = :tier where id = :id", tier, id));
//     WINDLASS_TRY_STATUS(transaction.commit());
//
// SQL: static text only (it is the key of the statement cache, and may appear in error messages). Parameters are
// written :name and are given in the order in which the names first appear; a name may appear again and means the same
// value. Write cast(:a as bigint), not :a::bigint; no comments and no $$ in the text: SOCI's rewriter does not know
// them. What runs on both engines: `returning`, `on conflict`, `limit :n`; times are integer microseconds, truth is 0
// or 1.
//
// Connections: opened at the first use. After any connection error the connection is dropped together with its
// statements, and the next use outside a transaction opens a new one; a lone `select` is tried once more by itself.
// Never soci::session::reconnect() (use after free while statements live), never a failover callback (it goes on in the
// middle of a lost transaction).
//
// Threads: one at a time. Blocking.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/database/url.h"
#include "shared/result.h"
#include "shared/time.h"

namespace soci {
class session;
}

namespace windlass {

struct Dialect;

// Bytes of a column of type bytea / blob: any bytes, NUL included.
struct Bytes {
    std::string value;
};

// A value bound to a statement. Text must be UTF-8 without NUL (refused as invalid: PostgreSQL would cut it).
class Param {
  public:
    enum class Kind : std::uint8_t { integer, text, bytes };

    template <std::integral T>
    requires(!std::same_as<T, bool>) Param(T v)
        : kind(Kind::integer), integer(static_cast<std::int64_t>(v)) {}  // NOLINT: implicit on purpose
    Param(bool v) : kind(Kind::integer), integer(v ? 1 : 0) {}           // NOLINT
    Param(std::string v) : kind(Kind::text), text(std::move(v)) {}       // NOLINT
    Param(std::string_view v) : kind(Kind::text), text(v) {}             // NOLINT
    Param(const char* v) : kind(Kind::text), text(v) {}                  // NOLINT
    Param(Bytes v) : kind(Kind::bytes), text(std::move(v.value)) {}      // NOLINT
    template <std::integral T>
    Param(std::optional<T> v)  // NOLINT
        : kind(Kind::integer), null(!v), integer(v ? static_cast<std::int64_t>(*v) : 0) {}
    Param(std::optional<std::string> v)
        : kind(Kind::text), null(!v), text(v ? *std::move(v) : std::string()) {}  // NOLINT

    Kind kind;
    bool null = false;
    std::int64_t integer = 0;
    std::string text;  // of text and bytes
};

// One row of a result. Columns count from 0. Asking a NULL for a value, or text for an integer, is a broken assumption
// (the tables say which columns can be null) and aborts.
class Row {
  public:
    bool is_null(std::size_t column) const { return cells_[column].null; }
    std::int64_t integer(std::size_t column) const;
    std::optional<std::int64_t> integer_or_null(std::size_t column) const;
    bool truth(std::size_t column) const { return integer(column) != 0; }
    const std::string& text(std::size_t column) const;
    std::optional<std::string> text_or_null(std::size_t column) const;
    std::string bytes(std::size_t column) const;  // of a column of type bytea / blob
    std::size_t size() const { return cells_.size(); }

  private:
    friend class Session;
    struct Cell {
        bool null = false;
        std::string text;
    };
    std::vector<Cell> cells_;
    bool hex_bytes_ = false;  // PostgreSQL gives bytea as \x…
};

struct SessionSettings {
    std::string application_name = "windlass";  // seen in pg_stat_activity
    Milliseconds connect_timeout{5'000};
    Milliseconds statement_timeout{30'000};
    Milliseconds lock_timeout{5'000};
    Milliseconds idle_in_transaction_timeout{30'000};
    Milliseconds busy_timeout{10'000};  // SQLite: how long to wait for another writer
    std::string on_connect = {};        // PostgreSQL: a script run on every new connection, after the settings above
};

class Session {
  public:
    explicit Session(DatabaseUrl url, SessionSettings settings = {});
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    Session(Session&&) noexcept;
    Session& operator=(Session&&) noexcept;

    // Connects if there is no connection. Done by itself at the first use; call it to learn early whether it works.
    //   unavailable  the server is away or starting: try again later
    //   invalid      it is there and will not do (wrong password, missing database, fsync off, …): says what to change
    Status open();

    // Runs one prepared statement and returns all its rows.
    //   conflict     a unique constraint: the message begins with "table.column" (first column of the constraint)
    //   invalid      another constraint, a value out of range, text that is not UTF-8
    //   unavailable  connection lost, server stopping, locked too long, serialization failure: the statement, or the
    //   whole
    //                transaction around it, may be tried again
    //   internal     the statement is wrong
    template <class... P>
    Result<std::vector<Row>> query(std::string_view sql, P&&... params) {
        std::array<Param, sizeof...(P)> list{Param(std::forward<P>(params))...};
        return run_query(sql, list);
    }
    // The same for statements without rows: the number of rows inserted, updated or deleted.
    template <class... P>
    Result<std::int64_t> execute(std::string_view sql, P&&... params) {
        std::array<Param, sizeof...(P)> list{Param(std::forward<P>(params))...};
        return run_execute(sql, list);
    }
    // The same for a number of parameters known only at run time. The values are moved out of `params`.
    Result<std::vector<Row>> run_query(std::string_view sql, std::span<Param> params);
    Result<std::int64_t> run_execute(std::string_view sql, std::span<Param> params);

    // Runs a script of several statements without parameters natively (PQexec, sqlite3_exec): SOCI's rewriter breaks on
    // comments and quoting. For migrations and settings.
    Status run_script(const std::string& sql, std::string_view what);

    bool in_transaction() const;
    // False before the first use and after a connection error.
    bool connected() const;
    // Drops the connection and its statements; the next use opens a new one.
    void disconnect();

    const Dialect& dialect() const;
    const DatabaseUrl& url() const;
    Engine engine() const { return url().engine(); }

    // For code that needs the driver itself (cursors, native handles); include <soci/soci.h> in that .cpp. Only while
    // connected(). Statements made from it must die before this function or anything that may drop the connection is
    // called again.
    soci::session& soci();

  private:
    friend class Transaction;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// begin … commit. Rolls back when it goes out of scope without commit. SQLite: `begin immediate`, because a transaction
// that reads first and writes later fails at once with "busy" whatever the timeout. Must not outlive its session, and
// does not nest.
class [[nodiscard]] Transaction {
  public:
    static Result<Transaction> begin(Session& session);

    Transaction(Transaction&& other) noexcept : session_(std::exchange(other.session_, nullptr)) {}
    Transaction& operator=(Transaction&& other) noexcept;
    ~Transaction();

    //   unavailable  the connection broke: committed or not, nobody knows. Everything else that fails was rolled back.
    Status commit();
    void rollback();

  private:
    explicit Transaction(Session& session) : session_(&session) {}

    Session* session_;  // null: over
};

}  // namespace windlass
