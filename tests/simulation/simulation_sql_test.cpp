// The simulation once more, small, with the real stores on real databases: SQLite, PostgreSQL, and PostgreSQL as
// schedulers with a standby share it. The model follows, and the referee judges as it does without them.
//
//   WINDLASS_SIM_SEEDS=1000 simulation_sql_test     more seeds (default: up to 40 of each, for at most 15 s)
//   WINDLASS_SIM_SEED=17 simulation_sql_test        one seed again
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "shared/guard.h"
#include "tests/simulation/mirrored_store.h"
#include "tests/simulation/world.h"

namespace windlass::simulation {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Kind {
    const char* name;
    Engine engine;
    bool shared;
};
constexpr Kind kinds[] = {{"sqlite", Engine::sqlite, false},
                          {"postgresql", Engine::postgresql, false},
                          {"postgresql_shared", Engine::postgresql, true}};

// How the whole run ended, and whether the database then has what it was given.
Report run(const Kind& kind, std::uint64_t seed, std::size_t* probes) {
    RealDatabase real(kind.engine, kind.shared, seed);
    ModelDatabase* model = nullptr;
    World world(seed, Weather::storm, [&](ModelDatabase& database) {
        model = &database;
        return real.open(database);
    });
    world.make_small();
    Report report = world.run();
    *probes += real.probes();
    if (report.violation.empty()) try {
            real.compare(*model);
        } catch (const Violation& violation) {
            report.violation = violation.what();
        }
    return report;
}

class OnRealDatabase : public testing::TestWithParam<Kind> {
  protected:
    ~OnRealDatabase() override { removed_guard = Guard::none; }
};

TEST_P(OnRealDatabase, every_promise_holds_whatever_fails) {
    const std::uint64_t only = number_from_environment("WINDLASS_SIM_SEED", 0);
    const std::uint64_t first = only != 0 ? only : 1;
    const std::uint64_t wanted = only != 0 ? 1 : number_from_environment("WINDLASS_SIM_SEEDS", 0);
    std::map<std::string, std::size_t> counts;
    const auto began = std::chrono::steady_clock::now();
    const auto seconds = [&] {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    std::uint64_t count = 0;
    while (wanted != 0 ? count < wanted : count < 40 && (seconds() < 15 || count < 3)) {
        const std::uint64_t seed = first + count++;
        const Report report = run(GetParam(), seed, &counts["commits that had to be refused"]);
        ASSERT_EQ(report.violation, "") << "replay with WINDLASS_SIM_SEED=" << seed;
        for (const auto& [what, happened] : report.counts) counts[what] += happened;
    }
    std::printf("%s: %llu seeds in %.1f s\n", GetParam().name, static_cast<unsigned long long>(count), seconds());
    for (const auto& [what, happened] : counts) std::printf("  %zu %s\n", happened, what.c_str());
    if (count < 20) return;
    for (const char* what :
         {"jobs", "attempts", "faults", "arrays", "dependencies", "scheduled jobs", "deposed", "submits under a key",
          "commits with lost answers", "forgotten jobs", "commits that had to be refused"})
        EXPECT_GT(counts[what], 0U) << what;
}

// Takes the checks in the SQL away one by one: each must be missed.
TEST_P(OnRealDatabase, a_missing_guard_of_the_store_is_noticed) {
    const std::uint64_t enough = number_from_environment("WINDLASS_SIM_GUARD_SEEDS", 60);
    std::size_t shown = 0, probes = 0;
    for (std::size_t guard = static_cast<std::size_t>(first_sql_guard); guard < guard_names.size(); ++guard) {
        // Where schedulers share a database the lock is only the usual way to the lead: the epoch has an expiry.
        if (GetParam().shared && static_cast<Guard>(guard) == Guard::sql_lock) continue;
        std::string noticed;
        std::vector<std::uint64_t> seeds = {1, 2, 14, 23};  // those that show the rarer ones, as things are
        for (std::uint64_t seed = 3; seed <= enough; ++seed) seeds.push_back(seed);
        for (const std::uint64_t seed : seeds) {
            if (!noticed.empty()) break;
            removed_guard = static_cast<Guard>(guard);
            noticed = run(GetParam(), seed, &probes).violation;
            removed_guard = Guard::none;
            if (!noticed.empty())
                std::printf("%-30s %-17s %-3llu %s\n", std::string(guard_names.at(guard)).c_str(), GetParam().name,
                            static_cast<unsigned long long>(seed), noticed.c_str());
        }
        EXPECT_NE(noticed, "") << guard_names.at(guard) << " can be left out, and nobody notices";
        shown += noticed.empty() ? 0 : 1;
    }
    std::printf("%zu guards of the store on %s are shown to be needed\n", shown, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(Simulation, OnRealDatabase, testing::ValuesIn(kinds),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
}  // namespace windlass::simulation
