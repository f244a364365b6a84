// Times, plans and sizes as people write them: cron lines (shared/cron.h), RFC 3339 (api/rfc3339.h), sizes and
// durations (cli/units.h), addresses of servers (cli/server_url.h). Each line of the input is tried as each of them.
//
// Promises: the next run is later than the moment asked for, on a day and at a minute that the line names; a moment of
// RFC 3339 is what the C library makes of the same digits; sizes and durations are positive and bounded; the normal
// form of an address is its own normal form.
#include <ctime>

#include "api/rfc3339.h"
#include "api/schedule_fields.h"
#include "cli/server_url.h"
#include "cli/units.h"
#include "shared/cron.h"
#include "tests/fuzz/target.h"

namespace windlass::fuzz {
namespace {

// Days on which clocks change in some of the zones, and the ends of what times there are.
constexpr std::int64_t moments_s[] = {0, 1'774'744'200, 1'793'491'199, 1'790'000'000, 4'102'444'799};

void try_plan(std::string_view line, std::string_view time_zone) {
    const auto cron = Cron::parse(line, time_zone);
    if (!cron) {
        require(!cron.error().message.empty(), "a refusal is a sentence");
        return;
    }
    const auto after = from_unix_us(moments_s[line.size() % std::size(moments_s)] * 1'000'000);
    const auto first = cron->next(after);
    if (!first) return;
    require(*first > after, "the next run is later");
    require(to_unix_us(*first) % 60'000'000 == 0, "a run begins with a minute");
    const auto second = cron->next(*first);
    require(second.has_value() && *second > *first, "a plan that comes once comes again");
    // Nothing is left out: between two runs there is none.
    const auto between = cron->next(*second - Microseconds{1});
    require(between == second, "the run after the moment before a run is that run");
}

int digits(std::string_view text, std::size_t at, std::size_t count) {
    int value = 0;
    for (std::size_t i = at; i < at + count; ++i) value = value * 10 + (text[i] - '0');
    return value;
}

void try_moment(std::string_view text) {
    const auto moment = api::parse_rfc3339(text);
    if (!moment) return;
    require(text.size() >= 20, "a moment has all its parts", text);
    std::tm parts{};
    parts.tm_year = digits(text, 0, 4) - 1900;
    parts.tm_mon = digits(text, 5, 2) - 1;
    parts.tm_mday = digits(text, 8, 2);
    parts.tm_hour = digits(text, 11, 2);
    parts.tm_min = digits(text, 14, 2);
    parts.tm_sec = digits(text, 17, 2);
    std::int64_t seconds = ::timegm(&parts);
    if (const auto last = text.back(); last != 'Z' && last != 'z') {
        const auto zone = text.substr(text.size() - 6);
        const int offset = digits(zone, 1, 2) * 3600 + digits(zone, 4, 2) * 60;
        seconds -= zone.front() == '-' ? -offset : offset;
    }
    const auto us = to_unix_us(*moment);
    require(us >= seconds * 1'000'000 && us < (seconds + 1) * 1'000'000, "a moment is what the C library makes of it",
            text);
}

void try_units(std::string_view text) {
    if (const auto bytes = cli::parse_bytes(text))
        require(*bytes >= 1 && *bytes <= 9'000'000'000'000'000, "a size is positive and bounded", text);
    if (const auto seconds = cli::parse_seconds(text))
        require(*seconds > 0 && *seconds <= 1e9, "a duration is positive and bounded", text);
}

void try_address(std::string_view text) {
    const auto url = cli::normal_url(std::string(text));
    if (!url) return;
    const auto again = cli::normal_url(*url);
    require(again.ok() && *again == *url, "a normal form is its own normal form", *url);
    require(url->find_first_of(std::string_view("\0@#? \r\n", 7)) == std::string::npos, "an address is host and port",
            *url);
}

}  // namespace

void fuzz_plans_and_units(std::string_view input) {
    input = input.substr(0, 400);
    for (int lines = 0; !input.empty() && lines < 4; ++lines) {
        const auto end = std::min(input.find('\n'), input.size());
        const auto line = input.substr(0, end);
        input.remove_prefix(std::min(end + 1, input.size()));
        const auto fault = api::fault_of_cron(line);
        constexpr std::string_view zones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"};
        const auto zone = zones[line.size() % std::size(zones)];
        try_plan(line, zone);
        if (fault.empty()) require(Cron::parse(line, zone).ok(), "a line without fault is a plan", line);
        (void)api::fault_of_time_zone(line);
        try_moment(line);
        try_units(line);
        try_address(line);
    }
}

}  // namespace windlass::fuzz
