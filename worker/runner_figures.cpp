// What a runner tells Prometheus.
#include <array>

#include "worker/engine_figures.h"
#include "worker/runner.h"

namespace windlass::worker {

void Runner::add_figures(figures::Families& families) const {
    constexpr std::array<const char*, 6> phases = {"fetching", "waiting", "reading",
                                                   "starting", "running", "collecting"};
    families.push_back(attempts_by_phase(phases, attempts_, [](const auto& one) { return one.second->phase(); }));
    families.push_back(figures::counter("windlass_worker_attempts_started_total", "Attempts whose box was started",
                                        static_cast<double>(started_)));
    auto finished = figures::counters("windlass_worker_attempts_finished_total", "Attempts that ended, by outcome");
    for (int kind = 0; kind <= static_cast<int>(OutcomeKind::worker_lost); ++kind) {
        const auto outcome = static_cast<OutcomeKind>(kind);
        const auto count = finished_.find(outcome);
        figures::add(finished, {{"outcome", std::string(name(outcome))}},
                     count == finished_.end() ? 0 : static_cast<double>(count->second));
    }
    families.push_back(std::move(finished));
    families.push_back(ran_.family("windlass_worker_attempt_duration_seconds", "How long attempts ran"));
    families.push_back(figures::gauge("windlass_worker_cores", "Cores that are offered to jobs",
                                      static_cast<double>(settings_.cpu_millis - withheld_.cpu_millis) / 1000));
    families.push_back(figures::gauge("windlass_worker_cores_taken", "Cores promised to attempts in hand",
                                      static_cast<double>(slots_.cpu_millis_used()) / 1000));
    families.push_back(figures::gauge("windlass_worker_memory_bytes", "Memory that is offered to jobs",
                                      static_cast<double>(settings_.memory_bytes - withheld_.memory_bytes)));
    families.push_back(figures::gauge("windlass_worker_memory_taken_bytes", "Memory promised to attempts in hand",
                                      static_cast<double>(slots_.memory_bytes_used())));
    families.push_back(figures::gauge("windlass_worker_stuck_boxes", "Boxes that do not end although they were killed",
                                      sandbox_.stuck_boxes()));
    sampling_.add_figures(families);
}

}  // namespace windlass::worker
