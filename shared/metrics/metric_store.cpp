#include "shared/metrics/metric_store.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "shared/json.h"
#include "shared/metrics/host_locks.h"
#include "shared/metrics/packed_windows.h"
#include "shared/metrics/window_codec.h"

namespace windlass::metrics {
namespace {

constexpr WallTime end_of_times = std::chrono::sys_days{std::chrono::year{2200} / 1 / 1};

Status check_name(std::string_view what, std::string_view name, std::size_t most, bool may_be_empty) {
    if (name.empty() && !may_be_empty) return make_error(ErrorKind::invalid, std::string(what) + " is missing");
    if (name.size() > most)
        return make_error(ErrorKind::invalid, std::string(what) + " is longer than " + std::to_string(most) + " bytes");
    if (name.find('\0') != std::string_view::npos || !is_valid_utf8(name))
        return make_error(ErrorKind::invalid, std::string(what) + " is not UTF-8 text");
    return {};
}

using SeriesIds = std::map<SeriesKey, std::int64_t>;  // 0: not known yet

// The rows for json_to_recordset: an id or a number in the list, and the key.
class KeyRows {
  public:
    KeyRows() { json_.StartArray(); }
    void add(std::int64_t id, const SeriesKey& key) {
        json_.StartObject();
        json_.Key("id"), json_.Int64(id);
        json_.Key("job"), json_.Int64(key.job.value);
        json_.Key("hostname"), put(json_, key.hostname);
        json_.Key("measurement"), put(json_, key.measurement);
        json_.Key("type"), put(json_, key.type);
        json_.Key("type_id"), put(json_, key.type_id);
        json_.EndObject();
    }
    std::string take() {
        json_.EndArray();
        return std::string(text_of(text_));
    }

  private:
    rapidjson::StringBuffer text_;
    JsonWriter json_{text_};
};

// One statement for all keys: on PostgreSQL a round trip costs more than a look into the index.
Status find_series(Session& session, SeriesIds& ids) {
    if (session.engine() == Engine::sqlite) {
        for (auto& [key, id] : ids) {
            if (id != 0) continue;
            WINDLASS_TRY(const auto rows,
                         session.query("select id from metric_series where job = :job and hostname = :hostname and "
                                       "measurement = :measurement and type = :type and type_id = :type_id",
                                       key.job.value, key.hostname, key.measurement, key.type, key.type_id));
            if (!rows.empty()) id = rows.front().integer(0);
        }
        return {};
    }
    std::vector<SeriesIds::iterator> asked;
    KeyRows keys;
    for (auto at = ids.begin(); at != ids.end(); ++at) {
        if (at->second != 0) continue;
        keys.add(static_cast<std::int64_t>(asked.size()), at->first);
        asked.push_back(at);
    }
    if (asked.empty()) return {};
    WINDLASS_TRY(const auto rows,
                 session.query("select r.id, s.id from json_to_recordset(cast(:rows as json)) as r(id bigint, job "
                               "bigint, hostname text, measurement text, type text, type_id text) join metric_series s "
                               "using (job, hostname, measurement, type, type_id)",
                               keys.take()));
    for (const Row& row : rows) asked[static_cast<std::size_t>(row.integer(0))]->second = row.integer(1);
    return {};
}

// Those that are not there get an id from the counter, whose row is locked until the transaction ends: whoever else
// makes series waits so long, and finds them then.
Status make_series(Session& session, SeriesIds& ids) {
    const auto missing = std::ranges::count(ids, 0, &SeriesIds::value_type::second);
    if (missing == 0) return {};
    WINDLASS_TRY(const auto counter, session.query("update id_counter set next = next + :count where name = "
                                                   "'metric_series' returning next",
                                                   missing));
    WINDLASS_CHECK(counter.size() == 1, "the counter of metric series is missing from id_counter");
    std::int64_t next = counter.front().integer(0) - missing;
    WINDLASS_TRY_STATUS(find_series(session, ids));
    if (session.engine() == Engine::sqlite) {
        for (auto& [key, id] : ids) {
            if (id != 0) continue;
            id = next++;
            WINDLASS_TRY(const auto made,
                         session.execute("insert into metric_series (id, job, hostname, measurement, type, type_id) "
                                         "values (:id, :job, :hostname, :measurement, :type, :type_id)",
                                         id, key.job.value, key.hostname, key.measurement, key.type, key.type_id));
            (void)made;
        }
        return {};
    }
    KeyRows keys;
    for (auto& [key, id] : ids) {
        if (id != 0) continue;
        id = next++;
        keys.add(id, key);
    }
    return as_status(session.execute(
        "insert into metric_series (id, job, hostname, measurement, type, type_id) select id, job, hostname, "
        "measurement, type, type_id from json_to_recordset(cast(:rows as json)) as r(id bigint, job bigint, hostname "
        "text, measurement text, type text, type_id text)",
        keys.take()));
}

std::int64_t window_of(std::int64_t at_ms) {
    return at_ms - at_ms % point_window_ms;
}

// `fresh` in any order, the later of two at one time wins, and both win over `old`.
std::vector<Point> merged(const std::vector<Point>& old, std::vector<Point> fresh) {
    std::ranges::stable_sort(fresh, {}, &Point::at_ms);
    std::vector<Point> all;
    all.reserve(old.size() + fresh.size());
    const auto add = [&](const Point& point) {
        if (!all.empty() && all.back().at_ms == point.at_ms)
            all.back() = point;
        else
            all.push_back(point);
    };
    auto from = old.begin();
    for (const Point& point : fresh) {
        for (; from != old.end() && from->at_ms <= point.at_ms; ++from) add(*from);
        add(point);
    }
    for (; from != old.end(); ++from) add(*from);
    return all;
}

}  // namespace

Status check(const MetricPoint& point) {
    WINDLASS_TRY_STATUS(check_name("the host's name", point.series.hostname, 255, false));
    WINDLASS_TRY_STATUS(check_name("the measurement's name", point.series.measurement, 200, false));
    WINDLASS_TRY_STATUS(check_name("the type", point.series.type, 64, false));
    WINDLASS_TRY_STATUS(check_name("the type-id", point.series.type_id, 64, true));
    if (point.at < WallTime{} || point.at >= end_of_times)
        return make_error(ErrorKind::invalid, "the time is not between 1970 and 2200");
    if (!std::isfinite(point.value)) return make_error(ErrorKind::invalid, "the value is not a finite number");
    return {};
}

Status append(Session& session, const std::vector<MetricPoint>& points) {
    if (points.empty()) return {};
    SeriesIds ids;
    std::set<std::string> hosts;
    for (const MetricPoint& point : points) {
        WINDLASS_TRY_STATUS(check(point));
        ids.emplace(point.series, 0);
        hosts.insert(point.series.hostname);
    }
    WINDLASS_TRY_STATUS(lock_hosts(session, hosts));
    WINDLASS_TRY_STATUS(find_series(session, ids));
    WINDLASS_TRY_STATUS(make_series(session, ids));

    std::map<WindowKey, std::vector<Point>> fresh;
    for (const MetricPoint& point : points) {
        const std::int64_t at_ms = to_unix_us(point.at) / 1000;
        fresh[{ids[point.series], 0, window_of(at_ms)}].push_back({at_ms, point.value});
    }
    PackedWindows windows;
    for (const auto& [key, unused] : fresh) windows.emplace(key, std::string());
    WINDLASS_TRY_STATUS(read_windows(session, windows));
    for (auto& [key, packed] : windows) {
        std::vector<Point> old;
        if (!packed.empty()) {
            WINDLASS_TRY(old, unpack_points(packed));
        }
        packed = pack(std::span<const Point>(merged(old, std::move(fresh[key]))));
    }
    return write_windows(session, windows);
}

}  // namespace windlass::metrics
