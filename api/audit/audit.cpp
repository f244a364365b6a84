// GET /api/audit/: what was done, by whom, from where.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "api/audit/audit_repository.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/json_list.h"

namespace windlass::api {
namespace {

constexpr int per_step = 500;
constexpr std::int64_t newest = (std::int64_t{1} << 53) - 1;

struct AuditQuery {
    std::optional<UserId> account;
    std::optional<int> limit;
    std::optional<std::int64_t> from;  // upwards, this one first; none: downwards
    std::int64_t before = newest;
};

OrProblem<std::optional<std::int64_t>> number(const Call& call, std::string_view name, std::int64_t most) {
    const auto& query = call.request.query;
    if (std::none_of(query.begin(), query.end(), [&](const auto& one) { return one.first == name; }))
        return std::optional<std::int64_t>();
    const auto text = call.query(name);
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size() || value < 1 || value > most)
        return bad_field(fmt::format("?{}", name), fmt::format("{} must be a number from 1 to {}.", name, most));
    return std::optional(value);
}

OrProblem<AuditQuery> parse_query(const Call& call) {
    AuditQuery query;
    WINDLASS_TRY(const auto account, number(call, "account", newest));
    if (account) query.account = UserId{*account};
    WINDLASS_TRY(const auto limit, number(call, "limit", 1000));
    if (limit) query.limit = static_cast<int>(*limit);
    WINDLASS_TRY(query.from, number(call, "from", newest));
    WINDLASS_TRY(const auto before, number(call, "before", newest));
    if (before && query.from) return bad_field("?before", "Either from (upwards) or before (downwards).");
    query.before = before.value_or(newest);
    return query;
}

void write_entry(JsonWriter& json, const AuditEntry& entry) {
    json.StartObject();
    put_number(json, "number", entry.number);
    put_text(json, "at", time_text(entry.at));
    put_number(json, "at_us", to_unix_us(entry.at));  // what the hash covers
    // A string like every id, and null for a caller who was nobody here.
    put_key(json, "account");
    if (entry.account)
        put(json, entry.account->text());
    else
        json.Null();
    put_text(json, "actor", entry.actor);
    put_text(json, "credential", entry.credential);
    put_text(json, "address", entry.address);
    put_text(json, "action", entry.action);
    put_text(json, "object", entry.object);
    put_number(json, "status", entry.status);
    put_text(json, "request_id", entry.request_id);
    put_text(json, "detail", entry.detail);
    put_text(json, "previous_hash", entry.previous_hash);
    put_text(json, "hash", entry.hash);
    json.EndObject();
}

}  // namespace

OrProblem<Reply> list_audit(const Call& call) {
    WINDLASS_TRY(auto query, parse_query(call));
    return list_reply(call, [&repository = call.app.audit_entries, query](JsonWriter& json) mutable -> Result<bool> {
        const int wanted = query.limit ? std::min(per_step, *query.limit) : per_step;
        if (wanted == 0) return false;
        auto page = query.from ? repository.upwards(*query.from, query.account, wanted)
                               : repository.downwards(query.before, query.account, wanted);
        if (!page) return std::move(page).error();
        for (const auto& entry : *page) write_entry(json, entry);
        if (static_cast<int>(page->size()) < wanted) return false;
        (query.from ? *query.from : query.before) = page->back().number + (query.from ? 1 : 0);
        if (query.limit) *query.limit -= wanted;
        return true;
    });
}

}  // namespace windlass::api
