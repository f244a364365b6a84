// /api/tiers/: what accounts may do with images. Everybody sees them; admins make, change and remove them.
#include <fmt/format.h>

#include <algorithm>

#include "api/accounts/handlers.h"
#include "api/accounts/tiers_repository.h"
#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/names.h"

namespace windlass::api {
namespace {

constexpr std::int64_t largest_height = 4096;
constexpr std::size_t most_heights = 20;

void write_tier(JsonWriter& json, const Tier& tier) {
    json.StartObject();
    put_text(json, "name", tier.name);
    json.Key("heights");
    json.StartArray();
    for (const auto height : tier.heights) json.Int64(height);
    json.EndArray();
    put_flag(json, "original", tier.original);
    put_flag(json, "expiring_links", tier.expiring_links);
    json.EndObject();
}

std::string_view fault_of_tier_name(std::string_view name) {
    if (const auto fault = fault_of_personal_name(name); !fault.empty()) return fault;
    if (count_characters(name) > 100) return "must not be longer than 100 characters";
    if (name != without_spaces_around(name)) return "must not have spaces around it";
    if (name.find('/') != std::string_view::npos) return "must not contain a slash";
    return {};
}

std::optional<std::vector<std::int64_t>> read_heights(FieldReader& fields) {
    const auto* value = fields.any("heights");
    if (value == nullptr) return std::nullopt;
    std::vector<std::int64_t> heights;
    const auto refused = [&](std::string detail) {
        fields.bad("heights", std::move(detail));
        return std::nullopt;
    };
    if (!value->IsArray())
        return refused(fmt::format("must be a list of heights in pixels, not {}", type_name(*value)));
    if (value->Size() > most_heights) return refused(fmt::format("must not have more than {} entries", most_heights));
    for (const auto& entry : value->GetArray()) {
        if (!entry.IsInt64() || entry.GetInt64() < 1 || entry.GetInt64() > largest_height)
            return refused(fmt::format("must be a list of whole numbers from 1 to {}", largest_height));
        heights.push_back(entry.GetInt64());
    }
    std::sort(heights.begin(), heights.end());
    if (std::adjacent_find(heights.begin(), heights.end()) != heights.end())
        return refused("must not have a height twice");
    return heights;
}

std::optional<bool> read_flag(FieldReader& fields, std::string_view key) {
    const auto* value = fields.any(key);
    if (value == nullptr) return std::nullopt;
    if (value->IsBool()) return value->GetBool();
    fields.bad(key, fmt::format("must be true or false, not {}", type_name(*value)));
    return std::nullopt;
}

OrProblem<TierChange> parse_change(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    Faults faults;
    FieldReader fields(document, "", faults);
    TierChange change;
    change.heights = read_heights(fields);
    change.original = read_flag(fields, "original");
    change.expiring_links = read_flag(fields, "expiring_links");
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return change;
}

}  // namespace

OrProblem<Reply> list_tiers(const Call& call) {
    WINDLASS_TRY(const auto tiers, call.app.tiers.all());
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& tier : tiers) write_tier(json, tier);
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> put_tier(const Call& call) {
    const std::string name(call.path[0]);
    if (const auto fault = fault_of_tier_name(name); !fault.empty())
        return make_problem(400, fmt::format("The name in the path {}.", fault));
    WINDLASS_TRY(const auto change, parse_change(call.request.body));
    WINDLASS_TRY(const auto stored, call.app.tiers.put(name, change, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_tier(json, stored.tier);
    return Reply(json_response(buffer, stored.fresh ? 201 : 200));
}

OrProblem<Reply> delete_tier(const Call& call) {
    WINDLASS_TRY(const auto removal, call.app.tiers.remove(std::string(call.path[0])));
    switch (removal) {
        case TierRemoval::unknown:
            return not_found("There is no tier of this name.");
        case TierRemoval::in_use:
            return make_problem(409, "Accounts have this tier, or get it when they are made; give them another first.");
        case TierRemoval::removed:
            break;
    }
    return Reply(no_content());
}

}  // namespace windlass::api
