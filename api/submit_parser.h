// What a client sends to submit a job, as a domain value. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/problem.h"
#include "shared/config.h"
#include "shared/ids.h"
#include "shared/job.h"
#include "shared/json.h"

namespace windlass::api {

// One entry of `after`: a job by its id, or an item of the same batch by its name.
struct SubmittedDependency {
    JobId job;         // 0: by name
    std::string name;  // of an item of the same batch
    DependencyCondition condition = DependencyCondition::ok;

    bool operator==(const SubmittedDependency&) const = default;
};

struct SubmittedArray {
    std::int64_t count = 0;  // 0: no array
    std::optional<std::int64_t> max_fails;
    std::vector<std::map<std::string, std::string>> params;  // one per member, or empty

    bool operator==(const SubmittedArray&) const = default;
};

struct SubmittedJob {
    JobSpec spec;
    std::string_view code;  // views into the document it was read from, or into a store that outlives it
    std::string_view data;
    std::vector<SubmittedDependency> after;
    SubmittedArray array;
    // Bytes of input files that stood in the submit itself, under their SHA-256. (spec.files names them.)
    std::map<std::string, std::string> inline_files;
    JobId rerun_of;
};

inline constexpr std::int64_t most_array_members = 1'000'000;
inline constexpr std::size_t most_array_params = 100'000;

// `value` is one submitted object. Faults: 400 for what is malformed, unknown or not supported yet, 422 for more than
// this site allows; pointers are relative to the object.
OrProblem<SubmittedJob> parse_submit(const rapidjson::Value& value, const Config::Api& settings);

// The same fields, all of them optional, laid over a job that exists. `value` may also hold "only", which is handed
// back as text (empty: absent). What is given replaces; maps are replaced as a whole.
struct ParsedRerun {
    SubmittedJob job;
    std::string only;
};
OrProblem<ParsedRerun> parse_rerun(const rapidjson::Value& value, SubmittedJob base, const Config::Api& settings);

}  // namespace windlass::api
