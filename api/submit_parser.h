// What a client sends to submit a job, as a domain value. Pure.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "shared/config.h"
#include "shared/job.h"
#include "shared/json.h"

namespace windlass::api {

struct SubmittedJob {
    JobSpec spec;
    std::string_view code;  // views into the document it was read from
    std::string_view data;
};

// `value` is one submitted object. Faults: 400 for what is malformed, unknown or not supported yet, 422 for more than
// this site allows; pointers are relative to the object.
OrProblem<SubmittedJob> parse_submit(const rapidjson::Value& value, const Config::Api& settings);

// The items of a batch: a JSON array, or one JSON object per line (NDJSON). Each item is a job or its problem; the
// whole is a problem only when it cannot be taken apart.
struct ParsedBatch {
    rapidjson::Document array;      // what the views point into: the array, or
    std::deque<std::string> texts;  // copies of what stood in the lines (a document per line would be 64 KiB each)
    std::vector<OrProblem<SubmittedJob>> items;
};
OrProblem<ParsedBatch> parse_batch(std::string_view body, std::string_view content_type, const Config::Api& settings);

}  // namespace windlass::api
