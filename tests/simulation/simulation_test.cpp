// The queue, run with everything around it going wrong, by seed. See world.h for what is simulated and shared/guard.h
// for the proof that this would notice.
//
//   WINDLASS_SIM_SEEDS=100000 simulation_test       more seeds (default: 200)
//   WINDLASS_SIM_SEED=1234 simulation_test          one seed again
//   WINDLASS_SIM_SEED=1234 WINDLASS_SIM_TRACE=1 …   and everything that happens in it
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "shared/guard.h"
#include "tests/simulation/world.h"

namespace windlass::simulation {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Total {
    std::uint64_t seeds = 0, steps = 0;
    std::map<std::string, std::size_t> counts;
    std::map<JobState, std::size_t> ends;

    void add(const Report& report) {
        ++seeds;
        steps += report.steps;
        for (const auto& [what, count] : report.counts) counts[what] += count;
        for (const auto& [state, count] : report.ends) ends[state] += count;
    }
    void print(double seconds) const {
        std::printf("%llu seeds, %llu steps in %.1f s: %.0f steps per second\n", static_cast<unsigned long long>(seeds),
                    static_cast<unsigned long long>(steps), seconds, static_cast<double>(steps) / seconds);
        for (const auto& [what, count] : counts) std::printf("  %zu %s\n", count, what.c_str());
        for (const auto& [state, count] : ends) std::printf("  %zu %s\n", count, std::string(name(state)).c_str());
    }
};

void expect_every_promise_holds(Weather weather, std::uint64_t seeds) {
    const std::uint64_t only = number_from_environment("WINDLASS_SIM_SEED", 0);
    const std::uint64_t first = only != 0 ? only : 1;
    const std::uint64_t count = only != 0 ? 1 : number_from_environment("WINDLASS_SIM_SEEDS", seeds);
    Total total;
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Report report = World(seed, weather).run();
        total.add(report);
        ASSERT_EQ(report.violation, "") << "replay with WINDLASS_SIM_SEED=" << seed;
    }
    total.print(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    if (count < 50) return;
    // It is no proof if nothing happened.
    for (const auto& [what, happened] : total.counts) EXPECT_GT(happened, 0U) << what;
    EXPECT_GT(total.counts["faults"], count);
    EXPECT_GT(total.counts["attempts"], total.counts["jobs"] / 2);
    for (const JobState state : all_job_states) {
        if (is_final(state)) {
            EXPECT_GT(total.ends[state], 0U) << name(state);
        }
    }
}

TEST(Simulation, every_promise_holds_whatever_fails) {
    expect_every_promise_holds(Weather::mixed, 200);
}

TEST(Simulation, every_promise_holds_in_a_storm) {
    expect_every_promise_holds(Weather::storm, 100);
}

TEST(Simulation, every_promise_holds_when_leaders_freeze_and_thaw) {
    for (std::uint64_t seed = 1; seed <= number_from_environment("WINDLASS_SIM_SEEDS", 100); ++seed)
        ASSERT_EQ(World(seed, Weather::frost).run().violation, "") << "seed " << seed << " of frost";
}

TEST(Simulation, the_same_seed_gives_the_same_run) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        const Report one = World(seed, Weather::storm).run();
        const Report two = World(seed, Weather::storm).run();
        EXPECT_EQ(one.steps, two.steps);
        EXPECT_EQ(one.counts, two.counts);
        EXPECT_EQ(one.virtual_seconds, two.virtual_seconds);
        EXPECT_EQ(one.ends, two.ends);
    }
}

const char* name_of(Weather weather) {
    switch (weather) {
        case Weather::mixed:
            return "mixed";
        case Weather::storm:
            return "storm";
        case Weather::frost:
            return "frost";
    }
    return "";
}

// Takes one guard away and runs until a seed shows it. Must not take long, or nobody would ever have found it.
class MissingGuard : public testing::TestWithParam<std::size_t> {
  protected:
    ~MissingGuard() override { removed_guard = Guard::none; }
};

TEST_P(MissingGuard, is_noticed) {
    const auto enough = number_from_environment("WINDLASS_SIM_GUARD_SEEDS", 1000);
    removed_guard = static_cast<Guard>(GetParam());
    for (std::uint64_t seed = 1; seed <= enough; ++seed)
        for (const Weather weather : {Weather::storm, Weather::mixed, Weather::frost}) {
            const Report report = World(seed, weather).run();
            if (report.violation.empty()) continue;
            std::printf("%-28s %s %-4llu %s\n", std::string(guard_names.at(GetParam())).c_str(), name_of(weather),
                        static_cast<unsigned long long>(seed), report.violation.c_str());
            return;
        }
    FAIL() << "nothing was noticed in " << enough << " seeds";
}

INSTANTIATE_TEST_SUITE_P(Simulation, MissingGuard,
                         testing::Range(std::size_t{1}, static_cast<std::size_t>(first_sql_guard)),
                         [](const auto& guard) { return std::string(guard_names.at(guard.param)); });

}  // namespace
}  // namespace windlass::simulation
