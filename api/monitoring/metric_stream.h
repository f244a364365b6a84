// JobData and MetricData as JSON, made while the client takes them: what is in memory is one metric of the job, however
// many it has, and of raw points those of a few hosts.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/front/exchange.h"
#include "api/monitoring/measurements.h"

namespace windlass::api {

struct MetricAnswer {
    JobMetadata job;
    std::vector<MetricConfig> metrics;  // each with the AggFn by which it is shown
    ShownTime time;
    std::optional<std::string> node;  // as NodeList spells it
    std::int64_t interval_s = 30;
    std::vector<std::int64_t> intervals_s;
    bool raw = false;
    bool whole_job = true;  // JobData; false: MetricData of the one metric
};

// Reads the first metric at once: what fails there is still a proper error; what
// fails later breaks the answer off, and the log says why.
Result<std::shared_ptr<ChunkSource>> metric_stream(Measurements measurements, MetricAnswer answer,
                                                   std::string request_id);

}  // namespace windlass::api
