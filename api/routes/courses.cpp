// The family "courses".
#include "api/auth/handlers.h"
#include "api/courses/handlers.h"
#include "api/routes.h"
#include "api/site/handlers.h"

namespace windlass::api {
namespace {

constexpr Family family = Family::courses;
constexpr std::string_view whatever[] = {any_query};

// A service may change anything by any method, so all of them need the right to write.
constexpr Route forwarded(std::string_view method, std::string_view path) {
    return {method,
            path,
            family,
            Access::user,
            Scope::courses_write,
            forward_to_service,
            "The service of one's own deployment",
            whatever,
            Creates::no,
            Links::no,
            false};
}

constexpr Route table[] = {
    {"POST", "/v1/login/", Family::courses, Access::anyone, Scope::none, courses_login, "Log in with a password"},
    {"GET", "/v1/logout/", Family::courses, Access::anyone, Scope::none, courses_logout,
     "Log out; also without a session"},

    {"GET", "/v1/course/{user}/", family, Access::user, Scope::courses_read, list_courses,
     "Courses that one teaches or may launch"},
    {"POST",
     "/v1/course/{user}/",
     family,
     Access::user,
     Scope::courses_write,
     create_or_launch,
     "Make a course, or launch one",
     {},
     Creates::yes},
    {"GET", "/v1/course/{user}/{id}/", family, Access::user, Scope::courses_read, show_course, "One course"},
    {"DELETE", "/v1/course/{user}/{id}/", family, Access::user, Scope::courses_write, delete_course,
     "Delete a course and end its deployments"},
    {"POST",
     "/v1/job/launch/",
     family,
     Access::user,
     Scope::courses_write,
     launch,
     "Launch a course",
     {},
     Creates::yes},
    {"GET", "/v1/job/{user}/", family, Access::user, Scope::courses_read, list_deployments, "Running deployments"},
    {"DELETE", "/v1/job/{user}/{id}/", family, Access::user, Scope::courses_write, delete_deployment,
     "End a deployment"},

    {"GET", "/v1/teacher/", family, Access::admin, Scope::admin, list_teachers, "Who may make courses"},
    {"PUT", "/v1/teacher/{user}/", family, Access::admin, Scope::admin, add_teacher, "Make somebody a teacher"},
    {"DELETE", "/v1/teacher/{user}/", family, Access::admin, Scope::admin, remove_teacher,
     "Somebody is a teacher no more"},
    {"GET", "/v1/class/", family, Access::user, Scope::courses_read, list_classes, "Classes that one has or is in"},
    {"POST", "/v1/class/", family, Access::user, Scope::courses_write, create_class, "Make a class", {}, Creates::yes},
    {"DELETE", "/v1/class/{id}/", family, Access::user, Scope::courses_write, delete_class, "Delete a class"},
    {"GET", "/v1/class/{id}/member/", family, Access::user, Scope::courses_read, list_class_members,
     "Who is in a class"},
    {"PUT", "/v1/class/{id}/member/{user}/", family, Access::user, Scope::courses_write, add_class_member,
     "Somebody joins a class"},
    {"DELETE", "/v1/class/{id}/member/{user}/", family, Access::user, Scope::courses_write, remove_class_member,
     "Somebody leaves a class"},
    {"PUT", "/v1/class/{id}/course/{course}/", family, Access::user, Scope::courses_write, add_class_course,
     "Give a course to a class"},
    {"DELETE", "/v1/class/{id}/course/{course}/", family, Access::user, Scope::courses_write, remove_class_course,
     "Take a course from a class"},

    forwarded("GET", "/v1/service/{id}/"),
    forwarded("POST", "/v1/service/{id}/"),
    forwarded("GET", "/v1/service/{id}/{path...}"),
    forwarded("POST", "/v1/service/{id}/{path...}"),
    forwarded("PUT", "/v1/service/{id}/{path...}"),
    forwarded("PATCH", "/v1/service/{id}/{path...}"),
    forwarded("DELETE", "/v1/service/{id}/{path...}"),
    {"GET", "/v1/images/", Family::courses, Access::session, Scope::courses_read, offered_images,
     "The images of this site that the caller may use"},
    {"GET", "/v1/datasets/", Family::courses, Access::session, Scope::courses_read, offered_datasets,
     "The data sets of this site that the caller may use"},
};

}  // namespace

std::span<const Route> courses_routes() {
    return table;
}

}  // namespace windlass::api
