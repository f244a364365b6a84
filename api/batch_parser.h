// The body of a batch, as one job or one problem for each item. Pure.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "api/submit_parser.h"

namespace windlass::api {

// The items of a batch: a JSON array, or one JSON object per line (NDJSON). Each item is a job or its problem; the
// whole is a problem only when it cannot be taken apart.
struct ParsedBatch {
    rapidjson::Document array;      // what the views point into: the array, or
    std::deque<std::string> texts;  // copies of what stood in the lines (a document per line would be 64 KiB each)
    std::vector<OrProblem<SubmittedJob>> items;
};
OrProblem<ParsedBatch> parse_batch(std::string_view body, std::string_view content_type, const Config::Api& settings);

}  // namespace windlass::api
