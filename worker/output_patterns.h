// The patterns of JobSpec.outputs: which files beside out/ a job wants to be kept. Paths are relative to the working
// directory, names are bytes. In a pattern * stands for any bytes within a name, ? for one, a name ** for any number of
// directories, none included, and a / at the end for everything below that directory.
//
// Made for a walk that goes down name by name, so that directories in which nothing can match are never read.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace windlass::worker {

class OutputPatterns {
  public:
    explicit OutputPatterns(const std::vector<std::string>& patterns);

    // How far each pattern has come on the way down to a directory.
    using Place = std::vector<std::pair<std::uint32_t, std::uint32_t>>;  // pattern, name in it; sorted

    Place start() const;
    // One name further down. Empty: nothing below can match.
    Place below(const Place& place, std::string_view name);
    // The file of this name in the directory at `place`.
    bool takes(const Place& place, std::string_view name);
    // A pattern says exactly this path, without * and ?.
    bool names(std::string_view path) const;

    bool empty() const { return patterns_.empty(); }
    // Matching took more steps than any sensible patterns need. From then on nothing matches.
    bool gave_up() const { return steps_left_ < 0; }

  private:
    bool fits(std::string_view pattern, std::string_view name);
    void add(Place& place, std::uint32_t pattern, std::uint32_t at) const;

    std::vector<std::vector<std::string>> patterns_;  // as names
    std::vector<std::string> texts_;
    std::int64_t steps_left_ = 100'000'000;  // a third of a second or so
};

}  // namespace windlass::worker
