// What one attempt uses, as samples: from looks at its box to points of series. Says when to look. Pure.
//
//   first look         when it starts; for many starts at once (SampleAllowance) a second later
//   second look        a second later, so that a processor time per second is known early
//   then               every interval
//   last sample        from what the box says of itself when it has ended
//
// cpu_used (cores), io_read and io_write (bytes per second) are means since the look before; mem_used (bytes) and
// processes are what the look saw. The last mem_used and processes are the highest of the whole run: of what is over
// nothing else is left to be measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "shared/outcome.h"
#include "shared/protocol.h"
#include "shared/time.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

class AttemptSamples {
  public:
    AttemptSamples(Milliseconds interval, SteadyTime started);

    // When to look next; at first at once.
    SteadyTime next() const { return next_; }
    // Not at once, but when the second look would be.
    void put_off();
    // It was looked at.
    void take(const BoxUse& use, Now now);
    // It has ended. Of an attempt that was never looked at there is no sample.
    void ended(const Usage& usage, Now now);
    // Of somebody else: a GPU, the program itself.
    void add(protocol::AttemptSample sample);

    // What has come together since the last call, for the scheduler. While nobody takes them the oldest go.
    std::vector<protocol::AttemptSample> flush();
    SteadyTime started() const { return started_; }

    static constexpr std::size_t most_kept = 2'000;

  private:
    void put(const char* measurement, WallTime at, std::optional<double> value, double unit = 1);
    static std::optional<double> per_second(std::optional<std::int64_t> now, std::optional<std::int64_t> before,
                                            Microseconds passed);

    const Milliseconds interval_;
    const SteadyTime started_;
    SteadyTime next_;
    bool looked_ = false;
    // The look that means are counted from; at first the start, with nothing used.
    SteadyTime base_at_;
    BoxUse base_{Microseconds{0}, std::nullopt, std::nullopt, 0, 0};
    std::vector<protocol::AttemptSample> samples_;
};

// So many first looks a second at most, and some more at once: looks at thousands of short jobs would cost more than
// they tell.
class SampleAllowance {
  public:
    SampleAllowance(double per_second, double at_once) : per_second_(per_second), at_once_(at_once), left_(at_once) {}
    bool take(SteadyTime now);

  private:
    double per_second_, at_once_, left_;
    std::optional<SteadyTime> at_;
};

}  // namespace windlass::worker
