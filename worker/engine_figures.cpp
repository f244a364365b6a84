#include "worker/engine_figures.h"

namespace windlass::worker {

void add_run_in_cluster(figures::Families& families, std::int64_t started,
                        const std::map<OutcomeKind, std::int64_t>& finished) {
    families.push_back(figures::counter("windlass_worker_attempts_started_total", "Attempts that were started",
                                        static_cast<double>(started)));
    auto ended = figures::counters("windlass_worker_attempts_finished_total", "Attempts that ended, by outcome");
    for (const auto& [kind, count] : finished)
        figures::add(ended, {{"outcome", std::string(name(kind))}}, static_cast<double>(count));
    families.push_back(std::move(ended));
}

void add_offered_of_cluster(figures::Families& families, const Offer& offer) {
    families.push_back(figures::gauge("windlass_worker_cores", "Cores that are offered to jobs",
                                      static_cast<double>(offer.cpu_millis) / 1000));
    families.push_back(figures::gauge("windlass_worker_memory_bytes", "Memory that is offered to jobs",
                                      static_cast<double>(offer.memory_bytes)));
}

}  // namespace windlass::worker
