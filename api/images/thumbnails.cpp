// /api/user/thumbnails/: those that are made. What is still in the making, or failed, stands in /api/images/.
#include "api/images/handlers.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "api/images/render_image.h"
#include "api/images/thumbnail_keeper.h"
#include "api/json_list.h"

namespace windlass::api {
namespace {

constexpr int settled_at_once = 200;

Problem no_such_thumbnail() {
    return not_found("Not found.");
}

// 403 where the tier has none.
OrProblem<bool> check_tier(const Call& call) {
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    if (rights.heights.empty() && !call.principal.is_admin()) return make_problem(403, "Your tier has no thumbnails.");
    return true;
}

}  // namespace

OrProblem<Reply> list_thumbnails(const Call& call) {
    constexpr int per_step = 500;
    WINDLASS_TRY([[maybe_unused]] const bool permitted, check_tier(call));
    // Whoever looks sees what has ended by now, whichever process waits for it.
    WINDLASS_TRY([[maybe_unused]] const int settled, call.app.making.settle_ended(call.principal.id, settled_at_once));
    return list_reply(
        call,
        [call, before = ThumbnailId{}](JsonWriter& json) mutable -> Result<bool> {
            WINDLASS_TRY(const auto page, call.app.images.made_page(call.principal.id, before, per_step));
            for (const auto& thumbnail : page) write_thumbnail(json, call, thumbnail);
            if (!page.empty()) before = page.back().id;
            return page.size() == per_step;
        },
        private_caching());
}

OrProblem<Reply> show_thumbnail(const Call& call) {
    WINDLASS_TRY([[maybe_unused]] const bool permitted, check_tier(call));
    const auto id = call.path_id();
    if (!id) return no_such_thumbnail();
    WINDLASS_TRY(const auto thumbnail, call.app.images.made_one(call.principal.id, ThumbnailId{*id}));
    if (!thumbnail) return no_such_thumbnail();
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_thumbnail(json, call, *thumbnail);
    Response response = json_response(buffer);
    response.headers = private_caching();
    return Reply(std::move(response));
}

OrProblem<Reply> delete_thumbnail(const Call& call) {
    WINDLASS_TRY([[maybe_unused]] const bool permitted, check_tier(call));
    const auto id = call.path_id();
    if (!id) return no_such_thumbnail();
    WINDLASS_TRY(const auto jobs, call.app.images.remove_thumbnail(call.principal.id, ThumbnailId{*id}));
    if (!jobs) return no_such_thumbnail();
    return Reply(deleted_from("/api/user/thumbnails/"));
}

}  // namespace windlass::api
