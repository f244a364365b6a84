#include "cli/relative_time.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

namespace windlass::cli {

std::string relative_time(WallTime at, WallTime now) {
    const auto away = std::chrono::duration_cast<Seconds>(at > now ? at - now : now - at).count();
    if (away < 1) return "now";
    std::string text = away < 60      ? fmt::format("{} s", away)
                       : away < 3600  ? fmt::format("{} min", away / 60)
                       : away < 86400 ? fmt::format("{} h", away / 3600)
                                      : fmt::format("{} d", away / 86400);
    return at > now ? "in " + text : text + " ago";
}

std::string duration_text(Milliseconds duration) {
    const std::int64_t ms = std::max<std::int64_t>(duration.count(), 0), s = ms / 1000;
    if (ms < 1000) return fmt::format("{} ms", ms);
    if (s < 60) return fmt::format("{} s", s);
    const auto of_two = [](std::int64_t large, const char* unit, std::int64_t small, const char* small_unit) {
        return small == 0 ? fmt::format("{} {}", large, unit)
                          : fmt::format("{} {} {} {}", large, unit, small, small_unit);
    };
    if (s < 3600) return of_two(s / 60, "min", s % 60, "s");
    if (s < 86400) return of_two(s / 3600, "h", s % 3600 / 60, "min");
    return of_two(s / 86400, "d", s % 86400 / 3600, "h");
}

std::optional<WallTime> server_time(std::string_view text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0;
    double second = 0;
    const std::string whole(text);
    if (std::sscanf(whole.c_str(), "%4d-%2u-%2uT%2u:%2u:%lf", &year, &month, &day, &hour, &minute, &second) != 6 ||
        whole.back() != 'Z')
        return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year{year}, std::chrono::month{month}, std::chrono::day{day}};
    if (!date.ok() || hour > 23 || minute > 59 || !(second >= 0 && second < 61)) return std::nullopt;
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           Microseconds{std::llround(second * 1e6)};
}

std::string bytes_text(std::int64_t bytes) {
    if (bytes < 1024) return fmt::format("{} B", bytes);
    double size = static_cast<double>(bytes);
    const char* const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    for (size /= 1024; size >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
    return fmt::format("{:.1f} {}", size, units[unit]);
}

}  // namespace windlass::cli
