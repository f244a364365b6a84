// GET /api/jobs/{id}/log/: what a job has printed, as text, in parts, or as it comes.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "api/byte_range.h"
#include "api/find_job.h"
#include "api/handlers.h"
#include "api/job_parameters.h"
#include "api/job_stream.h"
#include "api/results_repository.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr std::string_view plain_text = "text/plain; charset=utf-8";

// Bytes [from, end) of one stream of one attempt, piece by piece; fewer if there are not so many.
class OutputSource final : public ChunkSource {
  public:
    OutputSource(ResultsRepository& results, AttemptRef attempt, OutputStream stream, std::int64_t from,
                 std::int64_t end, std::string request_id)
        : results_(results),
          attempt_(attempt),
          stream_(stream),
          offset_(from),
          end_(end),
          request_id_(std::move(request_id)) {}

    // False: that was all.
    Result<bool> read(std::string& out) {
        constexpr std::size_t pieces_at_once = 8;
        WINDLASS_TRY(const auto pieces, results_.output(attempt_, stream_, offset_, pieces_at_once));
        for (const auto& piece : pieces) {
            std::string_view bytes = piece.bytes;
            bytes.remove_prefix(
                std::min(bytes.size(), static_cast<std::size_t>(std::max<std::int64_t>(offset_ - piece.offset, 0))));
            bytes = bytes.substr(0, static_cast<std::size_t>(std::max<std::int64_t>(end_ - offset_, 0)));
            out += bytes;
            offset_ = std::max(offset_, piece.offset) + static_cast<std::int64_t>(bytes.size());
        }
        return pieces.size() == pieces_at_once && offset_ < end_;
    }

    bool next(std::string& out) override {
        if (!first_.empty()) {
            out += std::exchange(first_, {});
            return true;
        }
        auto more = read(out);
        if (!more)
            log::write(log::Level::error, {log::field::request(request_id_)}, "request {}: output broke off: {}",
                       request_id_, more.error().message);
        return more && *more;
    }
    void put_back(std::string first) { first_ = std::move(first); }

  private:
    ResultsRepository& results_;
    AttemptRef attempt_;
    OutputStream stream_;
    std::int64_t offset_;
    std::int64_t end_;
    std::string request_id_;
    std::string first_;
};

struct LogQuery {
    std::optional<OutputStream> stream;
    bool follow = false;
    std::optional<LogEncoding> encoding;
};

OrProblem<LogQuery> parse_query(const Call& call) {
    LogQuery query;
    const auto stream = call.query("stream");
    if (stream == "stdout")
        query.stream = OutputStream::standard_output;
    else if (stream == "stderr")
        query.stream = OutputStream::standard_error;
    else if (!stream.empty())
        return bad_field("?stream", "stream must be stdout or stderr.");
    const auto follow = call.query("follow");
    if (follow == "true" || follow == "1")
        query.follow = true;
    else if (!follow.empty() && follow != "false" && follow != "0")
        return bad_field("?follow", "follow must be true or false.");
    const auto encoding = call.query("encoding");
    if (encoding == "text")
        query.encoding = LogEncoding::text;
    else if (encoding == "base64")
        query.encoding = LogEncoding::base64;
    else if (!encoding.empty())
        return bad_field("?encoding", "encoding must be text or base64.");
    return query;
}

OrProblem<Reply> as_events(const Call& call, JobId id, const JobsRepository::Standing& standing,
                           const LogQuery& query) {
    LogPosition from{standing.attempt, {}, false};
    if (const auto last = call.request.header("Last-Event-ID"); !last.empty()) {
        const auto position = LogPosition::parse(last);
        if (!position || position->attempt > standing.attempt)
            return make_problem(
                400, "Last-Event-ID is none that this log had: it looks like 1:out:4711:err:12, or is empty.");
        from = *position;
    }
    if (std::exchange(from.end, false) && is_final(standing.state))
        return Reply(no_content());  // an EventSource stays away after it
    WINDLASS_TRY(auto source, follow_log(call, id, from, query.stream, query.encoding.value_or(LogEncoding::text)));
    return Reply(event_stream_response(std::move(source)));
}

OrProblem<Reply> bytes_reply(const Call& call, AttemptRef attempt, OutputStream stream, std::int64_t from,
                             std::int64_t end, Response response) {
    const auto source = std::make_shared<OutputSource>(call.app.results, attempt, stream, from, end, call.request.id);
    response.content_type = plain_text;
    WINDLASS_TRY(const bool more, source->read(response.body));
    if (more) {
        source->put_back(std::exchange(response.body, {}));
        response.stream = source;
    }
    return Reply(std::move(response));
}

// It changes no more: it has a tag, and parts.
OrProblem<Reply> finished_log(const Call& call, AttemptRef attempt, OutputStream stream) {
    WINDLASS_TRY(const auto size, call.app.results.output_size(attempt, stream));
    const std::string tag =
        fmt::format("\"{}-{}-{}-{}\"", attempt.job.text(), attempt.attempt, static_cast<int>(stream), size);
    Response response;
    response.headers.emplace_back("ETag", tag);
    response.headers.emplace_back("Accept-Ranges", "bytes");
    response.headers.emplace_back("Cache-Control", "private, no-cache");  // keep it, and ask with If-None-Match
    if (call.request.header("If-None-Match") == tag) {
        response.status = 304;
        return Reply(std::move(response));
    }
    const auto if_range = call.request.header("If-Range");
    const auto range = if_range.empty() || if_range == tag ? parse_range(call.request.header("Range"), size)
                                                           : decltype(parse_range({}, 0))(WholeThing{});
    if (std::holds_alternative<Unsatisfiable>(range)) {
        Problem problem = make_problem(416, fmt::format("This log has {} bytes; none of them was asked for.", size));
        problem.headers.emplace_back("Content-Range", fmt::format("bytes */{}", size));
        return problem;
    }
    const auto* part = std::get_if<ByteRange>(&range);
    if (part == nullptr) return bytes_reply(call, attempt, stream, 0, size, std::move(response));
    response.status = 206;
    response.headers.emplace_back("Content-Range", fmt::format("bytes {}-{}/{}", part->first, part->last, size));
    return bytes_reply(call, attempt, stream, part->first, part->last + 1, std::move(response));
}

}  // namespace

OrProblem<Reply> job_log(const Call& call) {
    WINDLASS_TRY(const auto id, path_job(call));
    WINDLASS_TRY(const auto query, parse_query(call));
    WINDLASS_TRY(const auto standing, visible_standing(call, id));
    if (accepts_events(call.request.header("Accept"))) return as_events(call, id, standing, query);
    if (query.encoding)
        return bad_field("?encoding", "encoding is for followers: send the header Accept: text/event-stream.");
    const auto stream = query.stream.value_or(OutputStream::standard_output);
    const AttemptRef attempt{id, standing.attempt};
    if (query.follow) {
        Response response;
        response.content_type = plain_text;
        response.headers.emplace_back("X-Accel-Buffering", "no");
        WINDLASS_TRY(response.stream, follow_bytes(call, id, {standing.attempt, {}, false}, stream));
        return Reply(std::move(response));
    }
    if (is_final(standing.state)) return finished_log(call, attempt, stream);
    constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
    return bytes_reply(call, attempt, stream, 0, all, {});
}

}  // namespace windlass::api
