// Logging to standard error, where journald or a person reads it. Thread-safe. Never pass passwords or tokens.
#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "shared/result.h"

namespace windlass::log {

enum class Level { debug, info, warning, error };

// Before the first line; `program` stands in each line when several daemons share one terminal. Levels: debug, info,
// warning, error.
Status configure(std::string_view program, std::string_view level);
bool enabled(Level level);
void write(Level level, std::string_view text);

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

}  // namespace windlass::log
