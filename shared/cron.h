// When a recurring job is to run: five fields and a time zone.
//
//   ┌ minute 0-59   ┌ hour 0-23   ┌ day of the month 1-31   ┌ month 1-12 or jan-dec   ┌ day of the week 0-7 or sun-sat
//   30              4             *                         *                         mon-fri
//
// The syntax is that of crontab(5): lists, ranges, steps, names; 0 and 7 are Sunday; when both days are restricted, one
// of them is enough. @hourly, @daily (@midnight), @weekly, @monthly and @yearly (@annually) are known.
//
// When clocks change: with a fixed hour, a time that does not exist is run when the gap is over, one that exists twice
// is run the first time. With every hour (`*`, `*/n`), what counts is the time that really passes.
//
// Pure but for the system's time zone database.
#pragma once

#include <bitset>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/result.h"
#include "shared/time.h"

namespace windlass {

class Cron {
  public:
    // `time_zone`: of the IANA database, "Europe/Berlin"; "UTC". invalid: what is wrong, with which field.
    static Result<Cron> parse(std::string_view expression, std::string_view time_zone);

    // The first planned moment after `after`; nullopt when there is none in the next 30 years ("30 2 31 2 *").
    std::optional<WallTime> next(WallTime after) const;

  private:
    struct Zone;

    Cron() = default;

    std::bitset<60> minutes_;
    std::bitset<24> hours_;
    std::bitset<32> days_;  // of the month
    std::bitset<13> months_;
    std::bitset<7> weekdays_;  // 0 is Sunday
    bool any_day_ = true;      // the day of the month begins with *
    bool any_weekday_ = true;
    bool any_hour_ = true;  // the hour begins with *
    std::shared_ptr<const Zone> zone_;
};

}  // namespace windlass
