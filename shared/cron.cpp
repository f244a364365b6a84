#include "shared/cron.h"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace windlass {

struct Cron::Zone {
    const date::time_zone* zone = nullptr;  // of the library's database, which lives as long as the process
};

namespace {

struct Field {
    std::string_view name;
    int least = 0;
    int most = 0;
    std::vector<std::string_view> words;  // that stand for least, least + 1, …
};

const std::array<Field, 5>& fields() {
    static const std::array<Field, 5> all = {
        {{"minute", 0, 59, {}},
         {"hour", 0, 23, {}},
         {"day of the month", 1, 31, {}},
         {"month", 1, 12, {"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
         {"day of the week", 0, 7, {"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}}};
    return all;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> nicknames = {{{"@hourly", "0 * * * *"},
                                                                                     {"@daily", "0 0 * * *"},
                                                                                     {"@midnight", "0 0 * * *"},
                                                                                     {"@weekly", "0 0 * * 0"},
                                                                                     {"@monthly", "0 0 1 * *"},
                                                                                     {"@yearly", "0 0 1 1 *"},
                                                                                     {"@annually", "0 0 1 1 *"}}};

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    std::size_t at = 0;
    while (at <= text.size()) {
        const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

std::optional<int> number(std::string_view text, const Field& field) {
    const std::string word = lower(text);
    for (std::size_t i = 0; i < field.words.size(); ++i)
        if (word == field.words[i]) return field.least + static_cast<int>(i);
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

Error wrong(const Field& field, std::string_view part) {
    return make_error(ErrorKind::invalid,
                      fmt::format("the {} \"{}\" is none: it takes numbers from {} to {}{}, ranges "
                                  "(a-b), lists (a,b), steps (*/n) and *",
                                  field.name, part, field.least, field.most, field.words.empty() ? "" : " or names"));
}

// "1-5/2" and its like into the set of its values.
template <std::size_t Size>
Status read_part(std::string_view part, const Field& field, std::bitset<Size>& values) {
    const std::size_t slash = part.find('/');
    const std::string_view range = part.substr(0, slash);
    int step = 1;
    if (slash != std::string_view::npos) {
        const std::string_view text = part.substr(slash + 1);
        const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), step);
        if (text.empty() || failed != std::errc() || end != text.data() + text.size() || step < 1 || step > field.most)
            return wrong(field, part);
    }
    int first = field.least, last = field.most;
    if (range != "*") {
        const std::size_t dash = range.find('-');
        const auto from = number(range.substr(0, dash), field);
        const auto to = dash == std::string_view::npos ? from : number(range.substr(dash + 1), field);
        if (!from || !to || *from < field.least || *to > field.most || *from > *to) return wrong(field, part);
        first = *from;
        // "5/10" is "5-59/10".
        last = dash == std::string_view::npos && slash != std::string_view::npos ? field.most : *to;
    }
    for (int value = first; value <= last; value += step) values.set(static_cast<std::size_t>(value) % Size);
    return Status();
}

template <std::size_t Size>
Status read_field(std::string_view text, const Field& field, std::bitset<Size>& values) {
    for (const std::string_view part : split(text, ",")) WINDLASS_TRY_STATUS(read_part(part, field, values));
    return Status();
}

WallTime utc(const date::time_zone& zone, date::local_time<std::chrono::minutes> local) {
    // choose::earliest: of a time that exists twice the first, of one that does not exist the end of the gap.
    return std::chrono::time_point_cast<Microseconds>(zone.to_sys(local, date::choose::earliest));
}

}  // namespace

Result<Cron> Cron::parse(std::string_view expression, std::string_view time_zone) {
    for (const auto& [nickname, meaning] : nicknames)
        if (lower(expression) == nickname) expression = meaning;
    std::vector<std::string_view> parts = split(expression, " \t");
    std::erase_if(parts, [](std::string_view part) { return part.empty(); });
    if (parts.size() != 5)
        return make_error(ErrorKind::invalid,
                          fmt::format("a cron expression has five fields (minute, hour, day of the month, month, day "
                                      "of the week) or is one of @hourly, @daily, @weekly, @monthly, @yearly; this one "
                                      "has {}",
                                      parts.size()));
    Cron cron;
    WINDLASS_TRY_STATUS(read_field(parts[0], fields()[0], cron.minutes_));
    WINDLASS_TRY_STATUS(read_field(parts[1], fields()[1], cron.hours_));
    WINDLASS_TRY_STATUS(read_field(parts[2], fields()[2], cron.days_));
    WINDLASS_TRY_STATUS(read_field(parts[3], fields()[3], cron.months_));
    WINDLASS_TRY_STATUS(read_field(parts[4], fields()[4], cron.weekdays_));
    cron.any_hour_ = parts[1].front() == '*';
    cron.any_day_ = parts[2].front() == '*';
    cron.any_weekday_ = parts[4].front() == '*';
    try {
        cron.zone_ = std::make_shared<const Zone>(Zone{date::locate_zone(time_zone)});
    } catch (const std::exception&) {
        return make_error(ErrorKind::invalid,
                          fmt::format("there is no time zone \"{}\"; give a name like Europe/Berlin, or UTC",
                                      time_zone.substr(0, 60)));
    }
    return cron;
}

std::optional<WallTime> Cron::next(WallTime after) const {
    using std::chrono::hours;
    using std::chrono::minutes;
    const date::time_zone& zone = *zone_->zone;
    const auto matches = [&](date::local_days day) {
        const date::year_month_day ymd{day};
        if (!months_.test(static_cast<unsigned>(ymd.month()))) return false;
        const bool day_of_month = days_.test(static_cast<unsigned>(ymd.day()));
        const bool day_of_week = weekdays_.test(date::weekday{day}.c_encoding());
        return any_day_ || any_weekday_ ? day_of_month && day_of_week : day_of_month || day_of_week;
    };
    const auto sys = date::floor<std::chrono::seconds>(after);
    // A day early: the end of a gap may lie on the day after the one it is planned for.
    const date::local_days first = date::floor<date::days>(zone.to_local(sys)) - date::days{1};
    for (date::local_days day = first; day < first + date::days{366 * 30}; day += date::days{1}) {
        if (!matches(day)) continue;
        std::optional<WallTime> best;
        const auto consider = [&](WallTime at) {
            if (at > after && (!best || at < *best)) best = at;
        };
        if (any_hour_) {
            // Every minute of the day that really passes.
            const WallTime end = utc(zone, day + date::days{1});
            for (WallTime at = utc(zone, day); at < end; at += minutes{1}) {
                if (at <= after) continue;
                const auto local = zone.to_local(date::floor<minutes>(at));
                const auto of_day = local - date::floor<date::days>(local);
                if (date::floor<date::days>(local) == day && hours_.test(static_cast<std::size_t>(of_day / hours{1})) &&
                    minutes_.test(static_cast<std::size_t>((of_day % hours{1}) / minutes{1}))) {
                    best = at;
                    break;
                }
            }
        } else {
            for (std::size_t hour = 0; hour < 24; ++hour)
                for (std::size_t minute = 0; minute < 60; ++minute)
                    if (hours_.test(hour) && minutes_.test(minute))
                        consider(utc(zone, day + hours{hour} + minutes{minute}));
        }
        if (best) return best;
    }
    return std::nullopt;
}

}  // namespace windlass
