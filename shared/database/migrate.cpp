#include "shared/database/migrate.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "shared/database/dialect.h"
#include "shared/digest.h"

namespace windlass {
namespace {

Result<bool> has_table(Session& session, std::string_view name) {
    WINDLASS_TRY(const auto rows, session.query(session.dialect().table_exists, name));
    return rows[0].integer(0) > 0;
}

Result<bool> has_column(Session& session, std::string_view table, std::string_view column) {
    WINDLASS_TRY(const auto rows, session.query(session.dialect().column_exists, table, column));
    return rows[0].integer(0) > 0;
}

Status newer(Session& session) {
    WINDLASS_TRY(const auto last, session.query("select name from schema_migration order by number desc limit 1"));
    return make_error(ErrorKind::invalid, "the database " + session.url().shown() +
                                              " is newer than this program: its last migration is " + last[0].text(0) +
                                              ". Install the newer version of Windlass");
}

// How many of `migrations` the database has. Compares what was recorded with what this program would do; the scripts
// are compared as they stand in sql/, so that both engines record the same.
Result<std::size_t> applied(Session& session, std::span<const Migration> migrations) {
    WINDLASS_TRY(const bool exists, has_table(session, "schema_migration"));
    if (!exists) return std::size_t{0};
    WINDLASS_TRY(const auto rows, session.query("select number, name, sha256 from schema_migration order by number"));
    const std::size_t shared = std::min(rows.size(), migrations.size());
    for (std::size_t i = 0; i < shared; ++i) {
        if (rows[i].integer(0) == migrations[i].number && rows[i].text(2) == sha256_hex(migrations[i].sql)) continue;
        return make_error(ErrorKind::invalid, "the database " + session.url().shown() + " was made by another " +
                                                  std::string(migrations[i].name) +
                                                  " than the one in this program. Use the program that made it, or "
                                                  "restore a backup made with this one");
    }
    return rows.size();
}

// Of a database that has more than `migrations`: whether all of that is for programs like this one, too.
Status check_newer(Session& session, std::span<const Migration> migrations) {
    const int own = migrations.empty() ? 0 : migrations.back().number;
    // The programs that know of such things record them.
    WINDLASS_TRY(const bool recorded, has_column(session, "schema_migration", "runs_with"));
    if (!recorded) return newer(session);
    WINDLASS_TRY(const auto strangers,
                 session.query("select count(*) from schema_migration where number > :own and (runs_with is null or "
                               "runs_with > :same)",
                               own, own));
    return strangers[0].integer(0) == 0 ? Status() : newer(session);
}

Status apply(Session& session, const Migration& migration) {
    WINDLASS_TRY_STATUS(session.run_script(session.dialect().expand(migration.sql), migration.name));
    WINDLASS_TRY([[maybe_unused]] const auto inserted,
                 session.execute("insert into schema_migration (number, name, sha256, applied_us, runs_with) "
                                 "values (:number, :name, :sha256, :now, :runs_with)",
                                 migration.number, migration.name, sha256_hex(migration.sql),
                                 to_unix_us(SystemClock().now().wall), oldest_that_runs(migration)));
    return Status();
}

Status keep_others_out(Session& session) {
    const std::string lock(session.dialect().migration_lock);
    return lock.empty() ? Status() : session.run_script(lock, "waiting for another migration");
}

}  // namespace

int oldest_that_runs(const Migration& migration) {
    constexpr std::string_view words = "-- runs with: ";
    int number = migration.number;
    const auto at = migration.sql.starts_with(words) ? 0 : migration.sql.find("\n" + std::string(words));
    if (at == std::string_view::npos) return number;
    const auto text = migration.sql.substr(at + words.size() + (at == 0 ? 0 : 1));
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

Status migrate_back(Session& session, int to) {
    return migrate_back(session, to, embedded_migrations());
}

Status migrate_back(Session& session, int to, std::span<const Migration> migrations) {
    WINDLASS_TRY(Transaction transaction, Transaction::begin(session));
    WINDLASS_TRY_STATUS(keep_others_out(session));
    WINDLASS_TRY(const std::size_t have, applied(session, migrations));
    if (have > migrations.size()) return newer(session);
    if (to < 0 || static_cast<std::size_t>(to) >= have)
        return make_error(ErrorKind::invalid, "there is no way back to " + std::to_string(to) + ": the database " +
                                                  session.url().shown() + " has migrations up to " +
                                                  std::to_string(have));
    for (std::size_t i = have; i > static_cast<std::size_t>(to); --i) {
        const Migration& migration = migrations[i - 1];
        if (migration.back.empty())
            return make_error(ErrorKind::invalid,
                              std::string(migration.name) + " cannot be undone: restore a backup from before it");
        WINDLASS_TRY_STATUS(session.run_script(session.dialect().expand(migration.back),
                                               "the way back from " + std::string(migration.name)));
        WINDLASS_TRY([[maybe_unused]] const auto gone,
                     session.execute("delete from schema_migration where number = :number", migration.number));
    }
    return transaction.commit();
}

Status migrate(Session& session) {
    return migrate(session, embedded_migrations());
}

Status migrate(Session& session, std::span<const Migration> migrations) {
    WINDLASS_TRY(const std::size_t before, applied(session, migrations));
    if (before == migrations.size()) return Status();
    if (before > migrations.size()) return check_newer(session, migrations);

    WINDLASS_TRY(Transaction transaction, Transaction::begin(session));
    WINDLASS_TRY_STATUS(keep_others_out(session));
    WINDLASS_TRY_STATUS(
        session.run_script("create table if not exists schema_migration (number bigint not null primary "
                           "key, name text not null, sha256 text not null, applied_us bigint not null)",
                           "schema_migration"));
    WINDLASS_TRY(const bool records, has_column(session, "schema_migration", "runs_with"));
    if (!records) {
        WINDLASS_TRY_STATUS(
            session.run_script("alter table schema_migration add column runs_with bigint", "schema_migration"));
    }
    // Again, now that nobody else can be at it.
    WINDLASS_TRY(const std::size_t have, applied(session, migrations));
    if (have > migrations.size()) return check_newer(session, migrations);
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
