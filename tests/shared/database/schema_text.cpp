#include "tests/shared/database/schema_text.h"

namespace windlass::test {
namespace {

constexpr std::string_view header =
    "-- The tables that all migrations together make. For reading and reviewing: programs run the numbered scripts.\n"
    "-- Made by scripts/schema-snapshot.\n";

std::vector<Row> ask(Session& session, std::string_view sql, std::string_view table = {}) {
    auto rows = table.empty() ? session.query(sql) : session.query(sql, table);
    if (!rows) std::fprintf(stderr, "%s\n", rows.error().message.c_str());
    WINDLASS_CHECK(rows.ok(), "the tables of the database cannot be read");
    return std::move(rows).value();
}

std::string sqlite_text(Session& session) {
    std::string text;
    // As SQLite keeps them: the very text of the statements.
    for (const Row& row :
         ask(session, "select sql from sqlite_master where sql is not null order by tbl_name, type desc, name")) {
        text += "\n" + row.text(0) + ";\n";
    }
    return text;
}

std::string postgresql_table(Session& session, const std::string& table, const std::string& options) {
    std::string text = "\ncreate table " + table + " (";
    std::string separator = "\n    ";
    for (const Row& row :
         ask(session,
             "select a.attname, format_type(a.atttypid, a.atttypmod), case when a.attnotnull then 1 else "
             "0 end from pg_attribute a where a.attrelid = cast(:name as regclass) and a.attnum > 0 and "
             "not a.attisdropped order by a.attnum",
             table)) {
        text += separator + row.text(0) + " " + row.text(1) + (row.truth(2) ? " not null" : "");
        separator = ",\n    ";
    }
    for (const Row& row :
         ask(session,
             "select conname, pg_get_constraintdef(oid) from pg_constraint where conrelid = cast(:name as "
             "regclass) order by contype desc, conname",
             table)) {
        text += separator + "constraint " + row.text(0) + " " + row.text(1);
    }
    text += "\n)" + (options.empty() ? std::string() : " with (" + options + ")") + ";\n";
    for (const Row& row :
         ask(session,
             "select pg_get_indexdef(i.indexrelid) from pg_index i where i.indrelid = cast(:name as "
             "regclass) and not exists (select 1 from pg_constraint c where c.conindid = i.indexrelid and "
             "c.conrelid = i.indrelid) order by 1",
             table)) {
        text += row.text(0) + ";\n";
    }
    return text;
}

std::string postgresql_text(Session& session) {
    std::string text;
    for (const Row& row :
         ask(session,
             "select c.relname, coalesce(array_to_string(c.reloptions, ', '), '') from pg_class c join "
             "pg_namespace n on n.oid = c.relnamespace where n.nspname = current_schema() and c.relkind = "
             "'r' order by c.relname")) {
        text += postgresql_table(session, row.text(0), row.text(1));
    }
    return text;
}

}  // namespace

std::string schema_text(Session& session) {
    return std::string(header) + (session.engine() == Engine::sqlite ? sqlite_text(session) : postgresql_text(session));
}

}  // namespace windlass::test
