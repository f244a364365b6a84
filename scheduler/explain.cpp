// Why a job waits, in a sentence for the person who submitted it.
#include <algorithm>
#include <utility>

#include "scheduler/queue.h"

namespace windlass::scheduler {

namespace {

constexpr std::size_t count_at_most = 1000;

std::string cpus(std::int64_t millis) {
    std::string text = std::to_string(millis / 1000);
    if (millis % 1000 != 0) {
        std::string rest = std::to_string(1000 + millis % 1000).substr(1);
        while (rest.back() == '0') rest.pop_back();
        text += "." + rest;
    }
    return text + (millis == 1000 ? " cpu" : " cpus");
}

std::string mebibytes(std::int64_t bytes) {
    return std::to_string((bytes + mebibyte - 1) / mebibyte) + " MiB of memory";
}

std::string amount(const Need& need) {
    return cpus(need.cpu_millis) + " and " + mebibytes(need.memory_bytes);
}

std::string counted(std::size_t count, const std::string& one, const std::string& more) {
    const std::string number = count >= count_at_most ? "at least " + std::to_string(count) : std::to_string(count);
    return number + " " + (count == 1 ? one : more);
}

struct Workers {
    std::size_t takes_jobs = 0;
    std::size_t large_enough = 0;
    bool has_room = false;
    bool resting_has_room = false;
    Need largest{.cpu_millis = 0};
};

Workers survey(const WorkerTable& workers, const Need& need) {
    Workers seen;
    for (const auto& [id, worker] : workers.unordered()) {
        if (!worker.connected || worker.draining) continue;
        ++seen.takes_jobs;
        seen.large_enough += worker.large_enough(need) ? 1 : 0;
        if (worker.has_room(need)) (worker.resting ? seen.resting_has_room : seen.has_room) = true;
        if (std::pair(worker.capacity.cpu_millis, worker.capacity.memory_bytes) >
            std::pair(seen.largest.cpu_millis, seen.largest.memory_bytes))
            seen.largest = {worker.capacity.cpu_millis, worker.capacity.memory_bytes};
    }
    return seen;
}

}  // namespace

std::string Queue::explain(JobId id) const {
    const Job* job = jobs_.find(id);
    if (job == nullptr) return "The job does not wait: it has ended, or there never was one of this number.";
    const Lease* lease = leases_.find(id);
    if (job->cancel_requested)
        return "The job is being cancelled: worker " + lease->worker.text() + " is ending its processes.";
    if (job->state == JobState::running)
        return "The job does not wait: attempt " + std::to_string(job->attempt) + " runs on worker " +
               lease->worker.text() + ".";
    if (job->state == JobState::starting)
        return "The job is about to start: worker " + lease->worker.text() + " has attempt " +
               std::to_string(job->attempt) + ".";
    if (job->state == JobState::blocked) return "The job waits for the jobs it depends on.";

    const Need& need = needs_[job->kind];
    const Workers seen = survey(workers_, need);
    if (workers_.connected() == 0) return "No worker is connected.";
    if (seen.takes_jobs == 0) return "Every connected worker is draining and takes no more jobs.";
    if (seen.large_enough == 0)
        return "No connected worker is large enough: the job needs " + amount(need) + ", the largest worker has " +
               amount(seen.largest) + ".";

    std::string why = "Every worker that is large enough (" + std::to_string(seen.large_enough) +
                      ") is full: the job needs " + amount(need) + " at once";
    if (seen.resting_has_room)
        why =
            "The worker with room for it could not start its last job and gets the next one when it reports again, in "
            "a few "
            "seconds";
    if (seen.has_room) why = "A worker has room for it and it is about to be its turn";
    const std::size_t own = waiting_.ahead_of(job->user, job->priority, id, count_at_most);
    const std::size_t users = fair_.ahead_of(job->user, count_at_most);
    if (own > 0) why += "; " + counted(own, "job of the same owner comes", "jobs of the same owner come") + " first";
    if (users > 0)
        why += "; " + counted(users, "other user has", "other users have") + " used less recently and is served first";
    return why + ".";
}

}  // namespace windlass::scheduler
