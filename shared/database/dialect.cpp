#include "shared/database/dialect.h"

#include <array>
#include <utility>

namespace windlass {
namespace {

// Every change of a job's state is a new version of its row. With less than half of each page filled and no index but
// the primary key, PostgreSQL puts that version beside the old one without touching the index (a HOT update).
constexpr std::string_view hot_postgresql =
    "with (fillfactor = 45, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0, "
    "autovacuum_analyze_scale_factor = 0.02)";

constexpr Dialect sqlite{
    .engine = Engine::sqlite,
    .begin = "begin immediate",
    .bytes_type = "blob",
    .hot_table = "without rowid",
    .thin_table = "without rowid",
    .table_exists = "select count(*) from sqlite_master where type = 'table' and name = :name",
    .column_exists = "select count(*) from pragma_table_info(:table) where name = :name",
    .migration_lock = "",  // begin immediate is the lock
};
constexpr Dialect postgresql{
    .engine = Engine::postgresql,
    .begin = "begin",
    .bytes_type = "bytea",
    .hot_table = hot_postgresql,
    .thin_table = "",
    .table_exists =
        "select count(*) from information_schema.tables "
        "where table_schema = current_schema() and table_name = :name",
    .column_exists =
        "select count(*) from information_schema.columns "
        "where table_schema = current_schema() and table_name = :table and column_name = :name",
    // The key is arbitrary and belongs to migrations alone. A migration of a large table may take its time.
    .migration_lock = "select pg_advisory_xact_lock(8244930017); set local statement_timeout = 0",
};

}  // namespace

const Dialect& Dialect::of(Engine engine) {
    return engine == Engine::sqlite ? sqlite : postgresql;
}

std::string Dialect::expand(std::string_view script) const {
    const std::array<std::pair<std::string_view, std::string_view>, 3> placeholders{
        {{"{{bytes}}", bytes_type}, {"{{hot}}", hot_table}, {"{{thin}}", thin_table}}};
    std::string text(script);
    for (const auto& [name, replacement] : placeholders) {
        for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + replacement.size())) {
            // A placeholder that becomes nothing takes the space before it along.
            if (replacement.empty() && at > 0 && text[at - 1] == ' ') text.erase(--at, 1);
            text.replace(at, name.size(), replacement);
        }
    }
    return text;
}

}  // namespace windlass
