// POST /api/links/: a signed link to a result, one of its files, or a log.
#include <fmt/format.h>

#include "api/auth/signing_keys.h"
#include "api/field_reader.h"
#include "api/front/target.h"
#include "api/handlers.h"
#include "api/links/signed_link.h"
#include "api/rfc3339.h"

namespace windlass::api {
namespace {

struct WantedLink {
    std::string target;
    Seconds lifetime{3600};
};

OrProblem<WantedLink> parse_link(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    WantedLink link;
    Faults faults;
    FieldReader fields(document, "", faults);
    if (const auto path = fields.required_text("path")) link.target = *path;
    if (const auto seconds = fields.integer("expires_in_s", shortest_link.count(), longest_link.count()))
        link.lifetime = Seconds{*seconds};
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return link;
}

}  // namespace

OrProblem<Reply> create_link(const Call& call) {
    WINDLASS_TRY(const auto link, parse_link(call.request.body));
    const auto refused = [] {
        return bad_field("/path",
                         "must be the path of a result, of a file of one, or of a job's log on this server, e.g. "
                         "/api/results/7/files/plot.png");
    };
    const auto parsed = parse_target(link.target);
    if (!parsed) return refused();
    const RouteMatch match = call.router.find("GET", parsed->path);
    if (match.route == nullptr || match.route->links != Links::yes || looks_signed(link.target)) return refused();
    const WallTime expires = call.app.clock.now().wall + link.lifetime;
    const std::string target = signed_target(*call.app.signing_keys.get(), link.target, call.principal.id, expires);

    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    json.Key("url");
    put(json, fmt::format("{}://{}{}", call.request.scheme, call.request.host, target));
    json.Key("expires");
    put(json, time_text(expires));
    json.EndObject();
    return Reply(json_response(buffer, 201));
}

}  // namespace windlass::api
