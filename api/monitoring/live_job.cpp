// GET /api/live/{id}: what a running job uses, as it is measured.
//
//   server, every default sample interval   {"Type":3,"MetricData":[…]}   the intervals that have become complete
//   client                                  {"Type":1,"StartTime":s,"StopTime":s}
//   server, in answer                       {"Type":2,"MetricData":[…]}   of that time, both ends part of it
//
// When the job has ended the rest is told, and the WebSocket is closed with 1000.
#include <algorithm>
#include <utility>

#include "api/front/websocket.h"
#include "api/job_stream.h"
#include "api/monitoring/handlers.h"
#include "api/monitoring/live.h"
#include "api/monitoring/metric_stream.h"
#include "api/monitoring/monitoring.h"
#include "api/monitoring/sample_intervals.h"
#include "api/monitoring/ticker.h"
#include "api/rights_watch.h"
#include "api/sse.h"
#include "shared/json.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

enum class FrameType { request = 1, answer = 2, push = 3 };

// A sample is in the tables so long after it was taken, as a rule.
constexpr std::int64_t stored_after_s = 2;
constexpr std::int64_t longest_time_s = 366LL * 24 * 3600;

// The frames about one job.
class LiveFrames {
  public:
    // The job is there.
    static OrProblem<LiveFrames> about(const Call& call, std::int64_t id) {
        LiveFrames frames(call, id);
        WINDLASS_TRY(frames.job_, monitored_job(call, id));
        WINDLASS_TRY(const auto config, frames.measurements().config());
        std::int64_t interval_s = 86'400;
        for (const auto* metric : metrics_of(config, frames.job_))
            interval_s = std::min(interval_s, sample_interval_s(*metric));
        frames.interval_s_ = interval_s == 86'400 ? sample_interval_s({}) : interval_s;
        frames.told_until_s_ = frames.complete_s();
        return frames;
    }

    Seconds interval() const { return Seconds{interval_s_}; }
    bool ended() const { return ended_; }

    // Appends a push if an interval has become complete since the last one. What goes wrong is tried again next time.
    void push(std::string& out) {
        rights_.look();
        if (ended_ || now_s() < next_s_) return;
        auto job = monitored_job(rights_.call(), id_);
        if (!job && job.error().status >= 500) return;
        const bool over = !job || !job->is_running;
        if (job) job_ = *std::move(job);
        const std::int64_t until_s = over ? now_s() : complete_s();
        if (until_s <= told_until_s_ && !over) return;
        auto frame = render(FrameType::push, {told_until_s_, std::max(told_until_s_, until_s - 1)}, interval_s_);
        if (!frame) {
            log::debug("request {}: the live figures of job {}: {}", rights_.call().request.id, id_,
                       frame.error().message);
            return;
        }
        out += *frame;
        told_until_s_ = until_s;
        next_s_ = now_s() + interval_s_;
        ended_ = over;
    }

    // unavailable: the database is away.
    Result<std::string> answer(ShownTime time) const {
        return render(FrameType::answer, time, sample_intervals(time.duration_s(), interval_s_).best_s);
    }

  private:
    LiveFrames(const Call& call, std::int64_t id) : rights_(call), id_(id) {}

    Measurements measurements() const { return Measurements(rights_.call().app.monitoring.pool); }
    std::int64_t now_s() const { return to_unix_us(rights_.call().app.clock.now().wall) / 1'000'000; }
    // The intervals before this moment are complete.
    std::int64_t complete_s() const { return (now_s() - stored_after_s) / interval_s_ * interval_s_; }

    Result<std::string> render(FrameType type, ShownTime time, std::int64_t interval_s) const {
        WINDLASS_TRY(const auto config, measurements().config());
        std::string frame = "{\"Type\":" + std::to_string(static_cast<int>(type)) + ",\"MetricData\":[";
        bool first = true;
        for (const auto* metric : metrics_of(config, job_)) {
            MetricAnswer answer;
            answer.job = job_;
            answer.metrics = {*metric};
            answer.time = time;
            answer.interval_s = interval_s;
            answer.whole_job = false;
            WINDLASS_TRY(const auto stream,
                         metric_stream(measurements(), std::move(answer), rights_.call().request.id));
            if (!std::exchange(first, false)) frame += ',';
            while (stream->next(frame)) {
            }
        }
        return frame + "]}";
    }

    RightsWatch rights_;
    std::int64_t id_;
    JobMetadata job_;
    std::int64_t interval_s_ = 30;
    std::int64_t told_until_s_ = 0;
    std::int64_t next_s_ = 0;
    bool ended_ = false;
};

// A client's question; nullopt: it is none.
std::optional<ShownTime> parse_request(std::string_view text) {
    const auto document = parse_json(text);
    if (!document || !document->IsObject()) return std::nullopt;
    const auto number = [&](const char* name) -> std::optional<std::int64_t> {
        const auto member = document->FindMember(name);
        if (member == document->MemberEnd() || !member->value.IsInt64()) return std::nullopt;
        return member->value.GetInt64();
    };
    const auto from = number("StartTime"), to = number("StopTime");
    const bool good = number("Type") == static_cast<std::int64_t>(FrameType::request) && from && to && *from >= 0 &&
                      *to >= *from && *to < (std::int64_t{1} << 40) && *to - *from <= longest_time_s;
    return good ? std::optional(ShownTime{*from, *to}) : std::nullopt;
}

class LiveSocket final : public WebSocketHandler {
  public:
    explicit LiveSocket(LiveFrames frames) : frames_(std::move(frames)) {}

    void on_open(const WebSocketPeer& peer) override {
        peer_.emplace(peer);
        tick_ = Ticker::of_this_process().every(frames_.interval(), [peer] { peer.wake(); });
    }
    void on_message(WebSocketMessage message) override {
        const auto time = parse_request(message.data);
        if (!time)
            return peer_->close(websocket_close::unsupported_data,
                                R"(ask {"Type":1,"StartTime":s,"StopTime":s}, at most a year)");
        const auto answer = frames_.answer(*time);
        if (!answer) return peer_->close(websocket_close::try_again_later, "the database does not answer now");
        peer_->send_text(*answer);
    }
    void on_wake() override { push(); }
    void on_heartbeat() override { push(); }
    void on_close(std::uint16_t, std::string_view) override { tick_.reset(); }

  private:
    void push() {
        std::string frame;
        try {
            frames_.push(frame);
        } catch (const RightsLost& lost) {
            return peer_->close(websocket_close::policy_violation, lost.what());
        }
        if (!frame.empty()) peer_->send_text(std::move(frame));
        if (frames_.ended()) peer_->close(websocket_close::normal, "the job has ended");
    }

    LiveFrames frames_;
    std::optional<WebSocketPeer> peer_;
    std::shared_ptr<void> tick_;
};

class LiveEvents final : public ChunkSource {
  public:
    explicit LiveEvents(LiveFrames frames) : frames_(std::move(frames)) {}

    void attach(Wake wake) override { tick_ = Ticker::of_this_process().every(frames_.interval(), std::move(wake)); }
    bool next(std::string& out) override {
        if (!std::exchange(greeted_, true)) append_greeting(out);
        std::string frame;
        frames_.push(frame);
        if (!frame.empty()) out.append("event: metrics\ndata: ").append(frame).append("\n\n");
        if (frames_.ended()) out += "event: end\ndata: {}\n\n";
        return !frames_.ended();
    }
    bool heartbeat(std::string& out) override {
        const bool more = next(out);
        if (more && out.empty()) append_heartbeat(out);
        return more;
    }

  private:
    LiveFrames frames_;
    std::shared_ptr<void> tick_;
    bool greeted_ = false;
};

OrProblem<LiveFrames> frames_of_path(const Call& call) {
    const auto id = call.path_id();
    if (!id) return not_found("There is no such job.");
    return LiveFrames::about(call, *id);
}

}  // namespace

OrProblem<Reply> live_job_events(const Call& call) {
    WINDLASS_TRY(auto frames, frames_of_path(call));
    return Reply(event_stream_response(std::make_shared<LiveEvents>(std::move(frames))));
}

OrProblem<Reply> live_job(const Call& call) {
    WINDLASS_TRY(auto frames, frames_of_path(call));
    if (accepts_events(call.request.header("Accept")))
        return Reply(event_stream_response(std::make_shared<LiveEvents>(std::move(frames))));
    return Reply(Upgrade{std::make_shared<LiveSocket>(std::move(frames))});
}

}  // namespace windlass::api
