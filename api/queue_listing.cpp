// /api/jobs/getqueue/: what waits, oldest first. Reading never takes anything out of the queue.
#include <deque>
#include <map>
#include <utility>

#include "api/blobs_repository.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/jobs_repository.h"
#include "api/json_fields.h"
#include "api/json_list.h"

namespace windlass::api {
namespace {

constexpr int ids_per_step = 500;

// Walks the queue; many jobs share one code, so the last text read is kept.
class QueueWalk {
  public:
    QueueWalk(const App& app, const Visible& visible) : jobs_(app.jobs), blobs_(app.blobs), visible_(visible) {}

    Result<bool> step(JsonWriter& json) {
        if (waiting_.empty()) {
            if (end_) return false;
            WINDLASS_TRY(auto found, jobs_.queued(visible_, after_, ids_per_step));
            after_ = found.cursor;
            end_ = found.end;
            waiting_.assign(std::make_move_iterator(found.matches.begin()),
                            std::make_move_iterator(found.matches.end()));
        }
        if (!waiting_.empty()) {
            WINDLASS_TRY_STATUS(write(json, waiting_.front()));
            waiting_.pop_front();
        }
        return !waiting_.empty() || !end_;
    }

  private:
    struct Remembered {
        std::string sha256;
        std::string text;
    };

    Status read(const std::string& sha256, Remembered& text) {
        if (sha256 == text.sha256) return {};
        std::string bytes;
        if (!sha256.empty()) {
            WINDLASS_TRY(auto blob, blobs_.bytes(sha256));
            if (!blob)
                return make_error(ErrorKind::internal, "the text of a queued job is missing from the table blob");
            bytes = is_valid_utf8(*blob) ? *std::move(blob) : to_valid_utf8(*blob);
        }
        text = {sha256, std::move(bytes)};
        return {};
    }

    Status write(JsonWriter& json, const QueuedPayload& job) {
        WINDLASS_TRY_STATUS(read(job.code_sha256, code_));
        WINDLASS_TRY_STATUS(read(job.data_sha256, data_));
        json.StartObject();
        put_text(json, "code", code_.text);
        put_text(json, "data", data_.text);
        put_text(json, "running_commands", job.running_commands);
        json.EndObject();
        return {};
    }

    JobsRepository& jobs_;
    BlobsRepository& blobs_;
    Visible visible_;
    std::int64_t after_ = 0;
    bool end_ = false;
    std::deque<QueuedPayload> waiting_;
    Remembered code_, data_;
};

}  // namespace

OrProblem<Reply> list_queue(const Call& call) {
    const auto walk = std::make_shared<QueueWalk>(call.app, visible_to(call.principal));
    return list_reply(call, [walk](JsonWriter& json) { return walk->step(json); });
}

}  // namespace windlass::api
