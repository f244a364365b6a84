// Images and thumbnails as JSON, and the names and addresses of their bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "shared/json.h"

namespace windlass::api {

// "17.png", and of its thumbnail of height 200 "17-200.png": the last segment of /api/media/{name}/.
struct MediaName {
    ImageId image;
    std::int64_t height = 0;  // 0: the image itself
    Media media = Media::png;

    bool operator==(const MediaName&) const = default;
};
std::string text_of(const MediaName& name);
// nullopt: no name that we would give.
std::optional<MediaName> parse_media_name(std::string_view text);

std::string media_path(const MediaName& name);
std::string absolute_url(const Request& request, std::string_view target);

// {id, image}: the address of the image where the caller may see it, else its name.
void write_image(JsonWriter& json, const Call& call, const ImageLine& image, const ImageRights& rights);
// {id, image_id, height, thumbnail}
void write_thumbnail(JsonWriter& json, const Call& call, const ThumbnailLine& thumbnail);

// Of lists and single objects: the reader's own cache may keep them for moments, no shared one at all.
std::vector<std::pair<std::string, std::string>> private_caching();
// A deletion, which a cache is to tell from the lists as well.
Response deleted_from(std::string_view list);

}  // namespace windlass::api
