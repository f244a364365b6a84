#include "shared/database/statement.h"

#include <algorithm>
#include <cctype>

#include "shared/database/hex.h"
#include "shared/database/native.h"

namespace windlass::database {
namespace {

bool is_name_character(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// What must not stand outside quotes at `rest`; empty: nothing wrong.
std::string_view refused(std::string_view rest) {
    if (rest.starts_with("--") || rest.starts_with("/*")) return "must not contain comments";
    if (rest.starts_with("$$")) return "must not contain $$";
    if (rest.starts_with("::")) return "must write cast(x as type), not x::type";
    if (rest.starts_with("?")) return "must write parameters as :name";
    return {};
}

}  // namespace

ParsedSql parse_sql(std::string_view sql) {
    ParsedSql parsed;
    char quote = 0;
    for (std::size_t i = 0; i < sql.size(); ++i) {
        const char c = sql[i];
        if (quote != 0) {
            if (c == quote) quote = 0;
            continue;
        }
        if (c == '\'' || c == '"') {
            quote = c;
            continue;
        }
        if (const std::string_view why = refused(sql.substr(i)); !why.empty()) return {{}, std::string(why)};
        if (c != ':') continue;
        std::size_t end = i + 1;
        while (end < sql.size() && is_name_character(sql[end])) ++end;
        const std::string name(sql.substr(i + 1, end - i - 1));
        if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0])) != 0) {
            return {{}, "has a colon that begins no :name"};
        }
        if (std::ranges::find(parsed.names, name) == parsed.names.end()) parsed.names.push_back(name);
        i = end - 1;
    }
    if (quote != 0) return {{}, "has a quote that is not closed"};
    return parsed;
}

Statement::Statement(soci::session& session, Engine engine, const std::string& sql,
                     const std::vector<std::string>& names, std::span<const Param> params)
    : engine_(engine), statement_(session) {
    statement_.alloc();
    statement_.prepare(sql, soci::details::st_repeatable_query);
    add_params(session, names, params);
    add_columns(session);
    statement_.define_and_bind();
}

void Statement::add_params(soci::session& session, const std::vector<std::string>& names,
                           std::span<const Param> params) {
    for (std::size_t i = 0; i < params.size(); ++i) {
        auto slot = std::make_unique<Slot>();
        slot->kind = params[i].kind;
        if (slot->kind == Param::Kind::integer) {
            statement_.exchange(soci::use(slot->integer, slot->indicator, names[i]));
        } else if (slot->kind == Param::Kind::bytes && engine_ == Engine::sqlite) {
            slot->blob = std::make_unique<soci::blob>(session);
            statement_.exchange(soci::use(*slot->blob, slot->indicator, names[i]));
        } else {
            statement_.exchange(soci::use(slot->text, slot->indicator, names[i]));
        }
        slots_.push_back(std::move(slot));
    }
}

// The number of columns. SOCI's own way of asking runs the statement, on PostgreSQL.
std::size_t Statement::describe(soci::session& session) {
    if (engine_ == Engine::sqlite) {
        return static_cast<std::size_t>(sqlite_api::sqlite3_column_count(native_sqlite(statement_)));
    }
    const PgResult description(PQdescribePrepared(native_postgresql(session), native_postgresql(statement_).c_str()),
                               &PQclear);
    if (PQresultStatus(description.get()) != PGRES_COMMAND_OK) {
        const char* state = PQresultErrorField(description.get(), PG_DIAG_SQLSTATE);
        throw soci::postgresql_soci_error("Cannot describe statement.", state != nullptr ? state : "08000");
    }
    return static_cast<std::size_t>(PQnfields(description.get()));
}

void Statement::add_columns(soci::session& session) {
    const std::size_t count = describe(session);
    for (std::size_t i = 0; i < count; ++i) {
        auto column = std::make_unique<Column>();
        // Always as text: the integer readers of SOCI's SQLite backend cut to 32 bits where a column is not called
        // bigint.
        statement_.exchange(soci::into(column->text, column->indicator));
        columns_.push_back(std::move(column));
    }
}

bool Statement::accepts(std::span<const Param> params) const {
    return std::ranges::equal(params, slots_, {}, &Param::kind, [](const auto& slot) { return slot->kind; });
}

void Statement::bind(std::span<Param> params) {
    for (std::size_t i = 0; i < params.size(); ++i) {
        Param& param = params[i];
        Slot& slot = *slots_[i];
        slot.indicator = param.null ? soci::i_null : soci::i_ok;
        if (slot.kind == Param::Kind::integer) {
            slot.integer = param.integer;
        } else if (slot.kind == Param::Kind::text) {
            slot.text = std::move(param.text);
        } else if (slot.blob) {
            slot.blob->trim(0);
            slot.blob->append(param.text.data(), param.text.size());
        } else {
            slot.text = bytea_text(param.text);
        }
    }
}

// Large values do not stay behind in the cache.
void Statement::release() {
    constexpr std::size_t kept = 4096;
    for (const auto& slot : slots_) {
        if (slot->text.capacity() > kept) slot->text = std::string();
        if (slot->blob && slot->blob->get_len() > kept) slot->blob->trim(0);
    }
    for (const auto& column : columns_) {
        if (column->text.capacity() > kept) column->text = std::string();
    }
}

}  // namespace windlass::database
