#include "shared/database/session.h"

#include <charconv>
#include <functional>
#include <unordered_map>

#include "shared/database/connect.h"
#include "shared/database/dialect.h"
#include "shared/database/hex.h"
#include "shared/database/statement.h"

namespace windlass {

using database::Failure;
using database::Statement;

// ---- rows ----------------------------------------------------------------------------------------------------------

std::int64_t Row::integer(std::size_t column) const {
    const Cell& cell = cells_[column];
    WINDLASS_CHECK(!cell.null, "an integer was asked of a column that is NULL");
    std::int64_t value = 0;
    const char* end = cell.text.data() + cell.text.size();
    const auto [stop, error] = std::from_chars(cell.text.data(), end, value);
    WINDLASS_CHECK(error == std::errc() && stop == end, "an integer was asked of a column that holds something else");
    return value;
}

std::optional<std::int64_t> Row::integer_or_null(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return integer(column);
}

const std::string& Row::text(std::size_t column) const {
    WINDLASS_CHECK(!is_null(column), "text was asked of a column that is NULL");
    return cells_[column].text;
}

std::optional<std::string> Row::text_or_null(std::size_t column) const {
    if (is_null(column)) return std::nullopt;
    return cells_[column].text;
}

std::string Row::bytes(std::size_t column) const {
    return hex_bytes_ ? database::bytes_of_bytea(text(column)) : text(column);
}

// ---- session -------------------------------------------------------------------------------------------------------

namespace {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};

// Far more than there are statements in a program: reached only by SQL that is not static.
constexpr std::size_t most_statements = 512;

bool is_select(std::string_view sql) {
    return sql.starts_with("select ");
}

}  // namespace

struct Session::Impl {
    Impl(DatabaseUrl u, SessionSettings s) : url(std::move(u)), settings(std::move(s)) {}

    DatabaseUrl url;
    SessionSettings settings;
    std::unique_ptr<soci::session> connection;
    // After `connection`, so destroyed before it: SOCI frees what a statement points to when its session goes.
    std::unordered_map<std::string, std::unique_ptr<Statement>, TextHash, std::equal_to<>> statements;
    bool in_transaction = false;
    std::optional<Error> transaction_error;  // the first one; nothing but rollback after it

    Engine engine() const { return url.engine(); }

    void drop() {
        statements.clear();
        connection.reset();
    }

    Status open() {
        if (in_transaction) {
            if (transaction_error) return *transaction_error;
            return Status();
        }
        if (connection && !database::looks_alive(*connection, engine())) drop();
        if (connection) return Status();
        auto opened = database::connect(url, settings);
        if (!opened) return std::move(opened).error();
        connection = std::move(opened).value();
        return Status();
    }

    Error fail(const Failure& failure, std::string_view statement) {
        Error error = failure.error(statement);
        if (failure.connection_lost) drop();
        if (in_transaction && !transaction_error) transaction_error = error;
        return error;
    }

    Result<Statement*> prepare(std::string_view sql, std::span<const Param> params) {
        const auto found = statements.find(sql);
        if (found != statements.end() && found->second->accepts(params)) return found->second.get();
        const database::ParsedSql parsed = database::parse_sql(sql);
        if (!parsed.error.empty()) return wrong(sql, parsed.error);
        if (parsed.names.size() != params.size()) {
            return wrong(sql, "has " + std::to_string(parsed.names.size()) + " parameters and was given " +
                                  std::to_string(params.size()));
        }
        if (statements.size() >= most_statements) statements.clear();
        std::string text(sql);
        auto statement = std::make_unique<Statement>(*connection, engine(), text, parsed.names, params);
        Statement* raw = statement.get();
        statements.insert_or_assign(std::move(text), std::move(statement));
        return raw;
    }

    Error wrong(std::string_view sql, const std::string& why) {
        return fail({ErrorKind::internal, "a statement " + why, false}, sql);
    }

    // One try. `lost` says whether the connection broke under it.
    template <class Use>
    Status run(std::string_view sql, std::span<Param> params, bool& lost, Use&& use) {
        lost = false;
        WINDLASS_TRY_STATUS(open());
        for (const Param& param : params) {
            if (param.kind == Param::Kind::text && param.text.find('\0') != std::string::npos) {
                return fail({ErrorKind::invalid, "text must not contain a NUL character", false}, sql);
            }
        }
        try {
            auto prepared = prepare(sql, params);
            if (!prepared) return std::move(prepared).error();
            use(**prepared);
            return Status();
        } catch (const std::exception& exception) {
            const Failure failure = database::failure_of(exception, *connection, engine());
            lost = failure.connection_lost;
            const Error error = fail(failure, sql);
            if (const auto found = statements.find(sql); found != statements.end()) statements.erase(found);
            return error;
        }
    }
};

Session::Session(DatabaseUrl url, SessionSettings settings)
    : impl_(std::make_unique<Impl>(std::move(url), std::move(settings))) {}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

Status Session::open() {
    return impl_->open();
}

Result<std::vector<Row>> Session::run_query(std::string_view sql, std::span<Param> params) {
    std::vector<Row> rows;
    const auto read = [&](Statement& statement) {
        statement.run(params, [&] {
            Row& row = rows.emplace_back();
            row.hex_bytes_ = engine() == Engine::postgresql;
            row.cells_.resize(statement.columns());
            for (std::size_t i = 0; i < statement.columns(); ++i) {
                row.cells_[i].null = statement.null(i);
                if (!row.cells_[i].null) row.cells_[i].text = statement.value(i);
            }
        });
    };
    // A lone select does no harm when it runs twice; running it takes the values, so they are kept for the second try.
    const bool again = is_select(sql) && !in_transaction() && engine() == Engine::postgresql;
    std::vector<Param> copy(again ? params.begin() : params.end(), params.end());
    bool lost = false;
    Status status = impl_->run(sql, params, lost, read);
    if (!status && lost && again) {
        rows.clear();
        std::move(copy.begin(), copy.end(), params.begin());
        status = impl_->run(sql, params, lost, read);
    }
    if (!status) return std::move(status).error();
    return rows;
}

Result<std::int64_t> Session::run_execute(std::string_view sql, std::span<Param> params) {
    std::int64_t affected = 0;
    bool lost = false;
    Status status = impl_->run(sql, params, lost, [&](Statement& statement) {
        statement.run(params, [] {});
        affected = statement.affected_rows();
    });
    if (!status) return std::move(status).error();
    return affected;
}

Status Session::run_script(const std::string& sql, std::string_view what) {
    WINDLASS_TRY_STATUS(impl_->open());
    if (const auto failure = database::run_native(*impl_->connection, engine(), sql))
        return impl_->fail(*failure, what);
    return Status();
}

bool Session::in_transaction() const {
    return impl_->in_transaction;
}

bool Session::connected() const {
    return impl_->connection && database::looks_alive(*impl_->connection, engine());
}

void Session::disconnect() {
    if (impl_->in_transaction && !impl_->transaction_error) {
        impl_->transaction_error = make_error(ErrorKind::unavailable, "the connection was dropped in a transaction");
    }
    impl_->drop();
}

const Dialect& Session::dialect() const {
    return Dialect::of(engine());
}
const DatabaseUrl& Session::url() const {
    return impl_->url;
}

soci::session& Session::soci() {
    WINDLASS_CHECK(impl_->connection != nullptr, "the driver was asked for without a connection");
    return *impl_->connection;
}

// ---- transaction ---------------------------------------------------------------------------------------------------

Result<Transaction> Transaction::begin(Session& session) {
    WINDLASS_CHECK(!session.in_transaction(), "a transaction was begun inside another one of the same session");
    WINDLASS_TRY_STATUS(session.run_script(std::string(session.dialect().begin), "begin"));
    session.impl_->in_transaction = true;
    session.impl_->transaction_error.reset();
    return Transaction(session);
}

Transaction& Transaction::operator=(Transaction&& other) noexcept {
    if (this != &other) {
        rollback();
        session_ = std::exchange(other.session_, nullptr);
    }
    return *this;
}

Transaction::~Transaction() {
    rollback();
}

Status Transaction::commit() {
    WINDLASS_CHECK(session_ != nullptr, "a transaction that is over was committed");
    Session::Impl& impl = *session_->impl_;
    if (impl.transaction_error) {
        Error error = *impl.transaction_error;
        rollback();
        return error;
    }
    std::string tag;
    const auto failure = database::run_native(*impl.connection, impl.engine(), "commit", &tag);
    if (failure) {
        // An I/O error or a broken connection: whether it was committed is known to the database alone.
        const Error error = impl.fail(*failure, "commit");
        rollback();
        return error;
    }
    session_ = nullptr;
    impl.in_transaction = false;
    if (tag == "ROLLBACK")
        return make_error(ErrorKind::internal, "the database rolled a transaction back at its commit");
    return Status();
}

void Transaction::rollback() {
    if (session_ == nullptr) return;
    Session::Impl& impl = *session_->impl_;
    session_ = nullptr;
    // SQLite has rolled back by itself after some errors; then this fails and the connection is as good as new.
    if (impl.connection) {
        const auto failure = database::run_native(*impl.connection, impl.engine(), "rollback");
        if (failure && impl.engine() == Engine::postgresql) impl.drop();
    }
    impl.in_transaction = false;
    impl.transaction_error.reset();
}

}  // namespace windlass
