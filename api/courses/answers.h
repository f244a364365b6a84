// What the handlers of courses have in common: the envelope of their answers, and whose things a path names.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "api/call.h"
#include "api/courses/courses_repository.h"
#include "api/site/site_repository.h"

namespace windlass::api {

// {"error": false, "message": …, and whatever `more` adds}. An empty message is left out.
Response course_response(std::string_view message, const std::function<void(JsonWriter&)>& more = {});
void put_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names);

// The account that the path (or the body) names, which must be the caller's unless he is an admin: 403 otherwise,
// whether there is such an account or not.
OrProblem<UserId> named_user(const Call& call, std::string_view name);

// 403 for all but teachers and admins.
OrProblem<bool> require_teacher(const Call& call);

Problem no_such_course(std::int64_t id);
// 404 too where there is one that he may not see.
OrProblem<Course> visible_course(const Call& call, UserId account, std::int64_t id);

// What of a course's image and data sets the caller cannot use, if any.
struct CoursePart {
    SiteKind kind;
    std::string name;
};
Result<std::optional<CoursePart>> unusable_part(const Call& call, const Course& course);

// deployments.cpp: launches it for this account, who may.
OrProblem<Reply> launch_course(const Call& call, UserId account, const Course& course);

}  // namespace windlass::api
