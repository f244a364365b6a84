#include "worker/finished_attempt.h"

#include "shared/frame.h"

namespace windlass::worker {
namespace {

void add_chunks(FinishedAttempt& finished, OutputStream stream, OutputCollector& output) {
    for (std::size_t i = 0; i < output.chunk_count(); ++i)
        finished.parts.push_back({protocol::AttemptOutput{finished.ref, stream, output.chunk(i).offset},
                                  output.take_chunk(i), i < output.chunks_sent()});
}

// The messages of `ref` in their order: any number of outputs, then the result, then nothing.
bool belongs(const FinishedAttempt& finished, const protocol::Message& message) {
    if (!finished.parts.empty() && std::holds_alternative<protocol::AttemptFinished>(finished.parts.back().message))
        return false;
    if (const auto* output = std::get_if<protocol::AttemptOutput>(&message)) return output->attempt == finished.ref;
    const auto* end = std::get_if<protocol::AttemptFinished>(&message);
    return end != nullptr && end->attempt == finished.ref;
}

}  // namespace

std::size_t FinishedAttempt::body_bytes() const {
    std::size_t bytes = 0;
    for (const auto& part : parts) bytes += part.body.size();
    return bytes;
}

FinishedAttempt make_finished(AttemptRef ref, AttemptResult result, OutputCollector& standard_output,
                              OutputCollector& standard_error, std::string_view file_bytes) {
    FinishedAttempt finished{ref, {}};
    add_chunks(finished, OutputStream::standard_output, standard_output);
    add_chunks(finished, OutputStream::standard_error, standard_error);

    result.stdout_bytes = standard_output.kept_bytes();
    result.stderr_bytes = standard_error.kept_bytes();
    result.stdout_truncated = standard_output.truncated();
    result.stderr_truncated = standard_error.truncated();
    protocol::AttemptFinished message;
    message.attempt = ref;
    message.result = std::move(result);
    message.stdout_offset = standard_output.tail_offset();
    message.stdout_size = static_cast<std::int64_t>(standard_output.tail().size());
    message.stderr_offset = standard_error.tail_offset();
    message.stderr_size = static_cast<std::int64_t>(standard_error.tail().size());

    std::string body;
    body.reserve(standard_output.tail().size() + standard_error.tail().size() + file_bytes.size());
    body.append(standard_output.tail()).append(standard_error.tail()).append(file_bytes);
    finished.parts.push_back({std::move(message), std::move(body)});
    return finished;
}

std::string to_frame(const FinishedAttempt::Part& part) {
    std::string frame;
    append_frame(frame, protocol::encode(part.message), part.body);
    return frame;
}

Result<FinishedAttempt> from_frames(AttemptRef ref, std::string_view frames) {
    FrameReader reader;
    reader.set_bounds(max_frame_header_bytes, max_frame_body_bytes);
    reader.feed(frames);
    FinishedAttempt finished{ref, {}};
    std::size_t used = 0;
    while (true) {
        WINDLASS_TRY(auto frame, reader.next());
        if (!frame) break;
        used += frame_prefix_bytes + frame->header.size() + frame->body.size();
        WINDLASS_TRY(auto message, protocol::decode(frame->header));
        if (!belongs(finished, message)) return make_error(ErrorKind::invalid, "unexpected message");
        finished.parts.push_back({std::move(message), std::move(frame->body)});
    }
    const bool complete = used == frames.size() && !finished.parts.empty() &&
                          std::holds_alternative<protocol::AttemptFinished>(finished.parts.back().message);
    if (!complete) return make_error(ErrorKind::invalid, "it ends too early");
    return finished;
}

}  // namespace windlass::worker
