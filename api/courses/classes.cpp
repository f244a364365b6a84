// /v1/teacher/… and /v1/class/…: who may teach, and whom.
#include <fmt/format.h>

#include "api/courses/answers.h"
#include "api/courses/course_body.h"
#include "api/courses/handlers.h"
#include "api/field_reader.h"
#include "api/idempotency.h"
#include "api/json_fields.h"

namespace windlass::api {
namespace {

Problem no_such_class() {
    return not_found("There is no such class of yours.");
}

// Which its owner, or an admin, may change.
OrProblem<CourseClass> own_class(const Call& call) {
    const auto id = call.path_id(0);
    if (!id) return no_such_class();
    WINDLASS_TRY(auto one, call.app.courses.one_class(*id));
    if (!one || !call.principal.may_see(one->owner)) return no_such_class();
    return *std::move(one);
}

OrProblem<UserId> user_of_path(const Call& call, std::size_t index) {
    const auto name = call.path[index];
    if (is_valid_utf8(name) && name.find('\0') == std::string_view::npos) {
        WINDLASS_TRY(const auto account, call.app.courses.account(std::string(name)));
        if (account) return *account;
    }
    return not_found("There is no such user.");
}

OrProblem<Reply> set_teacher(const Call& call, bool teacher) {
    WINDLASS_TRY(const auto account, user_of_path(call, 0));
    WINDLASS_TRY_STATUS(call.app.courses.set_teacher(account, teacher, call.app.clock.now().wall));
    return Reply(course_response(fmt::format("{} is {} teacher", call.path[0], teacher ? "a" : "no")));
}

OrProblem<Reply> set_member(const Call& call, bool member) {
    WINDLASS_TRY(const auto one, own_class(call));
    WINDLASS_TRY(const auto account, user_of_path(call, 1));
    WINDLASS_TRY_STATUS(call.app.courses.set_member(one.id, account, member));
    return Reply(
        course_response(fmt::format("{} is {} class {}", call.path[1], member ? "now in" : "not in", one.name)));
}

// Both are his: nobody gives away the course of another teacher.
OrProblem<Reply> set_course(const Call& call, bool given) {
    WINDLASS_TRY(const auto one, own_class(call));
    const auto id = call.path_id(1);
    if (!id) return no_such_course(0);
    WINDLASS_TRY(const auto course, call.app.courses.one(*id));
    if (!course || !call.principal.may_see(course->owner)) return no_such_course(*id);
    WINDLASS_TRY_STATUS(call.app.courses.set_course(one.id, course->id, given));
    return Reply(course_response(
        fmt::format("course {} is {} class {}", course->name, given ? "now given to" : "not given to", one.name)));
}

}  // namespace

OrProblem<Reply> list_teachers(const Call& call) {
    WINDLASS_TRY(const auto names, call.app.courses.teachers());
    return Reply(course_response("", [&](JsonWriter& json) { put_names(json, "teachers", names); }));
}

OrProblem<Reply> add_teacher(const Call& call) {
    return set_teacher(call, true);
}

OrProblem<Reply> remove_teacher(const Call& call) {
    return set_teacher(call, false);
}

OrProblem<Reply> list_classes(const Call& call) {
    WINDLASS_TRY(const auto classes, call.app.courses.classes_of(call.principal.id, call.principal.is_admin()));
    return Reply(course_response("", [&](JsonWriter& json) {
        put_key(json, "classes");
        json.StartArray();
        for (const auto& one : classes) {
            json.StartObject();
            put_number(json, "class_id", one.id);
            put_text(json, "name", one.name);
            put_flag(json, "own", one.owner == call.principal.id);
            put_number(json, "members", one.members);
            put_key(json, "courses");
            json.StartArray();
            for (const auto course : one.courses) json.Int64(course);
            json.EndArray();
            json.EndObject();
        }
        json.EndArray();
    }));
}

OrProblem<Reply> create_class(const Call& call) {
    WINDLASS_TRY([[maybe_unused]] const bool teacher, require_teacher(call));
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(const auto name, parse_class_name(document));
    const WallTime now = call.app.clock.now().wall;
    const auto response = [](std::int64_t id) {
        return course_response(fmt::format("class {} is created", id),
                               [id](JsonWriter& json) { put_number(json, "class_id", id); });
    };
    const auto also = [&](Session& session, std::int64_t id) {
        return call.key ? Idempotency::record(session, *call.key, response(id), now) : Status();
    };
    WINDLASS_TRY(const auto id, call.app.courses.create_class(call.principal.id, name, now, also));
    return Reply(response(id));
}

OrProblem<Reply> delete_class(const Call& call) {
    WINDLASS_TRY(const auto one, own_class(call));
    WINDLASS_TRY_STATUS(call.app.courses.remove_class(one.id));
    return Reply(course_response(fmt::format("class {} is deleted", one.name)));
}

OrProblem<Reply> list_class_members(const Call& call) {
    WINDLASS_TRY(const auto one, own_class(call));
    WINDLASS_TRY(const auto names, call.app.courses.members(one.id));
    return Reply(course_response("", [&](JsonWriter& json) { put_names(json, "members", names); }));
}

OrProblem<Reply> add_class_member(const Call& call) {
    return set_member(call, true);
}

OrProblem<Reply> remove_class_member(const Call& call) {
    return set_member(call, false);
}

OrProblem<Reply> add_class_course(const Call& call) {
    return set_course(call, true);
}

OrProblem<Reply> remove_class_course(const Call& call) {
    return set_course(call, false);
}

}  // namespace windlass::api
