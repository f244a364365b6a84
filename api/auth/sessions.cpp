// /api/sessions/: who is logged in as me, and from where; end a session.
#include "api/auth/sessions_repository.h"

#include <string>

#include "api/auth/credentials.h"
#include "api/auth/handlers.h"
#include "api/auth/whose.h"
#include "api/json_fields.h"

namespace windlass::api {

OrProblem<Reply> list_sessions(const Call& call) {
    WINDLASS_TRY(const auto account, whose(call));
    WINDLASS_TRY(const auto sessions, call.app.sessions.list(account, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& session : sessions) {
        json.StartObject();
        put_text(json, "id", session.id);
        put_flag(json, "current", session.id == call.principal.session);
        put_text(json, "label", session.label);
        put_text(json, "address", session.address);
        put_text(json, "created", time_text(session.created));
        put_text(json, "last_used", time_text(session.last_used));
        put_text(json, "expires", time_text(session.expires));
        json.EndObject();
    }
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> end_one_session(const Call& call) {
    WINDLASS_TRY(const auto owner, call.app.sessions.end(std::string(call.path[0]), owner_limit(call.principal),
                                                         call.app.clock.now().wall));
    if (!owner) return not_found("There is no such session that you may end.");
    call.app.credentials.forget(*owner);
    return Reply(no_content());
}

}  // namespace windlass::api
