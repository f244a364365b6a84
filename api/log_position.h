// Where somebody is in what a job prints: the id of every event of a followed log, and what comes back as
// Last-Event-ID. "2:out:4711:err:12" is before byte 4711 of the standard output and byte 12 of the standard error of
// the second attempt; ":end" behind it: all was told, the end of the job too.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "shared/ids.h"
#include "shared/outcome.h"

namespace windlass::api {

struct LogPosition {
    AttemptNumber attempt = 0;  // 0: before the first
    std::array<std::int64_t, 2> offsets{};
    bool end = false;

    std::int64_t& of(OutputStream stream) { return offsets[index(stream)]; }
    std::int64_t of(OutputStream stream) const { return offsets[index(stream)]; }
    std::string text() const;
    static std::optional<LogPosition> parse(std::string_view text);
    bool operator==(const LogPosition&) const = default;

    static std::size_t index(OutputStream stream) { return stream == OutputStream::standard_error ? 1 : 0; }
};

// The same for the events of a job: "17" is behind event 17, "17:end" behind the end.
struct EventPosition {
    std::int64_t seq = 0;
    bool end = false;

    std::string text() const;
    static std::optional<EventPosition> parse(std::string_view text);
    bool operator==(const EventPosition&) const = default;
};

}  // namespace windlass::api
