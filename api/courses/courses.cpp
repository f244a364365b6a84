// /v1/course/…: what teachers prepare.
#include <fmt/format.h>

#include "api/ask.h"
#include "api/courses/answers.h"
#include "api/courses/course_body.h"
#include "api/courses/handlers.h"
#include "api/field_reader.h"
#include "api/idempotency.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/site/site_names.h"

namespace windlass::api {
namespace {

OrProblem<bool> refuse_unusable(const Call& call, const Course& course) {
    WINDLASS_TRY(const auto unusable, unusable_part(call, course));
    if (!unusable) return true;
    return make_problem(400, fmt::format("{}: this site has none that is called \"{}\"",
                                         unusable->kind == SiteKind::image ? "image" : "dataset", unusable->name));
}

void write_course(JsonWriter& json, const Course& course) {
    put_number(json, "course_id", course.id);
    put_text(json, "course_name", course.name);
    put_text(json, "image", course.image);
    put_names(json, "dataset", course.datasets);
}

OrProblem<Reply> create_course(const Call& call, UserId owner, Course course) {
    WINDLASS_TRY([[maybe_unused]] const bool teacher, require_teacher(call));
    WINDLASS_TRY([[maybe_unused]] const bool known, refuse_unusable(call, course));
    course.owner = owner;
    const WallTime now = call.app.clock.now().wall;
    const auto response = [](std::int64_t id) {
        return course_response(fmt::format("course {} is create successfully", id),
                               [id](JsonWriter& json) { put_number(json, "course_id", id); });
    };
    const auto also = [&](Session& session, std::int64_t id) {
        return call.key ? Idempotency::record(session, *call.key, response(id), now) : Status();
    };
    WINDLASS_TRY(const auto id, call.app.courses.create(course, now, also));
    return Reply(response(id));
}

}  // namespace

Result<std::optional<CoursePart>> unusable_part(const Call& call, const Course& course) {
    SiteNames site(call);
    WINDLASS_TRY(const bool image, site.may_use(SiteKind::image, course.image));
    if (!image) return std::optional(CoursePart{SiteKind::image, course.image});
    for (const std::string& name : course.datasets) {
        WINDLASS_TRY(const bool usable, site.may_use(SiteKind::dataset, name));
        if (!usable) return std::optional(CoursePart{SiteKind::dataset, name});
    }
    return std::optional<CoursePart>();
}

Response course_response(std::string_view message, const std::function<void(JsonWriter&)>& more) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_flag(json, "error", false);
    if (!message.empty()) put_text(json, "message", message);
    if (more) more(json);
    json.EndObject();
    return json_response(buffer);
}

void put_names(JsonWriter& json, std::string_view key, const std::vector<std::string>& names) {
    put_key(json, key);
    json.StartArray();
    for (const auto& name : names) put(json, name);
    json.EndArray();
}

OrProblem<UserId> named_user(const Call& call, std::string_view name) {
    if (is_valid_utf8(name) && name_key(name) == name_key(call.principal.username)) return call.principal.id;
    if (!call.principal.is_admin()) return make_problem(403, "This is another user's; only admins may.");
    WINDLASS_TRY(const auto account, is_valid_utf8(name) && name.find('\0') == std::string_view::npos
                                         ? call.app.courses.account(std::string(name))
                                         : Result<std::optional<UserId>>(std::optional<UserId>()));
    if (!account) return not_found("There is no such user.");
    return *account;
}

OrProblem<bool> require_teacher(const Call& call) {
    if (call.principal.is_admin()) return true;
    WINDLASS_TRY(const bool teacher, call.app.courses.is_teacher(call.principal.id));
    if (!teacher)
        return make_problem(403, "Only teachers may do this; an admin makes one with PUT /v1/teacher/{user}/.");
    return true;
}

Problem no_such_course(std::int64_t id) {
    return not_found(fmt::format("There is no course {} that you may see.", id));
}

OrProblem<Course> visible_course(const Call& call, UserId account, std::int64_t id) {
    WINDLASS_TRY(auto course, call.app.courses.one(id));
    if (!course) return no_such_course(id);
    if (call.principal.is_admin()) return *std::move(course);
    WINDLASS_TRY(const bool may, call.app.courses.may_see(account, *course));
    if (!may) return no_such_course(id);
    return *std::move(course);
}

OrProblem<Reply> list_courses(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    const bool all = call.principal.is_admin() && account == call.principal.id;
    WINDLASS_TRY(const auto courses, call.app.courses.visible(account, all));
    return Reply(course_response("", [&](JsonWriter& json) {
        put_key(json, "courses");
        json.StartArray();
        for (const auto& course : courses) {
            json.StartObject();
            write_course(json, course);
            json.EndObject();
        }
        json.EndArray();
    }));
}

OrProblem<Reply> show_course(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    const auto id = call.path_id(1);
    if (!id) return no_such_course(0);
    WINDLASS_TRY(const auto course, visible_course(call, account, *id));
    return Reply(course_response("", [&](JsonWriter& json) {
        put_key(json, "course");
        json.StartObject();
        write_course(json, course);
        put_text(json, "description", course.description);
        put_text(json, "level", course.level);
        put_number(json, "gpu", course.gpu);
        put_text(json, "command", course.command);
        put_number(json, "port", course.port);
        put_text(json, "check_path", course.check_path);
        put_flag(json, "own", course.owner == account);
        json.EndObject();
    }));
}

OrProblem<Reply> create_or_launch(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(auto wish, parse_course_wish(document));
    if (wish.course) return create_course(call, account, *std::move(wish.course));
    WINDLASS_TRY(const auto course, visible_course(call, account, wish.launch));
    return launch_course(call, account, course);
}

OrProblem<Reply> delete_course(const Call& call) {
    WINDLASS_TRY(const auto account, named_user(call, call.path[0]));
    const auto id = call.path_id(1);
    if (!id) return no_such_course(0);
    WINDLASS_TRY(const auto course, visible_course(call, account, *id));
    if (course.owner != account && !call.principal.is_admin())
        return make_problem(403, "Only the teacher who made this course, or an admin, may delete it.");
    const auto remove = [&app = call.app, course]() -> OrProblem<Reply> {
        WINDLASS_TRY_STATUS(app.courses.remove(course.id));
        return Reply(course_response(fmt::format("course {} delete successfully", course.name)));
    };
    WINDLASS_TRY(auto jobs, call.app.courses.jobs_of_course(course.id));
    if (jobs.empty()) return remove();
    protocol::CancelJobs cancel{{}, std::move(jobs), "its course was deleted"};
    return ask_scheduler(call, std::move(cancel), [remove](const protocol::Message& answer) -> OrProblem<Reply> {
        if (!std::holds_alternative<protocol::CancelAnswered>(answer)) return senseless_answer();
        return remove();
    });
}

}  // namespace windlass::api
