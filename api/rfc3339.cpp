#include "api/rfc3339.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace windlass::api {
namespace {

class Scanner {
  public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    // Exactly so many digits.
    int number(int digits) {
        int value = 0;
        for (int i = 0; i < digits; ++i) value = value * 10 + digit();
        return value;
    }
    void sign(char wanted) { good_ = good_ && take() == wanted; }
    void either(char one, char other) {
        const char c = take();
        good_ = good_ && (c == one || c == other);
    }
    char take() {
        if (rest_.empty()) {
            good_ = false;
            return '\0';
        }
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }
    char next() const { return rest_.empty() ? '\0' : rest_.front(); }
    bool is_digit() const { return next() >= '0' && next() <= '9'; }
    void fail() { good_ = false; }
    bool ended() const { return good_ && rest_.empty(); }

  private:
    int digit() {
        const char c = take();
        if (c < '0' || c > '9') good_ = false;
        return good_ ? c - '0' : 0;
    }

    std::string_view rest_;
    bool good_ = true;
};

Microseconds fraction(Scanner& scan) {
    if (scan.next() != '.') return Microseconds{0};
    scan.take();
    std::int64_t us = 0;
    int digits = 0;
    for (; scan.is_digit(); ++digits) {
        const int value = scan.take() - '0';
        if (digits < 6) us = us * 10 + value;
    }
    if (digits == 0 || digits > 9) scan.fail();
    for (; digits < 6; ++digits) us *= 10;
    return Microseconds{us};
}

std::chrono::minutes zone(Scanner& scan) {
    const char c = scan.take();
    if (c == 'Z' || c == 'z') return std::chrono::minutes{0};
    if (c != '+' && c != '-') scan.fail();
    const int hours = scan.number(2);
    scan.sign(':');
    const int minutes = scan.number(2);
    if (hours > 23 || minutes > 59) scan.fail();
    const std::chrono::minutes offset{hours * 60 + minutes};
    return c == '-' ? -offset : offset;
}

}  // namespace

std::optional<WallTime> parse_rfc3339(std::string_view text) {
    Scanner scan(text);
    const std::chrono::year year{scan.number(4)};
    scan.sign('-');
    const std::chrono::month month{static_cast<unsigned>(scan.number(2))};
    scan.sign('-');
    const std::chrono::day day{static_cast<unsigned>(scan.number(2))};
    scan.either('T', 't');
    const int hour = scan.number(2);
    scan.sign(':');
    const int minute = scan.number(2);
    scan.sign(':');
    const int second = scan.number(2);
    const Microseconds part = fraction(scan);
    const auto offset = zone(scan);
    const std::chrono::year_month_day date{year, month, day};
    if (!scan.ended() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
    return WallTime{std::chrono::sys_days{date}} + std::chrono::hours{hour} + std::chrono::minutes{minute} +
           Seconds{second} + part - offset;
}

std::string time_text(WallTime time) {
    const auto whole = std::chrono::floor<Seconds>(time);
    const auto ms = std::chrono::floor<Milliseconds>(time - whole).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(static_cast<std::time_t>(whole.time_since_epoch().count())), ms);
}

}  // namespace windlass::api
