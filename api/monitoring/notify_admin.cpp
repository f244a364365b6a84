// POST /api/notify/admin: somebody without a right asks for it. The admins get a mail and an entry that they see.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "api/json_fields.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/text_reply.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

Mail mail_about(const UserInfo& user, std::string_view address) {
    return {"Windlass: a user asks for access",
            fmt::format("{}\n\nasks for access to Windlass.\n\nRoles: {}\nFrom the address: {}\n\nNobody has checked "
                        "who this is. Roles are given by PATCH /api/config/users/NAME.\n",
                        user.username, user.roles.empty() ? "none" : fmt::format("{}", fmt::join(user.roles, ", ")),
                        address)};
}

OrProblem<Reply> answer_to(const Status& sent) {
    if (sent) return text_reply("");
    auto problem = try_again_later("The mail server does not take it now. The admins see the request already.", 60);
    problem.log_only = sent.error().message;
    return problem;
}

}  // namespace

OrProblem<Reply> notify_admin(const Call& call) {
    auto& monitoring = call.app.monitoring;
    WINDLASS_TRY(const auto user, parse_user_info(call.request.body));
    const auto now = call.app.clock.now();
    if (const auto wait = monitoring.brake.take(call.request.remote_address, now.steady)) {
        auto problem = make_problem(429, "The admins were asked often lately. Try again later.");
        problem.retry_after_s = wait->count();
        return problem;
    }
    if (!monitoring.mail.configured())
        return try_again_later("This site has no mail server: ask its admins yourself.", 3'600);
    WINDLASS_TRY_STATUS(monitoring.notices.leave(user, call.request.remote_address, now.wall));
    Later later;
    later.start = [call, now, mail = mail_about(user, call.request.remote_address)](const Resumer& resume) {
        const auto taken = call.app.monitoring.mail.send(mail, now.wall, [call, resume](Status sent) {
            resume(call.then([sent = std::move(sent)] { return answer_to(sent); }));
        });
        if (!taken)
            resume(call.then([]() -> OrProblem<Reply> {
                return try_again_later("Another mail is on its way. The admins see the request already.");
            }));
    };
    return Reply(std::move(later));
}

OrProblem<Reply> list_notices(const Call& call) {
    WINDLASS_TRY(const auto notices, call.app.monitoring.notices.all());
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& notice : notices) {
        json.StartObject();
        put_number(json, "id", notice.id);
        put_text(json, "username", notice.username);
        json.Key("roles");
        json.StartArray();
        for (const auto& role : notice.roles) put(json, role);
        json.EndArray();
        put_text(json, "address", notice.address);
        put_number(json, "times", notice.times);
        put_text(json, "first", time_text(notice.first));
        put_text(json, "last", time_text(notice.last));
        json.EndObject();
    }
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> delete_notice(const Call& call) {
    const auto id = call.path_id();
    if (!id) return not_found("There is no such entry.");
    WINDLASS_TRY(const bool gone, call.app.monitoring.notices.remove(*id));
    if (!gone) return not_found("There is no such entry.");
    return Reply(no_content());
}

}  // namespace windlass::api
