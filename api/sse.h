// Server-Sent Events (WHATWG HTML, section 9.2): text in which a browser's EventSource, and anybody with curl, can
// follow something, and come back to where he was by Last-Event-ID.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "api/job_following.h"
#include "shared/json.h"

namespace windlass::api {

// Accept names text/event-stream.
bool accepts_events(std::string_view accept);

// `data` in one line, which JSON always is.
void append_event(std::string& out, std::string_view type, std::string_view id, std::string_view data);
// What begins every stream: how soon to come back after a break.
void append_greeting(std::string& out);
// A comment: the client ignores it, and whoever is between us sees that the connection lives.
void append_heartbeat(std::string& out);
// The same as a line of JSON, for those who follow by WebSocket: {"type": "event" (a state), "log" (output) or "end",
// "position": the id, and the members of `data`}.
void append_json_line(std::string& out, std::string_view type, std::string_view id, std::string_view data);
using AppendEvent = decltype(&append_event);
// The end of the job and of the stream. `id` makes whoever comes back with it go away content.
void append_end(std::string& out, std::string_view id, JobId job, JobState state, AppendEvent append = append_event);

// Number of bytes at the end that are the beginning of a character whose rest is still to come: 0 to 3.
std::size_t unfinished_character(std::string_view bytes);

enum class LogEncoding { text, base64 };

// `event: output`, data {"attempt", "stream", "offset", "text" or "base64"}. Text: bytes that are no UTF-8 become
// U+FFFD; a character that two pieces share goes out whole, with the second one.
class SseLog final : public LogSink {
  public:
    SseLog(LogPosition from, LogEncoding encoding, AppendEvent append = append_event)
        : told_(from), encoding_(encoding), append_(append) {}

    // Where the events are appended to from now on.
    void set_output(std::string& out) { out_ = &out; }
    void output(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes) override;
    // What is held back waits for nothing any more.
    void flush();
    // The client has everything before this.
    const LogPosition& told() const { return told_; }

  private:
    void tell(OutputStream stream, std::string_view bytes);

    LogPosition told_;
    LogEncoding encoding_;
    AppendEvent append_;
    std::array<std::string, 2> held_back_;  // of each stream, from told_ on
    std::string* out_ = nullptr;
};

// `event: state`, data as in the list of events.
class SseEvents final : public EventSink {
  public:
    explicit SseEvents(AppendEvent append = append_event) : append_(append) {}
    void set_output(std::string& out) { out_ = &out; }
    void event(const JobEvent& event) override;

  private:
    AppendEvent append_;
    std::string* out_ = nullptr;
};

}  // namespace windlass::api
