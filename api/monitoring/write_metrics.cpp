// POST /api/write/
#include "api/monitoring/handlers.h"
#include "api/monitoring/measurements.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/written_points.h"

namespace windlass::api {

OrProblem<Reply> write_metrics(const Call& call) {
    metrics::Precision precision;
    if (const auto word = call.query("precision"); !word.empty()) {
        const auto named = metrics::Precision::named(word);
        if (!named) return bad_field("?precision", "precision must be ns, us, ms, s, m or h.");
        precision = *named;
    }
    WINDLASS_TRY(const auto points, parse_written_points(call.request.body, precision, call.app.clock.now().wall));
    if (const Status added = Measurements(call.app.monitoring.pool).add(points); !added) return added.error();
    return Reply(no_content());
}

}  // namespace windlass::api
