// What engines tell Prometheus alike (Engine::add_figures).
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "shared/figures.h"
#include "shared/outcome.h"
#include "worker/engine.h"

namespace windlass::worker {

// `phase_of` of each of `attempts` is an index into `phases`.
template <std::size_t N, class Attempts, class PhaseOf>
figures::MetricFamily attempts_by_phase(const std::array<const char*, N>& phases, const Attempts& attempts,
                                        PhaseOf phase_of) {
    auto family = figures::gauges("windlass_worker_attempts", "Attempts in hand, by what they are at");
    std::array<int, N> counts{};
    for (const auto& attempt : attempts) ++counts[static_cast<std::size_t>(phase_of(attempt))];
    for (std::size_t phase = 0; phase < N; ++phase) figures::add(family, {{"phase", phases[phase]}}, counts[phase]);
    return family;
}

// Of an engine that hands its attempts to a cluster.
void add_run_in_cluster(figures::Families& families, std::int64_t started,
                        const std::map<OutcomeKind, std::int64_t>& finished);
void add_offered_of_cluster(figures::Families& families, const Offer& offer);

}  // namespace windlass::worker
