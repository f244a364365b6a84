#include "api/job_stream.h"

#include <mutex>
#include <stdexcept>
#include <utility>

#include "api/auth/credentials.h"
#include "api/authorise.h"
#include "api/find_job.h"
#include "api/jobs_repository.h"
#include "api/rate_limits.h"
#include "api/results_repository.h"
#include "api/scheduler_link.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr Seconds look_at_rights_every{15};
// Of at most 64 KiB each: one look at the tables is at most this many of either stream.
constexpr int pieces_at_once = 4;

// Where the scheduler's words wait for a front thread. Any thread.
class Inbox final : public JobListener {
  public:
    enum class Wants { events, output, both };
    Inbox(Wants wants, std::optional<OutputStream> only) : wants_(wants), only_(only) {}

    void attach(ChunkSource::Wake wake) {
        const std::lock_guard lock(mutex_);
        wake_ = std::move(wake);
    }
    FollowBuffer::Taken take() {
        const std::lock_guard lock(mutex_);
        return buffer_.take();
    }

    void happened(const protocol::JobHappened& event) override {
        if (wants_ == Wants::output && !is_final(event.state)) return;
        const std::lock_guard lock(mutex_);
        if (buffer_.add(event)) wake_();
    }
    void printed(const protocol::JobPrinted& piece, std::shared_ptr<const std::string> bytes) override {
        if (wants_ == Wants::events || (only_ && *only_ != piece.stream)) return;
        const std::lock_guard lock(mutex_);
        if (buffer_.add(Printed{piece.attempt.attempt, piece.stream, piece.offset, std::move(bytes)})) wake_();
    }
    void read_again() override {
        const std::lock_guard lock(mutex_);
        if (buffer_.lose()) wake_();
    }

  private:
    const Wants wants_;
    const std::optional<OutputStream> only_;
    std::mutex mutex_;
    FollowBuffer buffer_{follow_buffer_bytes};
    ChunkSource::Wake wake_;
};

// What every follower does beside following.
class JobStream : public ChunkSource {
  public:
    JobStream(const Call& call, JobId job, Inbox::Wants wants, std::optional<OutputStream> only)
        : call_(call), job_(job), inbox_(std::make_shared<Inbox>(wants, only)), looked_at_rights_(now()) {}

    void attach(Wake wake) final {
        inbox_->attach(std::move(wake));
        watch_ = call_.app.scheduler.follow(job_, inbox_);
    }
    bool next(std::string& out) final {
        if (now() - looked_at_rights_ >= look_at_rights_every) look_at_rights();
        begin(out);
        while (out.empty() && !ended()) {
            const auto taken = inbox_->take();
            if (taken.news.empty() && !taken.lost && !must_read()) return true;
            if (const auto pulled = pull(taken, out); !pulled) {
                // The heartbeat tries again; until then the client keeps its connection, and its place.
                log::write(log::Level::debug, {log::field::job(job_), log::field::request(call_.request.id)},
                           "request {}: following job {}: {}", call_.request.id, job_.text(), pulled.error().message);
                return true;
            }
        }
        if (ended()) end(out);
        return !ended();
    }
    // Reads the tables, whatever was told: what would be missed for a reason that nobody thought of is late, not lost.
    bool heartbeat(std::string& out) final {
        inbox_->read_again();
        look_at_rights();
        const bool more = next(out);
        if (more && out.empty()) sign_of_life(out);
        return more;
    }

    void sit_on(RateLimits::Seat seat) { seat_ = std::move(seat); }

  protected:
    virtual void begin(std::string&) {}
    virtual Status pull(const FollowBuffer::Taken& taken, std::string& out) = 0;
    virtual bool must_read() const = 0;
    virtual bool ended() const = 0;
    virtual void end(std::string&) {}
    virtual void sign_of_life(std::string&) {}

    JobId job() const { return job_; }
    App& app() const { return call_.app; }
    Result<EventFollowing::Table> look_at_events(const EventPosition& from) const {
        EventFollowing::Table table;
        WINDLASS_TRY(const auto now, standing());
        table.state = now.state;
        WINDLASS_TRY(table.events, app().jobs.events(job(), from.seq));
        return table;
    }
    Result<JobsRepository::Standing> standing() const {
        auto found = visible_standing(call_, job_);
        if (!found) return make_error(ErrorKind::unavailable, found.error().detail);
        return std::move(found).value();
    }

  private:
    SteadyTime now() const { return call_.app.clock.now().steady; }
    // Throws, which breaks the answer off, when the right to see the job is gone. Not when the database is away: then
    // nobody can do anything anyway.
    void look_at_rights() {
        looked_at_rights_ = now();
        auto principal = call_.app.credentials.require(call_.request);
        if (!principal) {
            if (principal.error().status >= 500) return;
            throw RightsLost("the follower's credential is no longer good");
        }
        call_.principal = principal.value();
        const auto found = visible_standing(call_, job_);
        if (refusal_of(call_.route, call_.principal) || (!found && found.error().status < 500))
            throw RightsLost("the follower may not see the job any more");
    }

    Call call_;
    const JobId job_;
    const std::shared_ptr<Inbox> inbox_;
    SteadyTime looked_at_rights_;
    RateLimits::Seat seat_;
    Watch watch_;  // last: nothing is told any more when the rest goes
};

class EventStream final : public JobStream {
  public:
    EventStream(const Call& call, JobId job, EventPosition from)
        : JobStream(call, job, Inbox::Wants::events, std::nullopt), following_(from) {}

  private:
    void begin(std::string& out) override {
        if (!std::exchange(greeted_, true)) append_greeting(out);
    }
    Status pull(const FollowBuffer::Taken& taken, std::string& out) override {
        sink_.set_output(out);
        return following_.pull(
            taken, [this](const EventPosition& from) { return look_at_events(from); }, sink_);
    }
    bool must_read() const override { return following_.must_read(); }
    bool ended() const override { return following_.ended(); }
    void end(std::string& out) override {
        append_end(out, EventPosition{following_.position().seq, true}.text(), job(), following_.final_state());
    }
    void sign_of_life(std::string& out) override { append_heartbeat(out); }

    EventFollowing following_;
    SseEvents sink_;
    bool greeted_ = false;
};

// All ways of following output.
class OutputStreaming : public JobStream {
  public:
    OutputStreaming(const Call& call, JobId job, const LogPosition& from, std::optional<OutputStream> stream,
                    Inbox::Wants wants = Inbox::Wants::output)
        : JobStream(call, job, wants, stream), following_(from, stream) {}

  protected:
    Status pull_into(const FollowBuffer::Taken& taken, LogSink& sink) {
        return following_.pull(
            taken, [this](const LogPosition& from, std::optional<OutputStream> only) { return look(from, only); },
            sink);
    }
    bool must_read() const override { return following_.must_read(); }
    bool ended() const override { return following_.ended(); }

    LogFollowing following_;

  private:
    Result<LogFollowing::Table> look(const LogPosition& from, std::optional<OutputStream> only) const {
        LogFollowing::Table table;
        WINDLASS_TRY(const auto now, standing());
        table.state = now.state;
        table.attempt = now.attempt;
        for (const auto stream : {OutputStream::standard_output, OutputStream::standard_error}) {
            if (from.attempt == 0 || (only && *only != stream)) continue;
            auto& pieces = table.pieces[LogPosition::index(stream)];
            WINDLASS_TRY(pieces, app().results.output({job(), from.attempt}, stream, from.of(stream), pieces_at_once));
            table.more = table.more || pieces.size() == pieces_at_once;
        }
        return table;
    }
};

class LogStream final : public OutputStreaming {
  public:
    LogStream(const Call& call, JobId job, const LogPosition& from, std::optional<OutputStream> stream,
              LogEncoding encoding)
        : OutputStreaming(call, job, from, stream), sink_(from, encoding) {}

  private:
    void begin(std::string& out) override {
        if (!std::exchange(greeted_, true)) append_greeting(out);
    }
    Status pull(const FollowBuffer::Taken& taken, std::string& out) override {
        sink_.set_output(out);
        return pull_into(taken, sink_);
    }
    void end(std::string& out) override {
        sink_.set_output(out);
        sink_.flush();
        auto at = sink_.told();
        at.end = true;
        append_end(out, at.text(), job(), following_.final_state());
    }
    void sign_of_life(std::string& out) override { append_heartbeat(out); }

    SseLog sink_;
    bool greeted_ = false;
};

class WholeStream final : public OutputStreaming {
  public:
    WholeStream(const Call& call, JobId job, EventPosition events, const LogPosition& log)
        : OutputStreaming(call, job, log, std::nullopt, Inbox::Wants::both),
          events_(events),
          log_sink_(log, LogEncoding::text, append_json_line),
          event_sink_(append_json_line) {}

  private:
    Status pull(const FollowBuffer::Taken& taken, std::string& out) override {
        log_sink_.set_output(out);
        event_sink_.set_output(out);
        // After a look that failed one of the two may have missed news that the other has.
        const FollowBuffer::Taken from_tables{{}, true};
        const auto& news = failed_ ? from_tables : taken;
        const bool catches_up = news.lost || must_read();
        failed_ = true;
        WINDLASS_TRY_STATUS(catches_up ? catch_up(news) : tell_in_order(news));
        failed_ = false;
        return {};
    }
    Status catch_up(const FollowBuffer::Taken& taken) {
        // The events first: what they say of the state is then no news to the look at the output.
        WINDLASS_TRY_STATUS(pull_events(taken));
        return pull_into(taken, log_sink_);
    }
    Status tell_in_order(const FollowBuffer::Taken& taken) {
        for (const auto& news : taken.news) {
            const FollowBuffer::Taken one{{news}, false};
            WINDLASS_TRY_STATUS(pull_into(one, log_sink_));
            WINDLASS_TRY_STATUS(pull_events(one));
        }
        return {};
    }
    Status pull_events(const FollowBuffer::Taken& taken) {
        return events_.pull(
            taken, [this](const EventPosition& from) { return look_at_events(from); }, event_sink_);
    }
    bool must_read() const override { return failed_ || OutputStreaming::must_read() || events_.must_read(); }
    bool ended() const override { return OutputStreaming::ended() && events_.ended(); }
    void end(std::string& out) override {
        log_sink_.set_output(out);
        log_sink_.flush();
        append_end(out, EventPosition{events_.position().seq, true}.text(), job(), events_.final_state(),
                   append_json_line);
    }

    EventFollowing events_;
    SseLog log_sink_;
    SseEvents event_sink_;
    bool failed_ = false;
};

class ByteStream final : public OutputStreaming {
  public:
    using OutputStreaming::OutputStreaming;

  private:
    class Bytes final : public LogSink {
      public:
        explicit Bytes(std::string& out) : out_(out) {}
        void output(AttemptNumber, OutputStream, std::int64_t, std::string_view bytes) override { out_ += bytes; }

      private:
        std::string& out_;
    };
    Status pull(const FollowBuffer::Taken& taken, std::string& out) override {
        Bytes sink(out);
        return pull_into(taken, sink);
    }
};

template <class Stream, class... Arguments>
OrProblem<std::shared_ptr<ChunkSource>> seated(const Call& call, Arguments&&... arguments) {
    auto seat = call.app.rates.follow(call.principal.id);
    if (!seat) {
        Problem problem = make_problem(429, "You follow as many jobs as one account may; let one of them go first.");
        problem.retry_after_s = 10;
        return problem;
    }
    auto stream = std::make_shared<Stream>(call, std::forward<Arguments>(arguments)...);
    stream->sit_on(std::move(seat));
    return std::shared_ptr<ChunkSource>(std::move(stream));
}

}  // namespace

OrProblem<std::shared_ptr<ChunkSource>> follow_events(const Call& call, JobId job, EventPosition from) {
    return seated<EventStream>(call, job, from);
}

OrProblem<std::shared_ptr<ChunkSource>> follow_log(const Call& call, JobId job, LogPosition from,
                                                   std::optional<OutputStream> stream, LogEncoding encoding) {
    return seated<LogStream>(call, job, from, stream, encoding);
}

OrProblem<std::shared_ptr<ChunkSource>> follow_job(const Call& call, JobId job, EventPosition events,
                                                   const LogPosition& log) {
    return seated<WholeStream>(call, job, events, log);
}

OrProblem<std::shared_ptr<ChunkSource>> follow_bytes(const Call& call, JobId job, LogPosition from,
                                                     OutputStream stream) {
    return seated<ByteStream>(call, job, from, stream);
}

Response event_stream_response(std::shared_ptr<ChunkSource> source) {
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("X-Accel-Buffering",
                                  "no");  // proxies of the nginx family hold answers back otherwise
    response.stream = std::move(source);
    return response;
}

}  // namespace windlass::api
