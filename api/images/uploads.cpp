// POST /api/user/images/: an image, as the field "image" of a form. Nothing that the client says about it is believed:
// neither the name of the file nor its type, only its bytes.
#include <fmt/format.h>

#include <utility>

#include "api/front/spool.h"
#include "api/idempotency.h"
#include "api/images/handlers.h"
#include "api/images/image_facts.h"
#include "api/images/image_rights.h"
#include "api/images/images_repository.h"
#include "api/images/multipart.h"
#include "api/images/render_image.h"
#include "api/images/thumbnail_job.h"
#include "api/images/thumbnail_keeper.h"
#include "api/quotas_repository.h"
#include "api/submit_references.h"
#include "shared/digest.h"

namespace windlass::api {
namespace {

constexpr std::string_view field = "image";
constexpr std::int64_t piece_bytes = 64 * 1024;

Problem bad_image(std::string detail, int status = 400) {
    Problem problem = make_problem(status, detail);
    problem.errors.push_back({"/" + std::string(field), std::move(detail)});
    return problem;
}

// Takes the one file out of the form; a fault of a field is remembered beside the sentence.
class FileTaker final : public MultipartReceiver {
  public:
    explicit FileTaker(std::int64_t most) : most_(most) {}

    Status begin(const MultipartPart& part) override {
        if (part.name != field)
            return refuse(bad_field("/" + to_valid_utf8(part.name.substr(0, 100)), "This field is not known here."));
        if (!part.filename)
            return refuse(bad_image("The submitted data was not a file. Check the encoding type on the form."));
        if (std::exchange(seen_, true)) return refuse(bad_image("There is more than one file; send one at a time."));
        return {};
    }
    Status data(std::string_view bytes, std::int64_t) override {
        if (static_cast<std::int64_t>(bytes_.size() + bytes.size()) > most_)
            return refuse(bad_image(fmt::format("The file is larger than {} bytes.", most_), 413));
        bytes_.append(bytes);
        return {};
    }
    Status end() override { return {}; }

    bool seen() const { return seen_; }
    std::string take() { return std::move(bytes_); }
    std::optional<Problem> fault;

  private:
    Status refuse(Problem problem) {
        fault = std::move(problem);
        return make_error(ErrorKind::invalid, fault->detail);
    }
    const std::int64_t most_;
    bool seen_ = false;
    std::string bytes_;
};

Status read_body(const Request& request, MultipartParser& parser) {
    if (!request.spooled) {
        WINDLASS_TRY_STATUS(parser.feed(request.body));
        return parser.finish();
    }
    for (std::int64_t at = 0; at < request.spooled->size(); at += piece_bytes) {
        WINDLASS_TRY(const auto piece, request.spooled->read(at, piece_bytes));
        WINDLASS_TRY_STATUS(parser.feed(piece));
    }
    return parser.finish();
}

OrProblem<std::string> file_of_form(const Call& call) {
    const auto type = call.request.header("Content-Type");
    if (!type.starts_with("multipart/form-data"))
        return make_problem(415, "Send the file as a form: multipart/form-data with a field named image.");
    const auto boundary = multipart_boundary(type);
    if (!boundary) return make_problem(400, "Content-Type names no good boundary of the form.");
    FileTaker taker(call.app.settings.image_bytes);
    MultipartParser parser(*boundary, taker);
    if (const auto read = read_body(call.request, parser); !read) {
        if (taker.fault) return *std::move(taker.fault);
        return problem_of(read.error());
    }
    if (!taker.seen()) return bad_image("No file was submitted.");
    return taker.take();
}

OrProblem<ImageFacts> acceptable_facts(const Config::Api& settings, std::string_view bytes) {
    const auto facts = read_image_facts(bytes);
    if (!facts) return bad_image(facts.error().message);
    if (facts->height > settings.image_pixels / facts->width)
        return bad_image(fmt::format("The image has {} x {} pixels; at most {} pixels are taken.", facts->width,
                                     facts->height, settings.image_pixels));
    return *facts;
}

Response created(const Call& call, const ImageLine& image, const ImageRights& rights) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    write_image(json, call, image, rights);
    Response response = json_response(buffer, 201);
    response.headers.emplace_back("Location", fmt::format("/api/user/images/{}/", image.id.value));
    return response;
}

}  // namespace

OrProblem<Reply> upload_image(const Call& call) {
    WINDLASS_TRY(auto bytes, file_of_form(call));
    WINDLASS_TRY(const auto facts, acceptable_facts(call.app.settings, bytes));
    WINDLASS_TRY(const auto rights, image_rights(call.app, call.principal));
    const auto size = static_cast<std::int64_t>(bytes.size());
    WINDLASS_TRY(const auto most, check_stored_quota(call, call.principal.id, size));

    NewImage image{call.principal.id, facts, sha256_hex(bytes), std::move(bytes),
                   plan_thumbnails(facts, rights.heights, call.app.settings)};
    const WallTime now = call.app.clock.now().wall;
    const auto record = [&](Session& session, const ImageLine& line) {
        return call.key ? Idempotency::record(session, *call.key, created(call, line, rights), now) : Status();
    };
    WINDLASS_TRY(auto added, call.app.images.add(std::move(image), most, now, record));
    if (!added) {
        WINDLASS_TRY(const auto stored, call.app.quotas.stored_bytes(call.principal.id));
        return over_stored_quota(*most, stored, size);
    }
    call.app.thumbnails.order(std::move(added->orders));
    return Reply(created(call, added->image, rights));
}

}  // namespace windlass::api
