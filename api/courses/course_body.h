// What a teacher sends to make a course. Pure.
#pragma once

#include <optional>

#include "api/courses/courses_repository.h"
#include "api/problem.h"
#include "shared/json.h"

namespace windlass::api {

// Of POST /v1/course/:user: either a new course, or the launch of one.
struct CourseWish {
    std::optional<Course> course;  // without id and owner
    std::int64_t launch = 0;       // id of a course
};
OrProblem<CourseWish> parse_course_wish(const rapidjson::Value& body);

struct LaunchWish {
    std::string user;
    std::int64_t course = 0;
};
OrProblem<LaunchWish> parse_launch(const rapidjson::Value& body);

// 1 to 150 characters that are not all blank.
OrProblem<std::string> parse_class_name(const rapidjson::Value& body);

}  // namespace windlass::api
