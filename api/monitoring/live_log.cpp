// GET /api/admin/livelog: the log of this process, the last lines first and then each new one.
#include <utility>

#include "api/job_stream.h"
#include "api/line_feed.h"
#include "api/monitoring/live.h"
#include "api/monitoring/log_tail.h"
#include "api/rights_watch.h"
#include "api/sse.h"

namespace windlass::api {
namespace {

constexpr const char* too_slow = "the log comes faster than it was read";

class LogSource : public ChunkSource {
  public:
    explicit LogSource(const Call& call) : rights_(call) {}

    void attach(Wake wake) override { follower_ = LogTail::of_this_process().follow(std::move(wake)); }
    bool next(std::string& out) override {
        rights_.look();
        begin(out);
        append(out, follower_->take());
        return !follower_->was_too_slow();
    }
    bool heartbeat(std::string& out) override {
        const bool more = next(out);
        if (more && out.empty()) sign_of_life(out);
        return more;
    }

  protected:
    virtual void begin(std::string&) {}
    virtual void append(std::string& out, std::string lines) { out += lines; }
    virtual void sign_of_life(std::string&) {}

  private:
    RightsWatch rights_;
    std::shared_ptr<LogTail::Follower> follower_;
};

class LogEvents final : public LogSource {
  public:
    using LogSource::LogSource;

  private:
    void begin(std::string& out) override {
        if (!std::exchange(greeted_, true)) append_greeting(out);
    }
    void append(std::string& out, std::string lines) override {
        std::string_view rest = lines;
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            out.append("event: line\ndata: ").append(rest.substr(0, end)).append("\n\n");
            rest.remove_prefix(end + 1);
        }
    }
    void sign_of_life(std::string& out) override { append_heartbeat(out); }

    bool greeted_ = false;
};

}  // namespace

OrProblem<Reply> live_log_events(const Call& call) {
    return Reply(event_stream_response(std::make_shared<LogEvents>(call)));
}

OrProblem<Reply> live_log(const Call& call) {
    if (accepts_events(call.request.header("Accept"))) return live_log_events(call);
    return Reply(Upgrade{std::make_shared<LineFeed>(std::make_shared<LogSource>(call), too_slow)});
}

}  // namespace windlass::api
