// /api/tokens/ and /api/generateAPIKey: API tokens are made, listed and revoked. A token is told once, when it is made.
#include <fmt/format.h>

#include <string>

#include "api/audit/audited.h"
#include "api/auth/api_token.h"
#include "api/auth/credentials.h"
#include "api/auth/handlers.h"
#include "api/auth/tokens_repository.h"
#include "api/auth/whose.h"
#include "api/field_reader.h"
#include "api/json_fields.h"
#include "api/names.h"
#include "api/role_names.h"

namespace windlass::api {
namespace {

constexpr Seconds usual_lifetime{90 * 24 * 3600};
constexpr std::int64_t longest_lifetime_s = 10 * 366 * 24 * 3600LL;
constexpr std::size_t longest_label = 200;

struct TokenRequest {
    std::string label;
    std::optional<Scopes> scopes;
    std::optional<Roles> roles;
    std::optional<Seconds> lifetime = usual_lifetime;  // none: for ever
};

// The strings of a list; what is none of them is a fault.
std::vector<std::string> texts(FieldReader& fields, std::string_view key, bool& given) {
    std::vector<std::string> list;
    const auto* value = fields.any(key);
    given = value != nullptr;
    if (!given) return list;
    if (!value->IsArray() || value->Empty()) {
        fields.bad(key, "must be a list of words, and not an empty one");
        return list;
    }
    for (const auto& item : value->GetArray()) {
        if (item.IsString())
            list.emplace_back(text_of(item));
        else
            fields.bad(key, fmt::format("must be a list of words, not of {}", type_name(item)));
    }
    return list;
}

void read_scopes(FieldReader& fields, TokenRequest& request) {
    bool given = false;
    std::string words;
    for (const auto& word : texts(fields, "scopes", given)) words += word + " ";
    if (!given || words.empty()) return;
    if (const auto scopes = parse_scopes(words))
        request.scopes = *scopes;
    else
        fields.bad("scopes", to_valid_utf8(scopes.error().message));
}

void read_roles(FieldReader& fields, TokenRequest& request) {
    bool given = false;
    Roles roles;
    for (const auto& name : texts(fields, "roles", given)) {
        if (const auto role = role_named(name))
            roles = roles | *role;
        else
            fields.bad("roles", "the roles are user, job-control and admin");
    }
    if (given) request.roles = roles;
}

void read_lifetime(FieldReader& fields, TokenRequest& request) {
    const auto seconds = fields.integer("expires_in_s", 1, longest_lifetime_s);
    if (seconds) request.lifetime = Seconds{*seconds};
    const auto* never = fields.any("never_expires");
    if (never == nullptr) return;
    if (!never->IsBool()) return fields.bad("never_expires", "must be true or false");
    if (!never->GetBool()) return;
    if (seconds) fields.bad("never_expires", "contradicts expires_in_s");
    request.lifetime = std::nullopt;
}

OrProblem<TokenRequest> parse_request(std::string_view body) {
    WINDLASS_TRY(const auto document, parse_object(body));
    TokenRequest request;
    Faults faults;
    FieldReader fields(document, "", faults);
    if (const auto label = fields.required_text("label")) {
        request.label = *label;
        if (label->empty() || count_characters(*label) > longest_label)
            fields.bad("label", fmt::format("must have 1 to {} characters", longest_label));
    }
    read_scopes(fields, request);
    read_roles(fields, request);
    read_lifetime(fields, request);
    fields.refuse_others();
    if (faults.any()) return std::move(faults).problem();
    return request;
}

Problem beyond(std::string pointer, std::string sentence) {
    Problem problem = bad_field(std::move(pointer), std::move(sentence));
    problem.status = 403;
    return problem;
}

// No token opens more, or for longer, than what its maker came in with.
OrProblem<NewToken> lent(const Call& call, const TokenRequest& request) {
    const Principal& maker = call.principal;
    const WallTime now = call.app.clock.now().wall;
    std::optional<TokenView> own;
    if (maker.token != 0) {
        WINDLASS_TRY(own, call.app.tokens.find(maker.token, now));
    }
    NewToken token{make_api_token(), maker.id, request.label};
    token.scopes = request.scopes.value_or(maker.scopes);
    if (!maker.scopes.contains(token.scopes))
        return beyond("/scopes", "A token cannot make one with scopes that it does not have itself.");
    token.roles = request.roles;
    if (!token.roles && own && own->roles) token.roles = maker.roles;
    if (token.roles && !maker.is_admin() && (token.roles->mask & ~maker.roles.mask) != 0)
        return beyond("/roles", "You can only lend roles that you have yourself.");
    if (request.lifetime) token.expires = now + *request.lifetime;
    if (!token.expires && !maker.is_admin() && !call.app.settings.endless_tokens)
        return beyond("/never_expires", "Only admins make tokens that never expire here; say expires_in_s.");
    if (own && own->expires && (!token.expires || *token.expires > *own->expires))
        return beyond("/expires_in_s", "A token cannot make one that is good for longer than itself.");
    return token;
}

void write_token(JsonWriter& json, const TokenView& token, std::int64_t current, const std::string& secret = {}) {
    json.StartObject();
    put_text(json, "id", std::to_string(token.id));
    if (!secret.empty()) put_text(json, "token", secret);
    put_text(json, "prefix", token.prefix);
    put_text(json, "label", token.label);
    put_flag(json, "current", token.id == current);
    // null: whatever the account may.
    json.Key("scopes");
    if (token.scopes.is_all()) {
        json.Null();
    } else {
        json.StartArray();
        for (const auto name : names_of(token.scopes)) put(json, name);
        json.EndArray();
    }
    json.Key("roles");
    if (token.roles) {
        json.StartArray();
        for (const auto name : names_of(*token.roles)) put(json, name);
        json.EndArray();
    } else {
        json.Null();
    }
    put_text(json, "created", time_text(token.created));
    put_time_or_null(json, "expires", token.expires);
    put_time_or_null(json, "last_used", token.last_used);
    json.EndObject();
}

}  // namespace

OrProblem<Reply> list_tokens(const Call& call) {
    WINDLASS_TRY(const auto account, whose(call));
    WINDLASS_TRY(const auto tokens, call.app.tokens.list(account, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const auto& token : tokens) write_token(json, token, call.principal.token);
    json.EndArray();
    return Reply(json_response(buffer));
}

OrProblem<Reply> create_token(const Call& call) {
    WINDLASS_TRY(const auto request, parse_request(call.request.body));
    WINDLASS_TRY(const auto token, lent(call, request));
    WINDLASS_TRY(const auto added, call.app.tokens.add(token, call.app.clock.now().wall));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_token(json, added, call.principal.token, token.token);
    Response response = json_response(buffer, 201);
    response.headers.emplace_back("Location", fmt::format("/api/tokens/{}/", added.id));
    return Reply(std::move(response));
}

OrProblem<Reply> revoke_token(const Call& call) {
    const auto unknown = [] { return not_found("There is no such token that you may revoke."); };
    const auto id = call.path_id();
    if (!id) return unknown();
    WINDLASS_TRY(const auto owner, call.app.tokens.revoke(*id, owner_limit(call.principal), call.app.clock.now().wall));
    if (!owner) return unknown();
    call.app.credentials.forget(*owner);
    return Reply(no_content());
}

// For the prolog and epilog scripts of a cluster: the role job-control, and nothing beside it.
OrProblem<Reply> generate_api_key(const Call& call) {
    NewToken token{make_api_token(), call.principal.id, "/api/generateAPIKey"};
    token.roles = Role::job_control;
    token.scopes = Scopes();
    token.scopes.add(Scope::monitoring_read);
    token.scopes.add(Scope::monitoring_write);
    WINDLASS_TRY(const auto added, call.app.tokens.add(token, call.app.clock.now().wall));
    call.note->object = fmt::format("/api/tokens/{}/", added.id);
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    response.body = token.token;
    return Reply(std::move(response));
}

}  // namespace windlass::api
