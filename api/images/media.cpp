// /api/media/{name}: the bytes of images and thumbnails, to their owner or by a signed link; and the links.
#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "api/auth/signing_keys.h"
#include "api/blobs_repository.h"
#include "api/byte_range.h"
#include "api/images/handlers.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "api/images/render_image.h"
#include "api/json_fields.h"
#include "api/links/signed_link.h"

namespace windlass::api {
namespace {

constexpr std::int64_t shortest_s = 300, longest_s = 30'000;

Problem no_such_media() {
    return not_found("Not found.");
}

Response media_response(const MediaName& name, const MediaFile& file, const std::string& tag) {
    Response response;
    response.content_type = content_type_of(file.media);
    response.headers = {{"ETag", tag},
                        {"Accept-Ranges", "bytes"},
                        {"Cache-Control", "private, no-cache"},
                        {"Vary", "Authorization, Cookie"},
                        {"Content-Security-Policy", "sandbox; default-src 'none'"},
                        {"Content-Disposition", fmt::format("inline; filename=\"{}\"", text_of(name))}};
    return response;
}

// RFC 9110 section 13.1.2: "*" or a list; only strong tags are ours.
bool names_tag(std::string_view header, std::string_view tag) {
    while (!header.empty()) {
        const auto comma = std::min(header.find(','), header.size());
        auto one = header.substr(0, comma);
        header.remove_prefix(std::min(comma + 1, header.size()));
        while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
        while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
        if (one.starts_with("W/")) one.remove_prefix(2);
        if (one == "*" || one == tag) return true;
    }
    return false;
}

std::optional<std::int64_t> wanted_lifetime(std::string_view text) {
    std::int64_t seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    if (seconds < shortest_s || seconds > longest_s) return std::nullopt;
    return seconds;
}

}  // namespace

OrProblem<Reply> get_media(const Call& call) {
    const auto name = parse_media_name(call.path[0]);
    if (!name) return no_such_media();
    WINDLASS_TRY(const auto file, call.app.images.file(call.principal.id, name->image, name->height));
    if (!file || file->media != name->media) return no_such_media();
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    if (looks_signed(call.request.target)) {
        if (!rights.expiring_links) return not_found("This link is not good, or no longer.");
    } else if (name->height == 0 && !rights.original) {
        return make_problem(403, "Your tier does not include the original image.");
    }
    const std::string tag = '"' + file->sha256 + '"';
    Response response = media_response(*name, *file, tag);
    if (names_tag(call.request.header("If-None-Match"), tag)) {
        response.status = 304;
        return Reply(std::move(response));
    }
    const auto if_range = call.request.header("If-Range");
    const auto range = if_range.empty() || if_range == tag ? parse_range(call.request.header("Range"), file->size_bytes)
                                                           : decltype(parse_range({}, 0))(WholeThing{});
    if (std::holds_alternative<Unsatisfiable>(range)) {
        Problem problem =
            make_problem(416, fmt::format("It has {} bytes; none of them was asked for.", file->size_bytes));
        problem.headers.emplace_back("Content-Range", fmt::format("bytes */{}", file->size_bytes));
        return problem;
    }
    WINDLASS_TRY(auto bytes, call.app.blobs.bytes(file->sha256));
    if (!bytes) return no_such_media();  // deleted at this moment
    response.body = *std::move(bytes);
    if (const auto* part = std::get_if<ByteRange>(&range)) {
        response.status = 206;
        response.headers.emplace_back("Content-Range",
                                      fmt::format("bytes {}-{}/{}", part->first, part->last, file->size_bytes));
        response.body =
            response.body.substr(static_cast<std::size_t>(part->first), static_cast<std::size_t>(part->size()));
    }
    return Reply(std::move(response));
}

OrProblem<Reply> make_image_link(const Call& call) {
    const auto lifetime = wanted_lifetime(call.query("time"));
    if (!lifetime)
        return bad_field("?time", fmt::format("Say how many seconds the link is to live: a whole number from {} to {}.",
                                              shortest_s, longest_s));
    const auto id = call.path_id();
    if (!id) return no_such_media();
    WINDLASS_TRY(const auto image, call.app.images.one(call.principal.id, ImageId{*id}));
    if (!image) return no_such_media();
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    if (!rights.expiring_links) return make_problem(403, "Your tier does not include links that expire.");
    const std::string target = signed_target(*call.app.signing_keys.get(), media_path({image->id, 0, image->facts.media}),
                                             call.principal.id, call.app.clock.now().wall + Seconds{*lifetime});
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartObject();
    put_any_bytes(json, "url", absolute_url(call.request, target));
    put_number(json, "expires_in", *lifetime);
    json.EndObject();
    return Reply(json_response(buffer));
}

}  // namespace windlass::api
