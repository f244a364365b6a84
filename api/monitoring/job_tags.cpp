// POST /api/tags/add_tag and remove_tag: ?job= says which job.
#include <fmt/format.h>

#include <charconv>

#include "api/monitoring/any_case_fields.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/text_reply.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::size_t longest_name = 100;  // characters

OrProblem<JobMetadata> job_of_query(const Call& call) {
    const auto text = call.query("job");
    std::int64_t id = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size() || id < 1)
        return bad_field("?job", "job must be the number of a job.");
    return monitored_job(call, id);
}

OrProblem<std::string> parse_name(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    std::string name(without_spaces_around(fields.text("Name").value_or("")));
    if (is_blank(name))
        fields.bad("Name", "is required");
    else if (count_characters(name) > longest_name)
        fields.bad("Name", fmt::format("must not be longer than {} characters", longest_name));
    if (faults.any()) return std::move(faults).problem();
    return name;
}

OrProblem<std::int64_t> parse_id(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    AnyCaseFields fields(document, faults);
    const auto id = fields.integer("Id");
    if (!id) fields.bad("Id", "is required");
    if (faults.any()) return std::move(faults).problem();
    return *id;
}

Problem refused(TagRefusal refusal) {
    switch (refusal) {
        case TagRefusal::no_such_tag:
            return not_found("There is no such tag.");
        case TagRefusal::not_on_this_job:
            return not_found("The job does not have this tag.");
        case TagRefusal::of_somebody_else:
            return make_problem(403, "Only who made a tag, or an admin, may remove it.");
        case TagRefusal::too_many:
            break;
    }
    return make_problem(400, "The job has as many tags as a job can have.");
}

}  // namespace

OrProblem<Reply> add_tag(const Call& call) {
    WINDLASS_TRY(const auto name, parse_name(call.request.body));
    WINDLASS_TRY(const auto job, job_of_query(call));
    WINDLASS_TRY(const auto outcome,
                 call.app.monitoring.tags.add(job, name, call.principal.id, call.principal.is_admin(),
                                              call.app.clock.now().wall));
    if (const auto* refusal = std::get_if<TagRefusal>(&outcome)) return refused(*refusal);
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_job_tag(json, std::get<JobTag>(outcome));
    return Reply(json_response(buffer));
}

OrProblem<Reply> remove_tag(const Call& call) {
    WINDLASS_TRY(const auto id, parse_id(call.request.body));
    WINDLASS_TRY(const auto job, job_of_query(call));
    WINDLASS_TRY(const auto refusal, call.app.monitoring.tags.remove(job, id, MonitoredBy::of(call.principal)));
    if (refusal) return refused(*refusal);
    return text_reply("");
}

}  // namespace windlass::api
