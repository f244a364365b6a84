#include "shared/metrics/metric_query.h"

#include <algorithm>
#include <map>

#include "shared/json.h"
#include "shared/metrics/metric_store.h"
#include "shared/metrics/packed_windows.h"

namespace windlass::metrics {
namespace {

// Rows of metric_window in memory at a time, roughly.
constexpr std::int64_t windows_at_once = 4'096;

std::string json_of(const std::vector<std::string>& texts) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& text : texts) put(json, text);
    json.EndArray();
    return std::string(text_of(buffer));
}

#define SERIES_COLUMNS "select id, job, hostname, measurement, type, type_id from metric_series where job = :job "

constexpr std::string_view of_hosts_sqlite = SERIES_COLUMNS
    "and hostname in (select value from json_each(:hosts)) and measurement in (select value from json_each(:names))";
constexpr std::string_view of_hosts_postgresql = SERIES_COLUMNS
    "and hostname in (select json_array_elements_text(cast(:hosts as json))) and measurement in (select "
    "json_array_elements_text(cast(:names as json)))";
constexpr std::string_view of_job_sqlite = SERIES_COLUMNS "and measurement in (select value from json_each(:names))";
constexpr std::string_view of_job_postgresql =
    SERIES_COLUMNS "and measurement in (select json_array_elements_text(cast(:names as json)))";

#undef SERIES_COLUMNS

// Series by id, in the order of ids; windows in the order of their starts.
constexpr std::string_view windows_sqlite =
    "select series, resolution_s, packed from metric_window where series in (select value from json_each(:ids)) and "
    "resolution_s >= 0 and start_ms >= :from and start_ms <= :to order by series, start_ms, resolution_s desc";
constexpr std::string_view windows_postgresql =
    "select series, resolution_s, packed from metric_window where series = any(cast(:ids as bigint[])) and start_ms >= "
    ":from and start_ms <= :to order by series, start_ms, resolution_s desc";

Result<std::vector<Row>> windows_of(Session& session, std::span<const Series> series, const Interval& interval) {
    const bool sqlite = session.engine() == Engine::sqlite;
    std::string ids(1, sqlite ? '[' : '{');
    for (const Series& one : series) ids.append(ids.size() > 1 ? "," : "").append(std::to_string(one.id));
    ids += sqlite ? ']' : '}';
    return session.query(sqlite ? windows_sqlite : windows_postgresql, std::move(ids),
                         interval.from_ms - stretch_window_ms, interval.to_ms);
}

// What of the window lies in the interval is appended.
Status unpack_into(std::vector<Stretch>& out, const Row& row, const Interval& interval) {
    const auto inside = [&](std::int64_t at_ms) { return at_ms >= interval.from_ms && at_ms <= interval.to_ms; };
    if (row.integer(1) == 0) {
        WINDLASS_TRY(const auto points, unpack_points(row.bytes(2)));
        for (const Point& p : points)
            if (inside(p.at_ms)) out.push_back({p.at_ms, p.value, p.value, p.value, 1});
        return {};
    }
    WINDLASS_TRY(const auto stretches, unpack_stretches(row.bytes(2)));
    for (const Stretch& s : stretches)
        if (inside(s.at_ms)) out.push_back(s);
    return {};
}

}  // namespace

Result<std::vector<Series>> find_series(Session& session, const SeriesQuery& query) {
    const bool sqlite = session.engine() == Engine::sqlite;
    WINDLASS_CHECK(query.job || query.hosts, "series of nodes are asked for by host");
    auto rows = query.hosts ? session.query(sqlite ? of_hosts_sqlite : of_hosts_postgresql, query.job.value,
                                            json_of(*query.hosts), json_of(query.measurements))
                            : session.query(sqlite ? of_job_sqlite : of_job_postgresql, query.job.value,
                                            json_of(query.measurements));
    if (!rows) return std::move(rows).error();
    std::vector<Series> found;
    for (const Row& row : *rows)
        found.push_back({row.integer(0), {JobId{row.integer(1)}, row.text(2), row.text(3), row.text(4), row.text(5)}});
    // Here, and not by the database: its collation may order names in another way than we compare them.
    std::ranges::sort(found, {}, &Series::key);
    return found;
}

Status read_points(Session& session, std::span<const Series> series, const Interval& interval,
                   const OnPoints& on_points) {
    if (interval.to_ms < interval.from_ms) return {};
    const std::int64_t windows_each = (interval.to_ms - interval.from_ms) / point_window_ms + 2;
    const auto at_once = static_cast<std::size_t>(std::max<std::int64_t>(windows_at_once / windows_each, 1));
    while (!series.empty()) {
        const auto some = series.subspan(0, std::min(at_once, series.size()));
        series = series.subspan(some.size());
        WINDLASS_TRY(const auto rows, windows_of(session, some, interval));
        std::map<std::int64_t, std::pair<std::size_t, std::size_t>> rows_of;  // first, and one behind the last
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const auto [at, first] = rows_of.try_emplace(rows[i].integer(0), i, i);
            at->second.second = i + 1;
        }
        std::vector<Stretch> points;
        for (const Series& one : some) {
            const auto found = rows_of.find(one.id);
            if (found == rows_of.end()) continue;
            points.clear();
            bool ordered = true;
            for (std::size_t i = found->second.first; i < found->second.second; ++i) {
                const std::size_t before = points.size();
                WINDLASS_TRY_STATUS(unpack_into(points, rows[i], interval));
                ordered = ordered &&
                          (before == 0 || before == points.size() || points[before - 1].at_ms <= points[before].at_ms);
            }
            // An hour that came late can lie in the middle of a day of means.
            if (!ordered) std::ranges::stable_sort(points, {}, &Stretch::at_ms);
            if (!points.empty()) on_points(one, points);
        }
    }
    return {};
}

}  // namespace windlass::metrics
