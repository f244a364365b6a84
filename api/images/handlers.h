// Handlers of the family "images", named after the files they are in.
#pragma once

#include "api/call.h"

namespace windlass::api {

// uploads.cpp
OrProblem<Reply> upload_image(const Call& call);
// images.cpp
OrProblem<Reply> list_images(const Call& call);
OrProblem<Reply> show_image(const Call& call);
OrProblem<Reply> delete_image(const Call& call);
// thumbnails.cpp
OrProblem<Reply> list_thumbnails(const Call& call);
OrProblem<Reply> show_thumbnail(const Call& call);
OrProblem<Reply> delete_thumbnail(const Call& call);
// image_details.cpp
OrProblem<Reply> list_image_details(const Call& call);
OrProblem<Reply> show_image_details(const Call& call);
OrProblem<Reply> rebuild_thumbnails(const Call& call);
// media.cpp
OrProblem<Reply> get_media(const Call& call);
OrProblem<Reply> make_image_link(const Call& call);

}  // namespace windlass::api
