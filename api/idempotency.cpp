#include "api/idempotency.h"

#include <algorithm>
#include <utility>

#include "api/front/spool.h"
#include "api/json_fields.h"
#include "api/router.h"
#include "shared/digest.h"
#include "shared/json.h"

namespace windlass::api {
namespace {

constexpr std::size_t most_key_characters = 255;
constexpr Microseconds kept_for = std::chrono::hours{24};

// Parts with their lengths, so that no two lists of parts give the same text.
void add_part(std::string& text, std::string_view part) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
}

std::string request_text(const Request& request) {
    std::string text;
    add_part(text, request.path.ends_with('/') ? std::string_view(request.path).substr(0, request.path.size() - 1)
                                               : std::string_view(request.path));
    auto query = request.query;
    std::sort(query.begin(), query.end());
    for (const auto& [name, value] : query) {
        add_part(text, name);
        add_part(text, value);
    }
    add_part(text, "");
    add_part(text, request.body);
    // Of an upload the content, however large: the client asked for it by sending a key.
    constexpr std::int64_t piece_bytes = 64 * 1024;
    if (!request.spooled) return text;
    Sha256 content;
    for (std::int64_t at = 0; at < request.spooled->size(); at += piece_bytes) {
        const auto piece = request.spooled->read(at, piece_bytes);
        content.add(piece ? *piece : piece.error().message);
    }
    add_part(text, content.hex());
    return text;
}

std::string stored(const Response& answer) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "body", answer.body);
    json.Key("headers");
    json.StartObject();
    for (const auto& [name, value] : answer.headers) {
        put_key(json, name);
        put(json, value);
    }
    json.EndObject();
    json.EndObject();
    return std::string(text_of(buffer));
}

Result<Response> restored(std::int64_t status, const std::string& text) {
    WINDLASS_TRY(const auto document, parse_json(text));
    if (!document.IsObject() || !document.HasMember("body") || !document["body"].IsString() ||
        !document.HasMember("headers") || !document["headers"].IsObject())
        return make_error(ErrorKind::internal, "a row of idempotency_key holds no answer");
    Response response;
    response.status = static_cast<int>(status);
    response.body = text_of(document["body"]);
    for (const auto& header : document["headers"].GetObject())
        response.headers.emplace_back(text_of(header.name), text_of(header.value));
    return response;
}

}  // namespace

OrProblem<std::optional<IdempotencyKey>> read_idempotency_key(const Request& request, const Route& route,
                                                              const Principal& principal) {
    bool present = false;
    for (const auto& [name, value] : request.headers)
        present =
            present || (name.size() == 15 && std::equal(name.begin(), name.end(), "idempotency-key",
                                                        [](char a, char b) { return (a | 0x20) == b || a == b; }));
    if (!present) return std::optional<IdempotencyKey>();
    const std::string_view key = request.header("Idempotency-Key");
    const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    if (key.empty() || key.size() > most_key_characters || !printable)
        return make_problem(400, "Idempotency-Key must be 1 to 255 printable ASCII characters.");
    const std::string text = request_text(request);
    std::string scope, body;
    add_part(scope, principal.id.text());
    add_part(scope, route.path);
    add_part(scope, key);
    if (!principal.id) add_part(scope, text);
    add_part(body, key);
    body += text;
    return std::optional(IdempotencyKey{principal.id, std::string(route.path), sha256_hex(scope), sha256_hex(body)});
}

std::shared_ptr<void> Idempotency::claim(const IdempotencyKey& key) {
    {
        const std::lock_guard lock(claims_->mutex);
        if (!claims_->keys.insert(key.key).second) return nullptr;
    }
    return std::shared_ptr<void>(claims_.get(), [claims = claims_, name = key.key](void*) {
        const std::lock_guard lock(claims->mutex);
        claims->keys.erase(name);
    });
}

Result<std::optional<Idempotency::Earlier>> Idempotency::find(const IdempotencyKey& key, WallTime now) {
    WINDLASS_TRY(const auto session, pool_.lease());
    WINDLASS_TRY(const auto rows,
                 session->query("select body_sha256, status, answer from idempotency_key where account = :account "
                                "and route = :route and key = :key and created_us > :oldest",
                                key.account.value, key.route, key.key, to_unix_us(now - kept_for)));
    if (rows.empty()) return std::optional<Earlier>();
    const Row& row = rows.front();
    Earlier earlier{row.text(0) == key.body_sha256, std::nullopt};
    if (const auto status = row.integer_or_null(1)) {
        WINDLASS_TRY(earlier.answer, restored(*status, row.text_or_null(2).value_or("")));
    }
    return std::optional(std::move(earlier));
}

Status Idempotency::record(Session& session, const IdempotencyKey& key, const Response& answer, WallTime now) {
    WINDLASS_TRY(
        [[maybe_unused]] const auto forgotten,
        session.execute("delete from idempotency_key where created_us <= :oldest", to_unix_us(now - kept_for)));
    const auto inserted = session.execute(
        "insert into idempotency_key (account, route, key, body_sha256, created_us, first_job, job_count, status, "
        "answer) values (:account, :route, :key, :body, :now, null, null, :status, :answer)",
        key.account.value, key.route, key.key, key.body_sha256, to_unix_us(now), answer.status, stored(answer));
    if (inserted) return Status();
    if (inserted.error().kind != ErrorKind::conflict) return inserted.error();
    return make_error(ErrorKind::conflict,
                      "A request with this Idempotency-Key was just carried out. Send it again for its answer.");
}

}  // namespace windlass::api
