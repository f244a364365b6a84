#include "shared/database/migrate.h"

#include "shared/database/dialect.h"
#include "shared/digest.h"

namespace windlass {
namespace {

Result<bool> has_table(Session& session, std::string_view name) {
    WINDLASS_TRY(const auto rows, session.query(session.dialect().table_exists, name));
    return rows[0].integer(0) > 0;
}

// The scripts are compared as they stand in sql/, so that both engines record the same.
// How many of `migrations` the database has. Compares what was recorded with what this program would do.
Result<std::size_t> applied(Session& session, std::span<const Migration> migrations) {
    WINDLASS_TRY(const bool exists, has_table(session, "schema_migration"));
    if (!exists) return std::size_t{0};
    WINDLASS_TRY(const auto rows, session.query("select number, name, sha256 from schema_migration order by number"));
    if (rows.size() > migrations.size()) {
        return make_error(ErrorKind::invalid, "the database " + session.url().shown() +
                                                  " is newer than this program: its last migration is " +
                                                  rows.back().text(1) + ". Install the newer version of Windlass");
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i].integer(0) == migrations[i].number && rows[i].text(2) == sha256_hex(migrations[i].sql)) continue;
        return make_error(ErrorKind::invalid, "the database " + session.url().shown() + " was made by another " +
                                                  std::string(migrations[i].name) +
                                                  " than the one in this program. Use the program that made it, or "
                                                  "restore a backup made with this one");
    }
    return rows.size();
}

Status apply(Session& session, const Migration& migration) {
    WINDLASS_TRY_STATUS(session.run_script(session.dialect().expand(migration.sql), migration.name));
    WINDLASS_TRY([[maybe_unused]] const auto inserted,
                 session.execute("insert into schema_migration (number, name, sha256, applied_us) "
                                 "values (:number, :name, :sha256, :now)",
                                 migration.number, migration.name, sha256_hex(migration.sql),
                                 to_unix_us(SystemClock().now().wall)));
    return Status();
}

}  // namespace

Status migrate(Session& session) {
    return migrate(session, embedded_migrations());
}

Status migrate(Session& session, std::span<const Migration> migrations) {
    WINDLASS_TRY(const std::size_t before, applied(session, migrations));
    if (before == migrations.size()) return Status();

    WINDLASS_TRY(Transaction transaction, Transaction::begin(session));
    const std::string lock(session.dialect().migration_lock);
    if (!lock.empty()) WINDLASS_TRY_STATUS(session.run_script(lock, "waiting for another migration"));
    WINDLASS_TRY_STATUS(
        session.run_script("create table if not exists schema_migration (number bigint not null primary "
                           "key, name text not null, sha256 text not null, applied_us bigint not null)",
                           "schema_migration"));
    // Again, now that nobody else can be at it.
    WINDLASS_TRY(const std::size_t have, applied(session, migrations));
    for (const Migration& migration : migrations.subspan(have)) WINDLASS_TRY_STATUS(apply(session, migration));
    return transaction.commit();
}

Result<int> schema_version(Session& session) {
    WINDLASS_TRY(const bool exists, has_table(session, "schema_migration"));
    if (!exists) return 0;
    WINDLASS_TRY(const auto rows, session.query("select coalesce(max(number), 0) from schema_migration"));
    return static_cast<int>(rows[0].integer(0));
}

}  // namespace windlass
