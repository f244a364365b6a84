// How a line of the log looks in each format (log.h). Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "shared/log.h"

namespace windlass::log {

struct Line {
    std::chrono::system_clock::time_point at;
    Level level = Level::info;
    std::string_view program;
    std::string_view text;
    Fields fields;
};

// None ends with a line end. What is no UTF-8 is made so, and what would begin a new line is written as \n: a line
// stays one line, whatever somebody put into a name.
std::string as_text(const Line& line);
std::string as_json(const Line& line);
// One datagram of https://systemd.io/JOURNAL_NATIVE_PROTOCOL/. Cut to 64 KiB, which a socket takes whole.
std::string as_journal_entry(const Line& line);

}  // namespace windlass::log
