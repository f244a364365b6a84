#include "shared/metrics/metric_aging.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "shared/metrics/host_locks.h"
#include "shared/metrics/metric_store.h"
#include "shared/metrics/packed_windows.h"
#include "shared/metrics/window_codec.h"

namespace windlass::metrics {
namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t points_per_day = day_ms / point_window_ms;  // windows of points

// Windows that end before it are old. A whole day grows old at once, so that its means are written once.
std::int64_t cutoff_ms(WallTime now, std::int64_t days) {
    const std::int64_t at = to_unix_us(now) / 1000 - days * day_ms;
    return at - at % day_ms;
}

struct Old {
    std::set<WindowKey> windows;
    std::set<std::string> hosts;
};

// The oldest ones of one resolution.
Result<Old> oldest(Session& session, std::int64_t resolution_s, std::int64_t before_ms, std::int64_t most) {
    WINDLASS_TRY(const auto rows,
                 session.query("select w.series, w.start_ms, s.hostname from metric_window w join metric_series s on "
                               "s.id = w.series where w.resolution_s = :resolution and w.start_ms < :before order by "
                               "w.start_ms limit :most",
                               resolution_s, before_ms, most));
    Old old;
    for (const Row& row : rows) {
        old.windows.insert({row.integer(0), resolution_s, row.integer(1)});
        old.hosts.insert(row.text(2));
    }
    return old;
}

// Series of which nothing is left. The hosts are locked: nobody is about to write to one.
Status delete_empty_series(Session& session, const std::set<WindowKey>& deleted) {
    std::set<std::int64_t> series;
    for (const WindowKey& key : deleted) series.insert(key.series);
    for (const std::int64_t id : series)
        WINDLASS_TRY_STATUS(
            as_status(session.execute("delete from metric_series where id = :id and not exists (select "
                                      "1 from metric_window w where w.series = metric_series.id)",
                                      id)));
    return {};
}

Result<std::int64_t> drop_oldest(Session& session, std::int64_t resolution_s, std::int64_t before_ms,
                                 std::int64_t most) {
    WINDLASS_TRY(const Old old, oldest(session, resolution_s, before_ms, most));
    if (old.windows.empty()) return std::int64_t{0};
    WINDLASS_TRY_STATUS(lock_hosts(session, old.hosts));
    WINDLASS_TRY_STATUS(delete_windows(session, old.windows));
    WINDLASS_TRY_STATUS(delete_empty_series(session, old.windows));
    return static_cast<std::int64_t>(old.windows.size());
}

void add(std::map<std::int64_t, Stretch>& means, const Stretch& more) {
    const auto [at, first] = means.try_emplace(more.at_ms, more);
    if (first) return;
    Stretch& one = at->second;
    const double count = one.count + more.count;
    // By shares, as a sum of large values could overflow.
    one.mean = one.mean * (one.count / count) + more.mean * (more.count / count);
    one.min = std::min(one.min, more.min);
    one.max = std::max(one.max, more.max);
    one.count = count;
}

// All hours of the days to which the oldest windows belong become means.
Result<std::int64_t> make_coarse(Session& session, std::int64_t coarse_s, std::int64_t before_ms, std::int64_t most) {
    WINDLASS_TRY(const Old old, oldest(session, 0, before_ms, std::max<std::int64_t>(most / points_per_day, 1)));
    if (old.windows.empty()) return std::int64_t{0};
    WINDLASS_TRY_STATUS(lock_hosts(session, old.hosts));

    PackedWindows hours, days;
    for (const WindowKey& key : old.windows) {
        const std::int64_t day = key.start_ms - key.start_ms % day_ms;
        days.emplace(WindowKey{key.series, coarse_s, day}, std::string());
        for (std::int64_t hour = 0; hour < points_per_day; ++hour)
            hours.emplace(WindowKey{key.series, 0, day + hour * point_window_ms}, std::string());
    }
    WINDLASS_TRY_STATUS(read_windows(session, hours));
    WINDLASS_TRY_STATUS(read_windows(session, days));

    std::set<WindowKey> done;
    std::map<WindowKey, std::map<std::int64_t, Stretch>> means;
    for (const auto& [key, packed] : days) {
        if (packed.empty()) continue;
        WINDLASS_TRY(const auto stretches, unpack_stretches(packed));
        for (const Stretch& s : stretches) add(means[key], s);
    }
    for (const auto& [key, packed] : hours) {
        if (packed.empty()) continue;
        WINDLASS_TRY(const auto points, unpack_points(packed));
        auto& of_day = means[{key.series, coarse_s, key.start_ms - key.start_ms % day_ms}];
        for (const Point& p : points)
            add(of_day, {p.at_ms - p.at_ms % (coarse_s * 1000), p.value, p.value, p.value, 1});
        done.insert(key);
    }
    for (auto& [key, packed] : days) {
        std::vector<Stretch> stretches;
        for (const auto& [at, s] : means[key]) stretches.push_back(s);
        packed = pack(std::span<const Stretch>(stretches));
    }
    WINDLASS_TRY_STATUS(write_windows(session, days));
    WINDLASS_TRY_STATUS(delete_windows(session, done));
    return static_cast<std::int64_t>(done.size());
}

// Resolutions there are but that of points: usually one, more after the setting was changed.
Result<std::vector<std::int64_t>> coarse_resolutions(Session& session) {
    std::vector<std::int64_t> all;
    for (std::int64_t last = 0;;) {
        // Not min(): PostgreSQL would read the index from its beginning for each.
        WINDLASS_TRY(const auto rows, session.query("select resolution_s from metric_window where resolution_s > :last "
                                                    "order by resolution_s limit 1",
                                                    last));
        if (rows.empty()) return all;
        all.push_back(last = rows.front().integer(0));
    }
}

}  // namespace

Status check(const AgingSettings& s) {
    constexpr std::int64_t longest_days = 36'500;
    const auto wrong = [](std::string_view text) { return make_error(ErrorKind::invalid, std::string(text)); };
    if (s.keep_points_days < 0 || s.keep_points_days > longest_days)
        return wrong("metrics.keep_points_days must be between 0 (for ever) and 36500 (a hundred years)");
    if (s.coarse_s < 0 || s.coarse_s > 86'400 || (s.coarse_s > 0 && 86'400 % s.coarse_s != 0))
        return wrong("metrics.coarse_s must be 0, or go into a day of 86400 s without a rest: 60, 300, 600, 3600, …");
    if (s.keep_days < 0 || s.keep_days > longest_days)
        return wrong("metrics.keep_days must be between 0 (for ever) and 36500 (a hundred years)");
    if (s.keep_days > 0 && s.keep_points_days > s.keep_days)
        return wrong("metrics.keep_points_days must not be more than metrics.keep_days");
    return {};
}

Result<std::int64_t> age(Session& session, const AgingSettings& settings, WallTime now, std::int64_t at_once) {
    if (settings.keep_days > 0) {
        const std::int64_t before = cutoff_ms(now, settings.keep_days);
        WINDLASS_TRY(auto resolutions, coarse_resolutions(session));
        resolutions.push_back(0);
        for (const std::int64_t resolution : resolutions) {
            WINDLASS_TRY(const std::int64_t dropped, drop_oldest(session, resolution, before, at_once));
            if (dropped > 0) return dropped;
        }
    }
    if (settings.keep_points_days == 0) return std::int64_t{0};
    const std::int64_t before = cutoff_ms(now, settings.keep_points_days);
    return settings.coarse_s == 0 ? drop_oldest(session, 0, before, at_once)
                                  : make_coarse(session, settings.coarse_s, before, at_once);
}

}  // namespace windlass::metrics
