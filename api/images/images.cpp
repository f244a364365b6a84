// /api/user/images/: one's own uploads.
#include "api/images/handlers.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "api/images/render_image.h"
#include "api/images/thumbnail_keeper.h"
#include "api/json_list.h"

namespace windlass::api {
namespace {

Problem no_such_image() {
    return not_found("Not found.");
}

}  // namespace

OrProblem<Reply> list_images(const Call& call) {
    constexpr int per_step = 500;
    WINDLASS_TRY(auto rights, image_rights(call.app, call.principal));
    return list_reply(
        call,
        [call, rights = std::move(rights), before = ImageId{}](JsonWriter& json) mutable -> Result<bool> {
            WINDLASS_TRY(const auto page, call.app.images.page(call.principal.id, before, per_step));
            for (const auto& image : page) write_image(json, call, image, rights);
            if (!page.empty()) before = page.back().id;
            return page.size() == per_step;
        },
        private_caching());
}

OrProblem<Reply> show_image(const Call& call) {
    const auto id = call.path_id();
    if (!id) return no_such_image();
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    WINDLASS_TRY(const auto image, call.app.images.one(call.principal.id, ImageId{*id}));
    if (!image) return no_such_image();
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_image(json, call, *image, rights);
    Response response = json_response(buffer);
    response.headers = private_caching();
    return Reply(std::move(response));
}

OrProblem<Reply> delete_image(const Call& call) {
    const auto id = call.path_id();
    if (!id) return no_such_image();
    WINDLASS_TRY(const auto jobs, call.app.images.remove(call.principal.id, ImageId{*id}));
    if (!jobs) return no_such_image();
    call.app.thumbnails.cancel(*jobs);
    return Reply(deleted_from("/api/user/images/"));
}

}  // namespace windlass::api
