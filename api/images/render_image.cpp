#include "api/images/render_image.h"

#include <fmt/format.h>

#include <charconv>

#include "api/json_fields.h"

namespace windlass::api {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    if (text.empty() || text.size() > 16 || text.front() < '1' || text.front() > '9') return std::nullopt;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

}  // namespace

std::string text_of(const MediaName& name) {
    const auto suffix = suffix_of(name.media);
    if (name.height == 0) return fmt::format("{}.{}", name.image.value, suffix);
    return fmt::format("{}-{}.{}", name.image.value, name.height, suffix);
}

std::optional<MediaName> parse_media_name(std::string_view text) {
    MediaName name;
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto suffix = text.substr(dot + 1);
    if (suffix != suffix_of(Media::png) && suffix != suffix_of(Media::jpeg)) return std::nullopt;
    name.media = suffix == suffix_of(Media::png) ? Media::png : Media::jpeg;
    const auto stem = text.substr(0, dot);
    const auto dash = stem.find('-');
    const auto id = number(stem.substr(0, dash));
    if (!id) return std::nullopt;
    name.image = ImageId{*id};
    if (dash == std::string_view::npos) return name;
    const auto height = number(stem.substr(dash + 1));
    if (!height) return std::nullopt;
    name.height = *height;
    return name;
}

std::string media_path(const MediaName& name) {
    return "/api/media/" + text_of(name);
}

std::string absolute_url(const Request& request, std::string_view target) {
    return fmt::format("{}://{}{}", request.scheme, request.host, target);
}

void write_image(JsonWriter& json, const Call& call, const ImageLine& image, const ImageRights& rights) {
    const MediaName name{image.id, 0, image.facts.media};
    json.StartObject();
    put_number(json, "id", image.id.value);
    put_any_bytes(json, "image", rights.original ? absolute_url(call.request, media_path(name)) : text_of(name));
    json.EndObject();
}

void write_thumbnail(JsonWriter& json, const Call& call, const ThumbnailLine& thumbnail) {
    const MediaName name{thumbnail.image, thumbnail.height, thumbnail.media};
    json.StartObject();
    put_number(json, "id", thumbnail.id.value);
    put_number(json, "image_id", thumbnail.image.value);
    put_number(json, "height", thumbnail.height);
    put_any_bytes(json, "thumbnail", absolute_url(call.request, media_path(name)));
    json.EndObject();
}

std::vector<std::pair<std::string, std::string>> private_caching() {
    return {{"Cache-Control", "private, max-age=15"}, {"Vary", "Authorization, Cookie"}};
}

// RFC 9111 section 4.4: a cache that hears of a change drops what it has under the addresses that the answer names.
Response deleted_from(std::string_view list) {
    Response response = no_content();
    response.headers.emplace_back("Content-Location", list);
    return response;
}

}  // namespace windlass::api
