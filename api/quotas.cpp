// /api/quotas/: what tiers and single users may have; and /me/, one's own with what one has.
#include <utility>

#include "api/accounts_repository.h"
#include "api/ask.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/quotas_repository.h"
#include "api/render_quota.h"

namespace windlass::api {
namespace {

constexpr std::int64_t most_cpu_s = std::int64_t{9} * 1'000'000'000'000;  // as microseconds it still has 64 bits
constexpr std::int64_t most_of_others = (std::int64_t{1} << 53) - 1;

struct Subject {
    std::string stored;  // tier:NAME, user:ID
    std::string shown;   // tier:NAME, user:NAME
    std::optional<UserId> user;
    std::string tier;  // when it is one
};

OrProblem<Subject> path_subject(const Call& call) {
    const std::string text(call.path[0]);
    if (text.starts_with("tier:")) {
        const auto characters = count_characters(text) - 5;
        if (characters < 1 || characters > 100) return not_found("A tier's name is 1 to 100 characters.");
        return Subject{text, text, std::nullopt, text.substr(5)};
    }
    if (text.starts_with("user:")) {
        WINDLASS_TRY(const auto account, call.app.accounts.by_login_name(text.substr(5)));
        if (!account) return not_found("There is no such account.");
        return Subject{"user:" + account->id.text(), text, account->id, {}};
    }
    return not_found("A quota belongs to tier:NAME or user:NAME.");
}

void write_line(JsonWriter& json, std::string_view subject, const Quota& quota) {
    json.StartObject();
    put_text(json, "subject", subject);
    write_quota(json, quota);
    json.EndObject();
}

Response line_response(std::string_view subject, const Quota& quota) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_line(json, subject, quota);
    return json_response(buffer);
}

// null and absent: no limit of this kind.
std::optional<std::int64_t> read_number(FieldReader& fields, std::string_view key, std::int64_t most) {
    const auto* value = fields.any(key);
    if (value == nullptr || value->IsNull()) return std::nullopt;
    return fields.integer(key, 0, most);
}

OrProblem<Quota> parse_quota(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    FieldReader fields(document, "", faults);
    Quota quota;
    quota.queued = read_number(fields, "queued", most_of_others);
    quota.running = read_number(fields, "running", most_of_others);
    if (const auto seconds = read_number(fields, "cpu_s_per_day", most_cpu_s)) quota.cpu_per_day = Seconds{*seconds};
    quota.stored_bytes = read_number(fields, "stored_bytes", most_of_others);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return quota;
}

// The scheduler is told at once of those whose jobs wait or run. Everybody's next submit says it too.
OrProblem<Reply> tell(const Call& call, const Subject& subject, Response response) {
    protocol::SetQuotas news;
    if (subject.user) {
        WINDLASS_TRY(const auto quota, call.app.quotas.effective(*subject.user, call.app.clock.now().steady));
        news.users.push_back({*subject.user, quota});
    } else {
        WINDLASS_TRY(news.users, call.app.quotas.of_active_users(subject.tier));
        if (news.users.empty()) return Reply(std::move(response));
    }
    return tell_scheduler(call, std::move(news), std::move(response));
}

}  // namespace

OrProblem<Reply> list_quotas(const Call& call) {
    WINDLASS_TRY(const auto lines, call.app.quotas.all());
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& line : lines)
        write_line(json, line.username.empty() ? line.subject : "user:" + line.username, line.quota);
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> show_quota(const Call& call) {
    WINDLASS_TRY(const auto subject, path_subject(call));
    WINDLASS_TRY(const auto line, call.app.quotas.one(subject.stored));
    if (!line) return not_found("No quota is set for " + subject.shown + ".");
    return Reply(line_response(subject.shown, line->quota));
}

OrProblem<Reply> put_quota(const Call& call) {
    WINDLASS_TRY(const auto subject, path_subject(call));
    WINDLASS_TRY(const auto quota, parse_quota(call.request.body));
    WINDLASS_TRY_STATUS(call.app.quotas.put(subject.stored, quota));
    return tell(call, subject, line_response(subject.shown, quota));
}

OrProblem<Reply> delete_quota(const Call& call) {
    WINDLASS_TRY(const auto subject, path_subject(call));
    WINDLASS_TRY(const bool removed, call.app.quotas.remove(subject.stored));
    if (!removed) return not_found("No quota is set for " + subject.shown + ".");
    return tell(call, subject, no_content());
}

OrProblem<Reply> own_quota(const Call& call) {
    WINDLASS_TRY(const auto quota, call.app.quotas.effective(call.principal.id, call.app.clock.now().steady));
    WINDLASS_TRY(const auto usage, call.app.quotas.usage(call.principal.id, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    write_quota_and_usage(json, quota, usage);
    json.EndObject();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
