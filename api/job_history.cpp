// What happened to one job: /events/, /attempts/, /log/.
#include <array>
#include <memory>
#include <utility>

#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/render_job.h"
#include "api/results_repository.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

template <class T, class Write>
Reply array_reply(const std::vector<T>& items, Write write) {
    rapidjson::StringBuffer buffer;
    JsonWriter json(buffer);
    json.StartArray();
    for (const T& item : items) write(json, item);
    json.EndArray();
    return json_response(buffer);
}

// One stream of one attempt, as far as it has been written, piece by piece.
class OutputSource final : public ChunkSource {
  public:
    OutputSource(ResultsRepository& results, AttemptRef attempt, OutputStream stream, std::string request_id)
        : results_(results), attempt_(attempt), stream_(stream), request_id_(std::move(request_id)) {}

    Result<bool> read(std::string& out) {
        constexpr int pieces_at_once = 8;
        WINDLASS_TRY(const auto pieces, results_.output(attempt_, stream_, offset_, pieces_at_once));
        for (const auto& piece : pieces) {
            out += piece.bytes;
            offset_ = piece.offset + std::max<std::int64_t>(1, static_cast<std::int64_t>(piece.bytes.size()));
        }
        return pieces.size() == pieces_at_once;
    }

    bool next(std::string& out) override {
        if (!first_.empty()) {
            out += std::exchange(first_, {});
            return true;
        }
        auto more = read(out);
        if (!more) log::error("request {}: output broke off: {}", request_id_, more.error().message);
        return more && *more;
    }
    void put_back(std::string first) { first_ = std::move(first); }

  private:
    ResultsRepository& results_;
    AttemptRef attempt_;
    OutputStream stream_;
    std::string request_id_;
    std::int64_t offset_ = 0;
    std::string first_;
};

OrProblem<OutputStream> parse_stream(const Call& call) {
    const auto text = call.query("stream");
    if (text.empty() || text == "stdout") return OutputStream::standard_output;
    if (text == "stderr") return OutputStream::standard_error;
    return bad_field("?stream", "stream must be stdout or stderr.");
}

}  // namespace

OrProblem<Reply> job_events(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    WINDLASS_TRY(const auto events, call.app.jobs.events(id));
    return array_reply(events, write_event);
}

OrProblem<Reply> job_attempts(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    WINDLASS_TRY(const auto attempts, call.app.results.attempts(id));
    return array_reply(attempts, write_attempt);
}

OrProblem<Reply> job_log(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto stream, parse_stream(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    const auto source =
        std::make_shared<OutputSource>(call.app.results, AttemptRef{id, standing.attempt}, stream, call.request.id);
    Response response;
    response.content_type = "text/plain; charset=utf-8";
    WINDLASS_TRY(const bool more, source->read(response.body));
    if (more) {
        source->put_back(std::exchange(response.body, {}));
        response.stream = source;
    }
    return Reply(std::move(response));
}

}  // namespace windlass::api
