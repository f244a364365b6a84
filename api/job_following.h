// What has happened (the tables) and what happens (FollowBuffer) as one sequence without gap or repetition. Pure:
// whoever pulls brings both.
//
// Why it is right. What is told live was durable before, and comes in the order in which it became durable. So as long
// as nothing was lost since the last look into the tables, news either repeat what is known (dropped by seq or offset)
// or continue it. As soon as something may have been lost (the beginning, a reconnect, a full buffer, a hole between
// what is known and the news) the news in hand are thrown away, and the tables are read from the position until they
// have no more; news that come meanwhile wait in the buffer.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "api/follow_buffer.h"
#include "api/jobs_repository.h"
#include "api/log_position.h"
#include "api/results_repository.h"
#include "shared/result.h"

namespace windlass::api {

// Whom it is told to, in order.
class LogSink {
  public:
    virtual ~LogSink() = default;
    virtual void output(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes) = 0;
};

// The output of a job, attempt after attempt. Not told of an attempt without output.
class LogFollowing {
  public:
    // `stream`: only this one.
    LogFollowing(LogPosition from, std::optional<OutputStream> stream) : position_(from), only_(stream) {}

    // One look into the tables. The state must have been read before the output.
    struct Table {
        JobState state = JobState::queued;
        AttemptNumber attempt = 0;                       // the newest
        std::array<std::vector<OutputPiece>, 2> pieces;  // of the attempt that was asked for, from the offsets on
        bool more = false;                               // pieces of this attempt than these, now
    };
    using Read = std::function<Result<Table>(const LogPosition& from, std::optional<OutputStream> only)>;

    // Takes what was told and, if need be, one look into the tables. Again while must_read() or news are there. After a
    // failed look must_read() stays.
    Status pull(const FollowBuffer::Taken& taken, const Read& read, LogSink& sink);
    bool must_read() const { return must_read_ && !ended_; }
    // All that the job ever printed was told.
    bool ended() const { return ended_.has_value(); }
    JobState final_state() const { return *ended_; }
    const LogPosition& position() const { return position_; }

  private:
    bool wanted(OutputStream stream) const { return !only_ || *only_ == stream; }
    // False: there is a hole before it.
    bool take(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes, LogSink& sink);
    void take(const Table& table, LogSink& sink);

    LogPosition position_;
    std::optional<OutputStream> only_;
    bool must_read_ = true;
    std::optional<JobState> ended_;
};

class EventSink {
  public:
    virtual ~EventSink() = default;
    virtual void event(const JobEvent& event) = 0;
};

// The transitions of a job.
class EventFollowing {
  public:
    explicit EventFollowing(EventPosition from) : position_(from) {}

    struct Table {
        JobState state = JobState::queued;
        std::vector<JobEvent> events;  // after the position; all there are
    };
    using Read = std::function<Result<Table>(const EventPosition& from)>;

    Status pull(const FollowBuffer::Taken& taken, const Read& read, EventSink& sink);
    bool must_read() const { return must_read_ && !ended_; }
    bool ended() const { return ended_.has_value(); }
    JobState final_state() const { return *ended_; }
    const EventPosition& position() const { return position_; }

  private:
    void take(const JobEvent& event, EventSink& sink);

    EventPosition position_;
    bool must_read_ = true;
    std::optional<JobState> ended_;
};

}  // namespace windlass::api
