// The handlers of the courses family; logins are in auth/handlers.h.
#pragma once

#include "api/call.h"

namespace windlass::api {

// courses.cpp
OrProblem<Reply> list_courses(const Call& call);
OrProblem<Reply> show_course(const Call& call);
OrProblem<Reply> create_or_launch(const Call& call);
OrProblem<Reply> delete_course(const Call& call);
// deployments.cpp
OrProblem<Reply> launch(const Call& call);
OrProblem<Reply> list_deployments(const Call& call);
OrProblem<Reply> delete_deployment(const Call& call);
// classes.cpp
OrProblem<Reply> list_teachers(const Call& call);
OrProblem<Reply> add_teacher(const Call& call);
OrProblem<Reply> remove_teacher(const Call& call);
OrProblem<Reply> list_classes(const Call& call);
OrProblem<Reply> create_class(const Call& call);
OrProblem<Reply> delete_class(const Call& call);
OrProblem<Reply> list_class_members(const Call& call);
OrProblem<Reply> add_class_member(const Call& call);
OrProblem<Reply> remove_class_member(const Call& call);
OrProblem<Reply> add_class_course(const Call& call);
OrProblem<Reply> remove_class_course(const Call& call);
// service.cpp
OrProblem<Reply> forward_to_service(const Call& call);

}  // namespace windlass::api
