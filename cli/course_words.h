// What a person says of courses, classes and deployments on the command line, and how it becomes a request. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "shared/json.h"
#include "shared/result.h"

namespace windlass::cli {

struct CourseWords {
    std::string name;
    std::string image;
    std::vector<std::string> datasets;
    std::string description;  // text, or @FILE
    std::string level;
    std::optional<std::int64_t> gpu;
    std::string command;
    std::optional<std::int64_t> port;
    std::string check_path;
};

// The body of POST /v1/course/{user}/. invalid: the file of the description cannot be read.
Result<std::string> course_body(const CourseWords& words);

// The course that somebody means in the answer of GET /v1/course/{user}/: by its id, or by its name.
//   not_found  there is none; invalid  several have this name: the message lists their ids
Result<std::int64_t> find_course(const rapidjson::Value& answer, const std::string& word);

struct RunningDeployment {
    std::int64_t job = 0;
    std::string status;
    std::string address;
};
// The deployment that somebody means in the answer of GET /v1/job/{user}/: by the id of its job, or by the name of its
// course; an empty word is the only one that runs. Errors as above.
Result<RunningDeployment> find_deployment(const rapidjson::Value& answer, const std::string& word);

}  // namespace windlass::cli
