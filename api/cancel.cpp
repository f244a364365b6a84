// POST /api/jobs/cancel/: many jobs at once, by their ids or by what they have in common. Goes on in pages, so that a
// million jobs are neither one message nor one transaction.
#include "api/cancel.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "api/accounts_repository.h"
#include "api/ask.h"
#include "api/field_reader.h"
#include "api/find_job.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/submit_fields.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_ids = 10'000;
constexpr std::size_t ids_per_page = 1'000;
constexpr std::int64_t largest_id = (std::int64_t{1} << 53) - 1;

// The next ids to cancel; nullopt: that was all. A page may be empty.
using NextPage = std::function<Result<std::optional<std::vector<JobId>>>()>;

struct CancelWish {
    std::vector<JobId> ids;
    bool by_filter = false;
    std::optional<JobId> array;
    std::optional<JobState> status;
    ActiveFilter filter;
    std::string name_part;  // in the form of name_key()
    std::string user;
    std::string reason;
};

std::optional<JobId> id_of(const rapidjson::Value& value) {
    std::int64_t id = 0;
    if (value.IsInt64()) id = value.GetInt64();
    if (value.IsString()) {
        const auto text = text_of(value);
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), id);
        if (failed != std::errc() || end != text.data() + text.size()) id = 0;
    }
    return id >= 1 && id <= largest_id ? std::optional(JobId{id}) : std::nullopt;
}

void read_ids(FieldReader& fields, const rapidjson::Value& values, std::vector<JobId>& ids, Faults& faults) {
    if (!values.IsArray()) return fields.bad("ids", fmt::format("must be an array, not {}", type_name(values)));
    if (values.Size() > most_ids)
        return fields.bad("ids", fmt::format("has {} ids; at most {} are possible: use a filter, or several requests",
                                             values.Size(), most_ids));
    std::size_t number = 0;
    for (const auto& value : values.GetArray()) {
        if (const auto id = id_of(value))
            ids.push_back(*id);
        else
            faults.bad(fmt::format("/ids/{}", number), "must be the id of a job");
        ++number;
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
}

void read_filter(const rapidjson::Value& object, bool admin, CancelWish& wish, Faults& faults) {
    FieldReader fields(object, "/filter", faults);
    if (object.MemberCount() == 0) faults.bad("/filter", "must not be empty: it would be every job");
    if (const auto word = fields.text("status")) {
        wish.status = job_state_named(*word);
        if (!wish.status || is_final(*wish.status))
            fields.bad("status", "must be one of blocked, queued, starting, running");
    }
    if (const auto tag = fields.text("tag")) {
        if (const auto fault = fault_of_tag(*tag); !fault.empty()) fields.bad("tag", std::string(fault));
        wish.filter.tag = *tag;
    }
    if (const auto queue = fields.text("queue")) {
        if (const auto fault = fault_of_queue_name(*queue); !fault.empty()) fields.bad("queue", std::string(fault));
        wish.filter.queue = *queue;
    }
    if (const auto part = fields.text("q")) wish.name_part = name_key(*part);
    if (const auto* array = fields.any("array")) {
        wish.array = id_of(*array);
        if (!wish.array) fields.bad("array", "must be the id of an array");
        for (const char* other : {"tag", "queue", "q", "user"})
            if (fields.any(other) != nullptr) fields.bad(other, "cannot stand beside array");
    }
    if (const auto user = fields.text("user")) {
        if (!admin) fields.bad("user", "is for admins; others cancel their own jobs");
        if (user->empty()) fields.bad("user", "must not be empty");
        wish.user = *user;
    }
    fields.refuse_others();
}

OrProblem<CancelWish> parse_request(const Call& call) {
    WINDLASS_TRY(const auto document, parse_object(call.request.body));
    CancelWish wish;
    Faults faults;
    FieldReader fields(document, "", faults);
    const auto* ids = fields.any("ids");
    const auto* filter = fields.object("filter");
    if ((ids == nullptr) == (fields.any("filter") == nullptr)) faults.bad("", "needs either ids or filter");
    if (ids != nullptr) read_ids(fields, *ids, wish.ids, faults);
    if (filter != nullptr) read_filter(*filter, call.principal.is_admin(), wish, faults);
    wish.by_filter = filter != nullptr;
    if (const auto reason = fields.text("reason")) {
        if (count_characters(*reason) > 200) fields.bad("reason", "must not be longer than 200 characters");
        wish.reason = *reason;
    }
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return wish;
}

struct Walk {
    NextPage next;
    std::string reason;
    std::int64_t cancelled = 0, requested = 0, not_active = 0;
    std::int64_t not_found = 0;  // of ids
};

NextPage pages_of(std::vector<JobId> ids) {
    return [ids = std::move(ids), at = std::size_t{0}]() mutable -> Result<std::optional<std::vector<JobId>>> {
        if (at == ids.size()) return std::optional<std::vector<JobId>>();
        const auto begin = ids.begin() + static_cast<std::ptrdiff_t>(at);
        at = std::min(at + ids_per_page, ids.size());
        return std::optional(std::vector<JobId>(begin, ids.begin() + static_cast<std::ptrdiff_t>(at)));
    };
}

// Members of an array in one state, window by window.
NextPage members_of(RelationsRepository& relations, const ArrayView& array, JobState status) {
    return [&relations, array, status, at = std::int64_t{0}]() mutable -> Result<std::optional<std::vector<JobId>>> {
        if (at >= array.count) return std::optional<std::vector<JobId>>();
        const std::int64_t last = std::min<std::int64_t>(at + ids_per_page, array.count) - 1;
        WINDLASS_TRY(const auto members, relations.members(array, array.member(at), array.member(last)));
        at = last + 1;
        std::vector<JobId> ids;
        for (const auto& member : members)
            if (member.line.state == status) ids.push_back(member.line.id);
        return std::optional(std::move(ids));
    };
}

NextPage matching(const Call& call, const CancelWish& wish) {
    return [&relations = call.app.relations, filter = wish.filter, part = wish.name_part, status = wish.status,
            before = newest, end = false]() mutable -> Result<std::optional<std::vector<JobId>>> {
        if (end) return std::optional<std::vector<JobId>>();
        WINDLASS_TRY(const auto step, relations.active(filter, before, static_cast<int>(ids_per_page)));
        before = step.cursor;
        end = step.end;
        std::vector<JobId> ids;
        for (const auto& job : step.matches) {
            if (!part.empty() && name_key(job.name).find(part) == std::string::npos) continue;
            JobState state = job.state;
            if (status && job.is_array && state == JobState::queued) {
                WINDLASS_TRY(const auto array, relations.array(job.id));
                if (array) state = array->shown_state();
            }
            if (!status || state == *status) ids.push_back(job.id);
        }
        return std::optional(std::move(ids));
    };
}

OrProblem<NextPage> by_filter(const Call& call, CancelWish& wish) {
    if (wish.array) {
        WINDLASS_TRY(const auto array, visible_array(call, *wish.array));
        if (!wish.status) return pages_of({array.id});
        return members_of(call.app.relations, array, *wish.status);
    }
    if (!call.principal.is_admin()) wish.filter.owner = call.principal.id;
    if (!wish.user.empty()) {
        WINDLASS_TRY(const auto account, call.app.accounts.by_login_name(wish.user));
        if (!account) return bad_field("/filter/user", "There is no such account.");
        wish.filter.owner = account->id;
    }
    return matching(call, wish);
}

Reply counts_reply(const Walk& walk) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_number(json, "cancelled", walk.cancelled);
    put_number(json, "requested", walk.requested);
    put_number(json, "not_active", walk.not_active);
    if (walk.not_found > 0) put_number(json, "not_found", walk.not_found);
    json.EndObject();
    return json_response(buffer);
}

OrProblem<Reply> go_on(const Call& call, const std::shared_ptr<Walk>& walk) {
    std::vector<JobId> ids;
    while (ids.empty()) {
        WINDLASS_TRY(auto page, walk->next());
        if (!page) return counts_reply(*walk);
        ids = *std::move(page);
    }
    const std::size_t asked = ids.size();
    return ask_scheduler(call, protocol::CancelJobs{{}, std::move(ids), walk->reason},
                         [call, walk, asked](const protocol::Message& got) -> OrProblem<Reply> {
                             const auto* answer = std::get_if<protocol::CancelAnswered>(&got);
                             if (answer == nullptr || answer->answers.size() != asked) return senseless_answer();
                             for (const auto each : answer->answers) {
                                 if (each == cancel_done)
                                     ++walk->cancelled;
                                 else
                                     ++(each == cancel_requested ? walk->requested : walk->not_active);
                             }
                             return go_on(call, walk);
                         });
}

}  // namespace

OrProblem<Reply> cancel_jobs(const Call& call) {
    WINDLASS_TRY(auto wish, parse_request(call));
    const auto walk = std::make_shared<Walk>();
    walk->reason = std::move(wish.reason);
    if (wish.by_filter) {
        WINDLASS_TRY(walk->next, by_filter(call, wish));
        return go_on(call, walk);
    }
    std::vector<JobId> own;
    if (!wish.ids.empty()) {
        WINDLASS_TRY(const auto owners, call.app.relations.owners(wish.ids));
        for (const JobId id : wish.ids) {
            const auto found = owners.find(id);
            if (found != owners.end() && call.principal.may_see(found->second)) own.push_back(id);
        }
    }
    walk->not_found = static_cast<std::int64_t>(wish.ids.size() - own.size());
    walk->next = pages_of(std::move(own));
    return go_on(call, walk);
}

}  // namespace windlass::api
