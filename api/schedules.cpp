// /api/schedules/: jobs that come again and again. What is stored here the scheduler runs when it is due.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "api/ask.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/json_fields.h"
#include "api/json_list.h"
#include "api/names.h"
#include "api/schedule_fields.h"
#include "api/schedules_repository.h"
#include "api/submission.h"
#include "api/submit_one.h"
#include "api/submit_references.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

// Environments, of the job or of each member of its array, hold secrets. They are shown with the one schedule that
// somebody asks for; in lists, and in the answer that is kept for an Idempotency-Key, they are left out.
enum class Environments { shown, left_out };

void leave_out_environments(rapidjson::Value& job) {
    if (!job.IsObject()) return;
    job.RemoveMember("env");
    if (const auto array = job.FindMember("array"); array != job.MemberEnd() && array->value.IsArray())
        job.RemoveMember(array);
}

// The member "body" of what is stored as the job.
std::string body_of(const std::string& stored, Environments environments) {
    auto document = parse_json(stored);
    if (!document || !document->IsObject() || !document->HasMember("body")) return "{}";
    if (environments == Environments::left_out) leave_out_environments((*document)["body"]);
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    (*document)["body"].Accept(json);
    return std::string(text_of(buffer));
}

void write_schedule(JsonWriter& json, const ScheduleView& schedule, WallTime now, Environments environments) {
    json.StartObject();
    put_text(json, "id", std::to_string(schedule.id));
    put_text(json, "owner", schedule.owner.text());
    put_text(json, "name", schedule.name);
    put_text(json, "cron", schedule.cron);
    put_text(json, "time_zone", schedule.time_zone);
    put_text(json, "overlap", word(schedule.overlap));
    put_text(json, "missed", word(schedule.missed));
    put_flag(json, "paused", schedule.paused);
    put_text(json, "created", time_text(schedule.created));
    json.Key("next");
    json.StartArray();
    for (const WallTime at : next_runs(schedule, now)) put(json, time_text(at));
    json.EndArray();
    json.Key("last_job");
    if (schedule.last_job)
        put(json, schedule.last_job.text());
    else
        json.Null();
    put_object(json, "job", body_of(schedule.job, environments));
    json.EndObject();
}

Response schedule_response(const Call& call, const ScheduleView& schedule, int status) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_schedule(json, schedule, call.app.clock.now().wall,
                   status == 201 ? Environments::left_out : Environments::shown);
    Response response = json_response(buffer, status);
    if (status == 201) response.headers.emplace_back("Location", fmt::format("/api/schedules/{}/", schedule.id));
    return response;
}

Problem no_such_schedule() {
    return not_found("There is no such schedule that you may see.");
}

OrProblem<ScheduleView> path_schedule(const Call& call) {
    const auto id = call.path_id();
    if (!id) return no_such_schedule();
    WINDLASS_TRY(auto schedule, call.app.schedules.one(*id));
    if (!schedule || !call.principal.may_see(schedule->owner)) return no_such_schedule();
    return *std::move(schedule);
}

// What was sent as the job, and the form in which the scheduler takes it. Its files become the owner's uploads.
OrProblem<std::string> stored_job(const Call& call, UserId owner, const rapidjson::Value& body) {
    auto parsed = parse_scheduled_job(body, call.app.settings);
    if (!parsed) return std::move(parsed).error();
    std::vector<OrProblem<SubmittedJob>> items;
    items.emplace_back(std::move(parsed).value());
    WINDLASS_TRY_STATUS(refuse_unknown_references(call, owner, items));
    if (!items.front()) return below(std::move(items.front()).error(), "/job");
    WINDLASS_TRY([[maybe_unused]] const bool stored, store_inline_files(call, owner, items));
    const std::string item = protocol::encode_item(item_of(std::move(items.front()).value()));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("body");
    body.Accept(json);
    put_object(json, "item", item);
    json.EndObject();
    return std::string(text_of(buffer));
}

OrProblem<Reply> set_paused(const Call& call, bool paused) {
    WINDLASS_TRY(auto schedule, path_schedule(call));
    // What would have run while it was paused was not missed.
    if (schedule.paused && !paused) schedule.planned = call.app.clock.now().wall;
    schedule.paused = paused;
    WINDLASS_TRY(const bool there, call.app.schedules.update(schedule));
    if (!there) return no_such_schedule();
    return tell_scheduler(call, protocol::SchedulesChanged{}, schedule_response(call, schedule, 200));
}

}  // namespace

OrProblem<Reply> list_schedules(const Call& call) {
    constexpr int per_step = 100;
    const UserId owner = call.principal.is_admin() ? UserId{} : call.principal.id;
    return list_reply(call,
                      [&app = call.app, owner, after = std::int64_t{0}](JsonWriter& json) mutable -> Result<bool> {
                          WINDLASS_TRY(const auto page, app.schedules.page(owner, after, per_step));
                          for (const auto& schedule : page)
                              write_schedule(json, schedule, app.clock.now().wall, Environments::left_out);
                          if (!page.empty()) after = page.back().id;
                          return page.size() == per_step;
                      });
}

OrProblem<Reply> create_schedule(const Call& call) {
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    const WallTime now = call.app.clock.now().wall;
    ScheduleView fresh;
    fresh.owner = call.principal.id;
    fresh.created = fresh.planned = now;
    WINDLASS_TRY(auto change, parse_schedule(document, fresh, true));
    WINDLASS_TRY(change.schedule.job, stored_job(call, call.principal.id, *change.job));
    const auto also = [&](Session& session, const ScheduleView& stored) {
        return call.key ? Idempotency::record(session, *call.key, schedule_response(call, stored, 201), now) : Status();
    };
    WINDLASS_TRY(const auto stored, call.app.schedules.create(std::move(change.schedule), also));
    return tell_scheduler(call, protocol::SchedulesChanged{}, schedule_response(call, stored, 201));
}

OrProblem<Reply> show_schedule(const Call& call) {
    WINDLASS_TRY(const auto schedule, path_schedule(call));
    return Reply(schedule_response(call, schedule, 200));
}

OrProblem<Reply> change_schedule(const Call& call) {
    WINDLASS_TRY(const auto before, path_schedule(call));
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    WINDLASS_TRY(auto change, parse_schedule(document, before, false));
    ScheduleView& schedule = change.schedule;
    if (change.job != nullptr) {
        WINDLASS_TRY(schedule.job, stored_job(call, schedule.owner, *change.job));
    }
    // A new plan begins now: what it would have run before was not missed.
    if (schedule.cron != before.cron || schedule.time_zone != before.time_zone || (before.paused && !schedule.paused))
        schedule.planned = call.app.clock.now().wall;
    WINDLASS_TRY(const bool there, call.app.schedules.update(schedule));
    if (!there) return no_such_schedule();
    return tell_scheduler(call, protocol::SchedulesChanged{}, schedule_response(call, schedule, 200));
}

OrProblem<Reply> delete_schedule(const Call& call) {
    WINDLASS_TRY(const auto schedule, path_schedule(call));
    WINDLASS_TRY([[maybe_unused]] const bool there, call.app.schedules.remove(schedule.id));
    return tell_scheduler(call, protocol::SchedulesChanged{}, no_content());
}

OrProblem<Reply> pause_schedule(const Call& call) {
    return set_paused(call, true);
}

OrProblem<Reply> resume_schedule(const Call& call) {
    return set_paused(call, false);
}

// Now, beside the plan: an ordinary job, whatever overlap and pause say.
OrProblem<Reply> run_schedule(const Call& call) {
    WINDLASS_TRY(const auto schedule, path_schedule(call));
    WINDLASS_TRY(const auto document, parse_json(body_of(schedule.job, Environments::shown)));
    WINDLASS_TRY(auto job, parse_scheduled_job(document, call.app.settings));
    return submit_one(call, schedule.owner, std::move(job), [&app = call.app, id = schedule.id](JobId made) {
        if (const auto stored = app.schedules.set_last_job(id, made); !stored)
            log::warning("schedule {}: its last job is not noted: {}", id, stored.error().message);
    });
}

}  // namespace windlass::api
