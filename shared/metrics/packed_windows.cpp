#include "shared/metrics/packed_windows.h"

#include "shared/database/hex.h"

namespace windlass::metrics {
namespace {

struct KeyArrays {
    ArrayText series, resolution, start;

    void add(const WindowKey& key) {
        series.add(key.series);
        resolution.add(key.resolution_s);
        start.add(key.start_ms);
    }
};

}  // namespace

Status read_windows(Session& session, PackedWindows& windows) {
    if (session.engine() == Engine::sqlite) {
        for (auto& [key, packed] : windows) {
            WINDLASS_TRY(const auto rows,
                         session.query("select packed from metric_window where series = :series and resolution_s = "
                                       ":resolution and start_ms = :start",
                                       key.series, key.resolution_s, key.start_ms));
            if (!rows.empty()) packed = rows.front().bytes(0);
        }
        return {};
    }
    KeyArrays keys;
    for (const auto& [key, unused] : windows) keys.add(key);
    WINDLASS_TRY(const auto rows,
                 session.query("select w.series, w.resolution_s, w.start_ms, w.packed from unnest(cast(:series as "
                               "bigint[]), cast(:resolution as bigint[]), cast(:start as bigint[])) as k(series, "
                               "resolution_s, start_ms) join metric_window w using (series, resolution_s, start_ms)",
                               keys.series.take(), keys.resolution.take(), keys.start.take()));
    for (const Row& row : rows) windows[{row.integer(0), row.integer(1), row.integer(2)}] = row.bytes(3);
    return {};
}

Status write_windows(Session& session, const PackedWindows& windows) {
    if (session.engine() == Engine::sqlite) {
        for (const auto& [key, packed] : windows) {
            WINDLASS_TRY_STATUS(as_status(session.execute(
                "insert into metric_window (series, resolution_s, start_ms, packed) values (:series, :resolution, "
                ":start, :packed) on conflict (series, resolution_s, start_ms) do update set packed = excluded.packed",
                key.series, key.resolution_s, key.start_ms, Bytes{packed})));
        }
        return {};
    }
    KeyArrays keys;
    ArrayText bytes;
    std::string hex;
    for (const auto& [key, packed] : windows) {
        keys.add(key);
        hex.clear();
        database::append_hex(hex, packed);
        bytes.add(std::string_view(hex));
    }
    auto written = session.execute(
        "insert into metric_window (series, resolution_s, start_ms, packed) select series, resolution_s, start_ms, "
        "decode(packed, 'hex') from unnest(cast(:series as bigint[]), cast(:resolution as bigint[]), cast(:start as "
        "bigint[]), cast(:packed as text[])) as r(series, resolution_s, start_ms, packed) on conflict (series, "
        "resolution_s, start_ms) do update set packed = excluded.packed",
        keys.series.take(), keys.resolution.take(), keys.start.take(), bytes.take());
    // The foreign key: a series that nobody had written to for as long as points are kept has just been deleted.
    if (!written && written.error().kind == ErrorKind::invalid)
        return make_error(ErrorKind::unavailable, "a series of metrics was deleted at the same moment: write it again");
    return as_status(std::move(written));
}

Status delete_windows(Session& session, const std::set<WindowKey>& windows) {
    if (session.engine() == Engine::sqlite) {
        for (const WindowKey& key : windows) {
            WINDLASS_TRY_STATUS(as_status(session.execute(
                "delete from metric_window where series = :series and resolution_s = :resolution and start_ms = :start",
                key.series, key.resolution_s, key.start_ms)));
        }
        return {};
    }
    KeyArrays keys;
    for (const WindowKey& key : windows) keys.add(key);
    return as_status(session.execute(
        "delete from metric_window w using unnest(cast(:series as bigint[]), cast(:resolution as bigint[]), "
        "cast(:start "
        "as bigint[])) as k(series, resolution_s, start_ms) where w.series = k.series and w.resolution_s = "
        "k.resolution_s and w.start_ms = k.start_ms",
        keys.series.take(), keys.resolution.take(), keys.start.take()));
}

}  // namespace windlass::metrics
