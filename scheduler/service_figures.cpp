#include "scheduler/service_figures.h"

namespace windlass::scheduler {
namespace {

using figures::counter;
using figures::gauge;

template <class N>
double number(N n) {
    return static_cast<double>(n);
}

// As the api tells them too: the same names mean the same.
void add_jobs(figures::Families& families, const Queue& queue) {
    const Queue::Counts counts = queue.counts();
    auto jobs = figures::gauges("windlass_jobs", "Jobs that have not ended, by state");
    figures::add(jobs, {{"state", "blocked"}}, number(counts.blocked));
    figures::add(jobs, {{"state", "queued"}}, number(counts.queued));
    figures::add(jobs, {{"state", "starting"}}, number(counts.starting));
    figures::add(jobs, {{"state", "running"}}, number(counts.running));
    families.push_back(std::move(jobs));

    auto by_queue = figures::gauges("windlass_queue_jobs", "Jobs of each queue that wait and that run");
    auto held = figures::gauges("windlass_queue_held", "1 for a queue that starts nothing");
    for (const QueueView& view : queue.list_queues()) {
        figures::add(by_queue, {{"queue", view.config.name}, {"state", "queued"}}, number(view.queued));
        figures::add(by_queue, {{"queue", view.config.name}, {"state", "running"}}, number(view.running));
        figures::add(held, {{"queue", view.config.name}}, view.config.held ? 1 : 0);
    }
    families.push_back(std::move(by_queue));
    families.push_back(std::move(held));
}

void add_workers(figures::Families& families, const Queue& queue) {
    std::int64_t connected = 0, draining = 0, cpu = 0, cpu_used = 0, memory = 0, memory_used = 0;
    for (const WorkerView& worker : queue.list_workers()) {
        if (!worker.connected) continue;
        ++connected;
        draining += worker.draining ? 1 : 0;
        cpu += worker.capacity.cpu_millis;
        cpu_used += worker.cpu_millis_used;
        memory += worker.capacity.memory_bytes;
        memory_used += worker.memory_bytes_used;
    }
    families.push_back(gauge("windlass_workers_connected", "Workers connected to the scheduler", number(connected)));
    families.push_back(gauge("windlass_workers_draining", "Connected workers that get nothing new", number(draining)));
    families.push_back(gauge("windlass_workers_cores", "Cores that connected workers offer", number(cpu) / 1000));
    families.push_back(
        gauge("windlass_workers_cores_taken", "Cores of them that are promised to jobs", number(cpu_used) / 1000));
    families.push_back(gauge("windlass_workers_memory_bytes", "Memory that connected workers offer", number(memory)));
    families.push_back(
        gauge("windlass_workers_memory_taken_bytes", "Memory of them that is promised to jobs", number(memory_used)));
}

}  // namespace

void add_service_figures(figures::Families& families, const Turns& turns, const WorkerDesk& workers,
                         const ApiDesk& apis, std::int64_t epoch) {
    families.push_back(gauge("windlass_scheduler_epoch", "Number of this leadership", number(epoch)));
    add_jobs(families, turns.queue());
    families.push_back(counter("windlass_jobs_submitted_total", "Jobs accepted since the scheduler started",
                               number(apis.submitted())));
    families.push_back(counter("windlass_jobs_ended_total",
                               "Jobs that reached a final state since the scheduler started", number(apis.ended())));
    families.push_back(counter("windlass_attempts_lost_total", "Attempts lost with their worker", number(apis.lost())));
    families.push_back(counter("windlass_stale_writes_refused_total",
                               "Messages about attempts that were no longer current", number(workers.stale_refused())));
    add_workers(families, turns.queue());
    families.push_back(counter("windlass_commits_total", "Transactions of the scheduler", number(turns.commits())));
    families.push_back(counter("windlass_committed_changes_total", "Changes in those transactions",
                               number(turns.committed_changes())));
    families.push_back(counter("windlass_commit_failures_total", "Transactions that failed and were tried again",
                               number(turns.store().failures())));
    families.push_back(turns.commit_durations().family("windlass_commit_duration_seconds",
                                                       "From the decision to commit until it is durable"));
    families.push_back(gauge("windlass_database_up", "0 while the last transaction failed and none succeeded since",
                             turns.store().failing() ? 0 : 1));
    workers.samples().add_figures(families);
}

}  // namespace windlass::scheduler
