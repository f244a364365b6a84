#include "cli/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace windlass::cli {
namespace {

// The number at the beginning of `text`, which loses it; negative: there is none.
double take_number(std::string_view& text) {
    double value = -1;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (failed != std::errc() || !std::isfinite(value) || value < 0) return -1;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

template <std::size_t N>
double factor_of(const std::array<std::pair<std::string_view, double>, N>& units, std::string_view unit) {
    for (const auto& [name, factor] : units)
        if (unit == name) return factor;
    return 0;
}

constexpr double k = 1024, m = k * k, g = m * k, t = g * k;
constexpr std::array<std::pair<std::string_view, double>, 14> byte_units = {{{"", 1},
                                                                             {"B", 1},
                                                                             {"K", k},
                                                                             {"KiB", k},
                                                                             {"M", m},
                                                                             {"MiB", m},
                                                                             {"G", g},
                                                                             {"GiB", g},
                                                                             {"T", t},
                                                                             {"TiB", t},
                                                                             {"kB", 1e3},
                                                                             {"MB", 1e6},
                                                                             {"GB", 1e9},
                                                                             {"TB", 1e12}}};
constexpr std::array<std::pair<std::string_view, double>, 5> time_units = {
    {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}}};

}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
    std::string_view rest = text;
    const double value = take_number(rest);
    const double bytes = value * factor_of(byte_units, rest);
    if (value < 0 || !(bytes >= 1) || bytes > 9e15)
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\" is no size: give bytes, or a number with KiB, MiB, GiB", text));
    return static_cast<std::int64_t>(bytes);
}

Result<double> parse_seconds(std::string_view text) {
    const auto wrong = [&] {
        return make_error(ErrorKind::invalid,
                          fmt::format("\"{}\" is no duration: give seconds, or something like 90s, 1h30m, 2d", text));
    };
    std::string_view rest = text;
    double seconds = 0;
    bool any = false;
    while (!rest.empty()) {
        const double value = take_number(rest);
        if (value < 0) return wrong();
        const std::size_t unit_size = std::min(rest.find_first_of("0123456789."), rest.size());
        const std::string_view unit = rest.substr(0, unit_size);
        const double factor = unit.empty() && !any && rest.empty() ? 1 : factor_of(time_units, unit);
        if (factor == 0) return wrong();
        seconds += value * factor;
        rest.remove_prefix(unit_size);
        any = true;
    }
    if (!any || !(seconds > 0) || seconds > 1e9) return wrong();
    return seconds;
}

}  // namespace windlass::cli
