// /api/blobs/: input files, uploaded under their SHA-256, whole or in pieces that can be resumed.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "api/blobs_repository.h"
#include "api/field_reader.h"
#include "api/handlers.h"
#include "api/json_fields.h"
#include "api/json_list.h"
#include "api/quotas_repository.h"
#include "api/submit_fields.h"
#include "api/submit_references.h"
#include "shared/digest.h"
#include "shared/frame.h"

namespace windlass::api {
namespace {

// It must fit into one message to a worker.
constexpr std::int64_t largest_blob = static_cast<std::int64_t>(max_frame_body_bytes);

OrProblem<std::string> path_hash(const Call& call) {
    const auto text = call.path[0];
    if (is_sha256(text)) return std::string(text);
    return not_found("An upload is addressed by its SHA-256: 64 hexadecimal digits in lower case.");
}

std::optional<std::int64_t> whole_number(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || text.front() == '-' || failed != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

struct Piece {
    std::int64_t offset = 0;
    std::optional<std::int64_t> total;  // nullopt: not said yet
};

// Content-Range: bytes FIRST-LAST/TOTAL or …/* (RFC 9110, 14.4)
OrProblem<Piece> parse_content_range(std::string_view text, std::int64_t body_bytes) {
    const auto bad = [] {
        return make_problem(400,
                            "Content-Range must be \"bytes FIRST-LAST/TOTAL\" or \"bytes FIRST-LAST/*\", and the body "
                            "must have those bytes.");
    };
    if (!text.starts_with("bytes ")) return bad();
    text.remove_prefix(6);
    const auto dash = text.find('-'), slash = text.find('/');
    if (dash == std::string_view::npos || slash == std::string_view::npos || dash > slash) return bad();
    const auto first = whole_number(text.substr(0, dash));
    const auto last = whole_number(text.substr(dash + 1, slash - dash - 1));
    const auto total_text = text.substr(slash + 1);
    const auto total = whole_number(total_text);
    if (!first || !last || (!total && total_text != "*")) return bad();
    if (*last < *first || *last - *first != body_bytes - 1 || (total && *last >= *total)) return bad();
    return Piece{*first, total};
}

// nullopt: the body is the whole file.
OrProblem<std::optional<Piece>> parse_piece(const Request& request) {
    const auto range = request.header("Content-Range");
    const auto offset = request.header("Upload-Offset");
    const auto length = request.header("Upload-Length");
    const auto bytes = static_cast<std::int64_t>(request.body.size());
    if (!range.empty() && !offset.empty())
        return make_problem(400, "Content-Range and Upload-Offset say the same thing; send one of them.");
    if (!range.empty()) {
        WINDLASS_TRY(const auto piece, parse_content_range(range, bytes));
        return std::optional(piece);
    }
    if (offset.empty()) return std::optional<Piece>();
    Piece piece;
    const auto first = whole_number(offset);
    if (!first || *first > largest_blob)
        return make_problem(400, "Upload-Offset must be the number of bytes that were sent before.");
    piece.offset = *first;
    if (!length.empty()) {
        piece.total = whole_number(length);
        if (!piece.total || piece.offset + bytes > *piece.total)
            return make_problem(400, "Upload-Length must be the size of the whole file.");
    }
    return std::optional(piece);
}

Response blob_response(const std::string& sha256, std::int64_t received, bool complete, int status) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_text(json, "sha256", sha256);
    json.Key(complete ? "size" : "received");
    json.Int64(received);
    json.EndObject();
    Response response = json_response(buffer, status);
    response.headers.emplace_back("Upload-Offset", std::to_string(received));
    if (complete) response.headers.emplace_back("Location", "/api/blobs/" + sha256 + "/");
    return response;
}

OrProblem<Reply> refuse_over_quota(const Call& call, std::int64_t most) {
    WINDLASS_TRY(const auto stored, call.app.quotas.stored_bytes(call.principal.id));
    return over_stored_quota(most, stored, static_cast<std::int64_t>(call.request.body.size()));
}

// `most`: the quota of stored bytes.
OrProblem<Reply> complete_upload(const Call& call, const std::string& sha256, std::string bytes,
                                 std::optional<std::int64_t> most) {
    if (sha256_hex(bytes) != sha256) {
        WINDLASS_TRY_STATUS(call.app.blobs.drop_pieces(call.principal.id, sha256));
        Problem problem =
            make_problem(422, "These bytes have another SHA-256 than the one in the path. The upload was dropped.");
        problem.headers.emplace_back("Upload-Offset", "0");
        return problem;
    }
    const auto size = static_cast<std::int64_t>(bytes.size());
    WINDLASS_TRY(const auto kept,
                 call.app.blobs.keep(call.principal.id, {{sha256, std::move(bytes)}}, most, call.app.clock.now().wall));
    if (kept == BlobKeeping::over_quota) return refuse_over_quota(call, *most);
    return Reply(blob_response(sha256, size, true, kept == BlobKeeping::kept ? 201 : 200));
}

Problem wrong_offset(std::int64_t have) {
    Problem problem = make_problem(
        409, fmt::format("{} bytes are here: go on from that offset (see the header Upload-Offset).", have));
    problem.headers.emplace_back("Upload-Offset", std::to_string(have));
    return problem;
}

OrProblem<Reply> take_piece(const Call& call, const std::string& sha256, const Piece& piece,
                            std::optional<std::int64_t> most) {
    const std::string& body = call.request.body;
    const UserId owner = call.principal.id;
    WINDLASS_TRY(const auto received, call.app.blobs.received(owner, sha256));
    if (piece.offset != received) return wrong_offset(received);
    if (!body.empty()) {
        const auto added = call.app.blobs.add_piece(owner, sha256, piece.offset, body, most, call.app.clock.now().wall);
        if (!added && added.error().kind == ErrorKind::conflict) {
            WINDLASS_TRY(const auto have, call.app.blobs.received(owner, sha256));
            return wrong_offset(have);
        }
        if (!added) return problem_of(added.error());
        if (*added == BlobKeeping::over_quota) return refuse_over_quota(call, *most);
    }
    const std::int64_t have = received + static_cast<std::int64_t>(body.size());
    if (!piece.total || have < *piece.total) return Reply(blob_response(sha256, have, false, 202));
    WINDLASS_TRY(auto whole, call.app.blobs.pieces(owner, sha256));
    return complete_upload(call, sha256, std::move(whole), most);
}

struct BlobPage {
    std::optional<int> limit;
    std::string after;
};

OrProblem<BlobPage> parse_page(const Call& call) {
    BlobPage page;
    const auto& query = call.request.query;
    if (std::any_of(query.begin(), query.end(), [](const auto& one) { return one.first == "limit"; })) {
        const auto number = whole_number(call.query("limit"));
        if (!number || *number < 1 || *number > 1000)
            return bad_field("?limit", "limit must be a whole number from 1 to 1000.");
        page.limit = static_cast<int>(*number);
    }
    page.after = call.query("after");
    if (!page.after.empty() && !is_sha256(page.after))
        return bad_field("?after", "after must be a cursor from a Link header.");
    return page;
}

void write_blob(JsonWriter& json, const BlobLine& blob) {
    json.StartObject();
    put_text(json, "sha256", blob.sha256);
    put_number(json, "size", blob.size_bytes);
    put_text(json, "created", time_text(blob.created));
    json.EndObject();
}

}  // namespace

OrProblem<Reply> put_blob(const Call& call) {
    WINDLASS_TRY(const auto sha256, path_hash(call));
    WINDLASS_TRY(const auto piece, parse_piece(call.request));
    WINDLASS_TRY(const auto owned, call.app.blobs.owned(call.principal.id, sha256));
    if (owned) return Reply(blob_response(sha256, owned->size_bytes, true, 200));
    const auto bytes = static_cast<std::int64_t>(call.request.body.size());
    const std::int64_t whole = piece ? std::max(piece->offset + bytes, piece->total.value_or(0)) : bytes;
    if (whole > largest_blob)
        return make_problem(413, fmt::format("An uploaded file has at most {} bytes.", largest_blob));
    WINDLASS_TRY(const auto most, check_stored_quota(call, call.principal.id, bytes));
    if (piece) return take_piece(call, sha256, *piece, most);
    return complete_upload(call, sha256, call.request.body, most);
}

OrProblem<Reply> get_blob(const Call& call) {
    WINDLASS_TRY(const auto sha256, path_hash(call));
    WINDLASS_TRY(const auto owned, call.app.blobs.owned(call.principal.id, sha256));
    if (!owned) {
        Problem problem =
            not_found("You have not uploaded this file, or not wholly; Upload-Offset says how much of it is here.");
        WINDLASS_TRY(const auto received, call.app.blobs.received(call.principal.id, sha256));
        problem.headers.emplace_back("Upload-Offset", std::to_string(received));
        return problem;
    }
    Response response;
    response.content_type = "application/octet-stream";
    response.headers = {{"Upload-Offset", std::to_string(owned->size_bytes)},
                        {"Content-Disposition", "attachment"},
                        {"Content-Security-Policy", "sandbox; default-src 'none'"}};
    WINDLASS_TRY(auto bytes, call.app.blobs.bytes(sha256));
    if (!bytes) return not_found("The bytes of this file are no longer kept.");
    response.body = *std::move(bytes);
    return Reply(std::move(response));
}

OrProblem<Reply> delete_blob(const Call& call) {
    WINDLASS_TRY(const auto sha256, path_hash(call));
    WINDLASS_TRY(const auto removal, call.app.blobs.remove(call.principal.id, sha256));
    if (removal == BlobRemoval::unknown) return not_found("You have not uploaded such a file.");
    if (removal == BlobRemoval::used_by_jobs)
        return make_problem(409, "Jobs of yours refer to this file; it is kept as long as they are.");
    return Reply(no_content());
}

OrProblem<Reply> list_blobs(const Call& call) {
    constexpr int per_step = 500;
    WINDLASS_TRY(auto wish, parse_page(call));
    if (!wish.limit)
        return list_reply(call,
                          [&blobs = call.app.blobs, owner = call.principal.id,
                           after = std::move(wish.after)](JsonWriter& json) mutable -> Result<bool> {
                              WINDLASS_TRY(const auto page, blobs.page(owner, after, per_step));
                              for (const auto& blob : page) write_blob(json, blob);
                              if (!page.empty()) after = page.back().sha256;
                              return page.size() == per_step;
                          });
    WINDLASS_TRY(auto page, call.app.blobs.page(call.principal.id, wish.after, *wish.limit + 1));
    std::vector<std::pair<std::string, std::string>> headers;
    if (std::cmp_greater(page.size(), *wish.limit)) {
        page.resize(static_cast<std::size_t>(*wish.limit));
        headers.emplace_back(
            "Link", fmt::format("</api/blobs/?after={}&limit={}>; rel=\"next\"", page.back().sha256, *wish.limit));
    }
    return list_reply(
        call,
        [page = std::move(page)](JsonWriter& json) -> Result<bool> {
            for (const auto& blob : page) write_blob(json, blob);
            return false;
        },
        std::move(headers));
}

}  // namespace windlass::api
