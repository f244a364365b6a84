// Logging to standard error, where journald or a person reads it. Thread-safe. Never pass passwords or tokens.
//
// A line is a sentence for people, and fields for programs: log::info({field::job(id)}, "…"). How it looks (log.format):
//   text     2026-01-02T03:04:05.678Z info [worker] the sentence (job_id=7)
//            A field whose value stands in the sentence is not said twice.
//   json     {"time": "…", "level": "info", "program": "worker", "message": "the sentence", "job_id": "7"}
//   journal  the native protocol of journald: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, WINDLASS_JOB_ID
#pragma once

#include <fmt/format.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "shared/ids.h"
#include "shared/result.h"

namespace windlass::log {

enum class Level { debug, info, warning, error };

struct Field {
    std::string_view name;  // lower case and underscores; lives longer than the call
    std::string value;      // empty: the field is left out
};
using Fields = std::initializer_list<Field>;

// The names that all daemons use alike.
namespace field {
Field job(JobId id);
Field attempt(AttemptRef attempt);
Field request(std::string_view id);
Field traceparent(std::string_view value);
Field worker(std::string_view name);
}  // namespace field

// Before the first line; `program` stands in each line when several daemons share one terminal.
//   level   debug, info, warning or error
//   format  text, json, journal or auto: journal when standard error is journald's (JOURNAL_STREAM), else text
Status configure(std::string_view program, std::string_view level, std::string_view format = "text");
bool enabled(Level level);
void write(Level level, std::string_view text, Fields fields = {});

// Told every line from now on, as `text` shows it, without a line end. On any thread, and under a lock of the log: it
// must be quick and must not log. One at a time; empty: nobody.
void set_listener(std::function<void(std::string_view line)> listener);

template <class... A>
void debug(fmt::format_string<A...> text, A&&... arguments) {
    if (enabled(Level::debug)) write(Level::debug, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void info(fmt::format_string<A...> text, A&&... arguments) {
    if (enabled(Level::info)) write(Level::info, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void warning(fmt::format_string<A...> text, A&&... arguments) {
    if (enabled(Level::warning)) write(Level::warning, fmt::format(text, std::forward<A>(arguments)...));
}
template <class... A>
void error(fmt::format_string<A...> text, A&&... arguments) {
    if (enabled(Level::error)) write(Level::error, fmt::format(text, std::forward<A>(arguments)...));
}

// With fields. Building them costs a little: ask enabled() first where a line is rarely wanted.
template <class... A>
void write(Level level, Fields fields, fmt::format_string<A...> text, A&&... arguments) {
    if (enabled(level)) write(level, std::string_view(fmt::format(text, std::forward<A>(arguments)...)), fields);
}

}  // namespace windlass::log
