// The queue, run with everything around it going wrong, by seed. See world.h for what is simulated and guards.h for the
// proof that this would notice.
//
//   WINDLASS_SIM_SEEDS=100000 simulation_test       more seeds (default: 500)
//   WINDLASS_SIM_SEED=1234 simulation_test          one seed again
//   WINDLASS_SIM_SEED=1234 WINDLASS_SIM_TRACE=1 …   and everything that happens in it
#include "tests/simulation/world.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>

namespace windlass::simulation {
namespace {

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
    const char* text = std::getenv(name);
    return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Total {
    std::uint64_t seeds = 0, steps = 0, turns = 0, jobs = 0, attempts = 0, faults = 0;
    std::map<JobState, std::size_t> ends;

    void add(const Report& report) {
        ++seeds;
        steps += report.steps;
        turns += report.turns;
        jobs += report.jobs;
        attempts += report.attempts;
        faults += report.faults;
        for (const auto& [state, count] : report.ends) ends[state] += count;
    }
    void print(double seconds) const {
        std::printf(
            "%llu seeds, %llu steps (%.0f per second), %llu queue events, %llu faults, %llu jobs, %llu attempts\n",
            static_cast<unsigned long long>(seeds), static_cast<unsigned long long>(steps),
            static_cast<double>(steps) / seconds, static_cast<unsigned long long>(turns),
            static_cast<unsigned long long>(faults), static_cast<unsigned long long>(jobs),
            static_cast<unsigned long long>(attempts));
        for (const auto& [state, count] : ends) std::printf("  %s: %zu\n", std::string(name(state)).c_str(), count);
    }
};

TEST(Simulation, every_promise_holds_whatever_fails) {
    const std::uint64_t only = number_from_environment("WINDLASS_SIM_SEED", 0);
    const std::uint64_t first = only != 0 ? only : 1;
    const std::uint64_t count = only != 0 ? 1 : number_from_environment("WINDLASS_SIM_SEEDS", 500);
    Total total;
    const auto began = std::chrono::steady_clock::now();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Report report = World(seed, Guards{}).run();
        total.add(report);
        ASSERT_EQ(report.violation, "") << "replay with WINDLASS_SIM_SEED=" << seed;
    }
    total.print(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    if (count < 100) return;
    // It is no proof if nothing happened.
    EXPECT_GT(total.faults, count);
    EXPECT_GT(total.attempts, total.jobs);
    for (const JobState state : all_job_states) {
        if (is_final(state)) {
            EXPECT_GT(total.ends[state], 0U) << name(state);
        }
    }
}

TEST(Simulation, every_promise_holds_in_a_storm) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed)
        ASSERT_EQ(World(seed, Guards{}, Weather::storm).run().violation, "") << "seed " << seed;
}

TEST(Simulation, the_same_seed_gives_the_same_run) {
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        const Report one = World(seed, Guards{}).run();
        const Report two = World(seed, Guards{}).run();
        EXPECT_EQ(one.steps, two.steps);
        EXPECT_EQ(one.attempts, two.attempts);
        EXPECT_EQ(one.virtual_seconds, two.virtual_seconds);
        EXPECT_EQ(one.ends, two.ends);
    }
}

// Runs until a seed shows the missing guard. Each of these must not take long, or nobody would ever have found it.
void expect_caught(const Guards& without) {
    constexpr std::uint64_t enough = 2000;
    for (std::uint64_t seed = 1; seed <= enough; ++seed)
        for (const Weather weather : {Weather::mixed, Weather::storm}) {
            const Report report = World(seed, without, weather).run();
            if (report.violation.empty()) continue;
            std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), report.violation.c_str());
            return;
        }
    FAIL() << "nothing was noticed in " << enough << " seeds";
}

TEST(Simulation, catches_a_scheduler_that_tells_before_it_has_committed) {
    expect_caught({.deliver_after_commit = false});
}

TEST(Simulation, catches_a_scheduler_that_sends_a_lease_that_has_ended_meanwhile) {
    expect_caught({.check_lease_when_sending = false});
}

TEST(Simulation, catches_a_scheduler_that_sends_a_lease_that_is_nearly_over) {
    expect_caught({.return_old_leases = false});
}

TEST(Simulation, catches_a_scheduler_that_hears_hellos_in_the_wrong_order) {
    expect_caught({.refuse_older_hellos = false});
}

TEST(Simulation, catches_a_scheduler_that_listens_to_a_connection_that_was_replaced) {
    expect_caught({.drop_older_connections = false});
}

TEST(Simulation, catches_a_restart_that_forgets_the_leases) {
    expect_caught({.tell_restored_leases = false});
}

TEST(Simulation, catches_a_lease_that_is_handed_out_again_without_grace) {
    expect_caught({.grace = false});
}

TEST(Simulation, catches_a_queue_that_does_not_check_the_attempt) {
    expect_caught({.attempt_is_checked = false});
}

TEST(Simulation, catches_a_worker_that_does_not_kill_its_jobs_when_nobody_answers) {
    expect_caught({.kill_when_unanswered = false});
}

TEST(Simulation, catches_a_worker_that_listens_though_its_time_is_over) {
    expect_caught({.refuse_late_leases = false});
}

TEST(Simulation, catches_a_worker_that_counts_from_when_the_answer_came) {
    expect_caught({.count_from_sending = false});
}

TEST(Simulation, catches_a_worker_that_hides_what_it_is_still_killing) {
    expect_caught({.report_dying_as_held = false});
}

}  // namespace
}  // namespace windlass::simulation
