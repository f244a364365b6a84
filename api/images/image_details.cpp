// /api/images/: one's own uploads with all that is known of them, thumbnails in the making and failed ones too; and how
// the missing ones are made.
#include <algorithm>
#include <utility>

#include "api/ask.h"
#include "api/images/handlers.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "api/images/render_image.h"
#include "api/images/thumbnail_job.h"
#include "api/images/thumbnail_keeper.h"
#include "api/json_fields.h"
#include "api/json_list.h"
#include "api/scheduler_link.h"

namespace windlass::api {
namespace {

constexpr int settled_at_once = 200;

std::string_view word_of(ThumbnailState state) {
    switch (state) {
        case ThumbnailState::waiting:
            return "waiting";
        case ThumbnailState::made:
            return "made";
        case ThumbnailState::failed:
            return "failed";
    }
    return "";
}

// `why`: of those that wait; empty: nothing is known.
void write_details(JsonWriter& json, const Call& call, const ImageLine& image,
                   const std::vector<ThumbnailLine>& thumbnails, const ImageRights& rights, std::string_view why) {
    const MediaName name{image.id, 0, image.facts.media};
    json.StartObject();
    put_number(json, "id", image.id.value);
    put_any_bytes(json, "image", rights.original ? absolute_url(call.request, media_path(name)) : text_of(name));
    put_text(json, "type", content_type_of(image.facts.media));
    put_number(json, "width", image.facts.width);
    put_number(json, "height", image.facts.height);
    put_number(json, "size_bytes", image.size_bytes);
    put_text(json, "created", time_text(image.created));
    put_key(json, "thumbnails");
    json.StartArray();
    for (const auto& thumbnail : thumbnails) {
        const MediaName own{image.id, thumbnail.height, image.facts.media};
        json.StartObject();
        put_number(json, "id", thumbnail.id.value);
        put_number(json, "height", thumbnail.height);
        put_number(json, "width", thumbnail.width);
        put_text(json, "state", word_of(thumbnail.state));
        if (thumbnail.state == ThumbnailState::made)
            put_any_bytes(json, "thumbnail", absolute_url(call.request, media_path(own)));
        if (thumbnail.state == ThumbnailState::failed) put_any_bytes(json, "detail", thumbnail.detail);
        if (thumbnail.state == ThumbnailState::waiting && !why.empty()) put_any_bytes(json, "why", why);
        json.EndObject();
    }
    json.EndArray();
    json.EndObject();
}

OrProblem<Reply> details_reply(const Call& call, const ImageLine& image, const std::vector<ThumbnailLine>& thumbnails,
                               std::string_view why, int status) {
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_details(json, call, image, thumbnails, rights, why);
    return Reply(json_response(buffer, status));
}

// Whatever the scheduler says, and whether it says anything: the rest is known without it.
Reply explained_reply(const Call& call, const ImageLine& image, std::vector<ThumbnailLine> thumbnails, JobId job,
                      int status) {
    const auto answer = [call, image, thumbnails = std::move(thumbnails), status](const std::string& why) {
        return call.then([=] { return details_reply(call, image, thumbnails, why, status); });
    };
    Later later;
    later.deadline = Seconds{2};
    later.on_deadline = answer("");
    later.start = [&scheduler = call.app.scheduler, job, answer](const Resumer& resume) {
        scheduler.ask(protocol::ExplainJob{{}, job}, {}, [resume, answer](const Scheduler::Answer& got) {
            const auto* explained = got ? std::get_if<protocol::JobExplained>(&*got) : nullptr;
            resume(answer(explained != nullptr ? explained->text : "The scheduler is away."));
        });
    };
    return later;
}

OrProblem<Reply> show(const Call& call, const ImageLine& image, int status) {
    WINDLASS_TRY(auto thumbnails, call.app.images.thumbnails_of(call.principal.id, image.id));
    const auto waiting = std::find_if(thumbnails.begin(), thumbnails.end(), [](const auto& thumbnail) {
        return thumbnail.state == ThumbnailState::waiting && thumbnail.job;
    });
    if (waiting == thumbnails.end()) return details_reply(call, image, thumbnails, {}, status);
    const JobId job = waiting->job;
    return explained_reply(call, image, std::move(thumbnails), job, status);
}

}  // namespace

OrProblem<Reply> list_image_details(const Call& call) {
    constexpr int per_step = 100;
    WINDLASS_TRY([[maybe_unused]] const int settled, call.app.making.settle_ended(call.principal.id, settled_at_once));
    WINDLASS_TRY(auto rights, image_rights(call.app, call.principal));
    return list_reply(
        call, [call, rights = std::move(rights), before = ImageId{}](JsonWriter& json) mutable -> Result<bool> {
            WINDLASS_TRY(const auto page, call.app.images.page(call.principal.id, before, per_step));
            for (const auto& image : page) {
                WINDLASS_TRY(const auto thumbnails, call.app.images.thumbnails_of(call.principal.id, image.id));
                write_details(json, call, image, thumbnails, rights, {});
            }
            if (!page.empty()) before = page.back().id;
            return page.size() == per_step;
        });
}

OrProblem<Reply> show_image_details(const Call& call) {
    const auto id = call.path_id();
    if (!id) return not_found("Not found.");
    WINDLASS_TRY([[maybe_unused]] const int settled, call.app.making.settle_ended(call.principal.id, settled_at_once));
    WINDLASS_TRY(const auto image, call.app.images.one(call.principal.id, ImageId{*id}));
    if (!image) return not_found("Not found.");
    return show(call, *image, 200);
}

OrProblem<Reply> rebuild_thumbnails(const Call& call) {
    const auto id = call.path_id();
    if (!id) return not_found("Not found.");
    WINDLASS_TRY(const auto image, call.app.images.one(call.principal.id, ImageId{*id}));
    if (!image) return not_found("Not found.");
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    const auto plan = plan_thumbnails(image->facts, rights.heights, call.app.settings);
    WINDLASS_TRY(auto orders, call.app.images.rebuild(call.principal.id, image->id, plan, call.app.clock.now().wall));
    if (!orders) return not_found("Not found.");
    call.app.thumbnails.order(std::move(*orders));
    return show(call, *image, 202);
}

}  // namespace windlass::api
