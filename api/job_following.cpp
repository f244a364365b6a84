#include "api/job_following.h"

#include <algorithm>
#include <utility>

namespace windlass::api {
namespace {

JobEvent event_of(const protocol::JobHappened& told) {
    return {told.seq,    told.at,    told.move, told.state, static_cast<AttemptNumber>(told.attempt),
            told.worker, told.detail};
}

}  // namespace

Status LogFollowing::pull(const FollowBuffer::Taken& taken, const Read& read, LogSink& sink) {
    if (ended_) return {};
    if (taken.lost) must_read_ = true;
    for (const auto& news : taken.news) {
        if (must_read_) break;
        if (const auto* printed = std::get_if<Printed>(&news)) {
            must_read_ = !take(printed->attempt, printed->stream, printed->offset, *printed->bytes, sink);
        } else if (const auto state = std::get<protocol::JobHappened>(news).state; is_final(state)) {
            ended_ = state;  // what an attempt printed is told before what happened to it
            return {};
        }
    }
    if (!must_read_) return {};
    WINDLASS_TRY(const auto table, read(position_, only_));
    take(table, sink);
    return {};
}

bool LogFollowing::take(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes,
                        LogSink& sink) {
    if (!wanted(stream) || attempt < position_.attempt) return true;
    if (attempt > position_.attempt) {
        if (offset != 0) return false;
        position_ = {attempt, {}, false};
    }
    std::int64_t& known = position_.of(stream);
    if (offset > known) return false;
    const auto repeated = static_cast<std::size_t>(known - offset);
    if (bytes.size() <= repeated) return true;
    bytes.remove_prefix(repeated);
    sink.output(attempt, stream, known, bytes);
    known += static_cast<std::int64_t>(bytes.size());
    return true;
}

void LogFollowing::take(const Table& table, LogSink& sink) {
    for (const auto stream : {OutputStream::standard_output, OutputStream::standard_error})
        for (const auto& piece : table.pieces[LogPosition::index(stream)]) {
            // A hole in the tables is there for good: nobody would fill it while we wait.
            if (wanted(stream)) position_.of(stream) = std::max(position_.of(stream), piece.offset);
            take(position_.attempt, stream, piece.offset, piece.bytes, sink);
        }
    if (table.more) return;
    if (position_.attempt < table.attempt) {
        position_ = {position_.attempt + 1, {}, false};
        return;  // look at that one next
    }
    must_read_ = false;
    if (is_final(table.state)) ended_ = table.state;
}

Status EventFollowing::pull(const FollowBuffer::Taken& taken, const Read& read, EventSink& sink) {
    if (ended_) return {};
    if (taken.lost) must_read_ = true;
    for (const auto& news : taken.news) {
        if (must_read_) break;
        const auto* told = std::get_if<protocol::JobHappened>(&news);
        if (told == nullptr) continue;
        if (told->seq > position_.seq + 1)
            must_read_ = true;
        else
            take(event_of(*told), sink);
        if (ended_) return {};
    }
    if (!must_read_) return {};
    WINDLASS_TRY(const auto table, read(position_));
    for (const auto& event : table.events) take(event, sink);
    must_read_ = false;
    if (is_final(table.state)) ended_ = table.state;
    return {};
}

void EventFollowing::take(const JobEvent& event, EventSink& sink) {
    if (event.seq <= position_.seq) return;
    position_.seq = event.seq;
    sink.event(event);
    if (is_final(event.state)) ended_ = event.state;
}

}  // namespace windlass::api
