// What the site has for jobs: for everybody what he may use, in the envelope of the courses family; for admins what is
// where, and who may see it.
#include <fmt/format.h>

#include <algorithm>

#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/site/handlers.h"
#include "api/site/site_names.h"
#include "api/site/site_permission.h"
#include "shared/site_names.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_entries = 200;
constexpr std::size_t most_label_characters = 200;

void write_workers(JsonWriter& json, const SiteThing& thing) {
    json.Key("workers");
    json.StartArray();
    for (const auto& [name, digest] : thing.workers) {
        json.StartObject();
        put_any_bytes(json, "name", name);
        if (thing.kind == SiteKind::image) put_any_bytes(json, "digest", digest);
        json.EndObject();
    }
    json.EndArray();
}

// Which worker has what is for those who run the site.
OrProblem<Reply> offered(const Call& call, SiteKind kind, std::string_view key) {
    WINDLASS_TRY(const auto things, call.app.site.all(kind));
    WINDLASS_TRY(const auto classes, classes_that_matter(call, things));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_flag(json, "error", false);
    put_key(json, key);
    json.StartArray();
    for (const SiteThing& thing : things) {
        if (!may_see(thing, call.principal, classes)) continue;
        json.StartObject();
        put_any_bytes(json, "label", thing.label.empty() ? thing.name : thing.label);
        put_any_bytes(json, "value", thing.name);
        if (call.principal.is_admin()) write_workers(json, thing);
        json.EndObject();
    }
    json.EndArray();
    json.EndObject();
    return Reply(json_response(buffer));
}

void write_thing(JsonWriter& json, const SiteThing& thing) {
    json.StartObject();
    put_text(json, "kind", thing.kind == SiteKind::image ? "image" : "dataset");
    put_any_bytes(json, "name", thing.name);
    put_any_bytes(json, "label", thing.label);
    put_flag(json, "declared", thing.declared);
    json.Key("visible_to");
    json.StartArray();
    for (const auto& entry : thing.visible_to) put(json, entry);
    json.EndArray();
    write_workers(json, thing);
    json.EndObject();
}

std::optional<std::vector<std::string>> read_visibility(FieldReader& fields, Faults& faults) {
    const auto* value = fields.any("visible_to");
    if (value == nullptr) return std::nullopt;
    std::vector<std::string> entries;
    if (!value->IsArray()) {
        fields.bad("visible_to", fmt::format("must be an array, not {}", type_name(*value)));
        return std::nullopt;
    }
    if (value->Size() > most_entries) {
        fields.bad("visible_to", fmt::format("has {} elements; at most {} are possible", value->Size(), most_entries));
        return std::nullopt;
    }
    std::size_t number = 0;
    for (const auto& entry : value->GetArray()) {
        const auto pointer = fmt::format("/visible_to/{}", number++);
        if (!entry.IsString())
            faults.bad(pointer, fmt::format("must be a string, not {}", type_name(entry)));
        else if (const auto fault = fault_of_visibility(text_of(entry)); !fault.empty())
            faults.bad(pointer, std::string(fault));
        else
            entries.emplace_back(text_of(entry));
    }
    return entries;
}

OrProblem<SiteThingChange> parse_change(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    FieldReader fields(document, "", faults);
    SiteThingChange change;
    if (const auto label = fields.text("label")) {
        if (count_characters(*label) > most_label_characters)
            fields.bad("label", "must not be longer than 200 characters");
        else
            change.label = *label;
    }
    change.visible_to = read_visibility(fields, faults);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

OrProblem<Reply> put_thing(const Call& call, SiteKind kind) {
    const std::string name(call.path[0]);
    if (const auto fault = fault_of_site_name(name); !fault.empty())
        return make_problem(400, fmt::format("The name in the path {}.", fault));
    WINDLASS_TRY(const auto change, parse_change(call.request.body));
    WINDLASS_TRY_STATUS(call.app.site.put(kind, name, change, call.app.clock.now().wall));
    WINDLASS_TRY(const auto things, call.app.site.all(kind));
    const auto found =
        std::find_if(things.begin(), things.end(), [&](const SiteThing& thing) { return thing.name == name; });
    if (found == things.end()) return make_problem(503, "It was removed at the same moment.");
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_thing(json, *found);
    return Reply(json_response(buffer));
}

OrProblem<Reply> delete_thing(const Call& call, SiteKind kind) {
    WINDLASS_TRY(const bool removed, call.app.site.remove(kind, std::string(call.path[0])));
    if (!removed) return not_found("Nothing was said about one of this name.");
    return Reply(no_content());
}

}  // namespace

OrProblem<Reply> offered_images(const Call& call) {
    return offered(call, SiteKind::image, "images");
}

OrProblem<Reply> offered_datasets(const Call& call) {
    return offered(call, SiteKind::dataset, "datasets");
}

OrProblem<Reply> list_site_things(const Call& call) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const SiteKind kind : {SiteKind::image, SiteKind::dataset}) {
        WINDLASS_TRY(const auto things, call.app.site.all(kind));
        for (const SiteThing& thing : things) write_thing(json, thing);
    }
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> put_site_image(const Call& call) {
    return put_thing(call, SiteKind::image);
}
OrProblem<Reply> put_site_dataset(const Call& call) {
    return put_thing(call, SiteKind::dataset);
}
OrProblem<Reply> delete_site_image(const Call& call) {
    return delete_thing(call, SiteKind::image);
}
OrProblem<Reply> delete_site_dataset(const Call& call) {
    return delete_thing(call, SiteKind::dataset);
}

}  // namespace windlass::api
