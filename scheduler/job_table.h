// The jobs that have not ended, one packed record each: a queue may hold a million of them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>

#include "scheduler/fair_share.h"
#include "scheduler/need_table.h"
#include "scheduler/queue_io.h"

namespace windlass::scheduler {

struct Job {
    WallTime started = never;  // of the last attempt that ran
    UserIndex user = 0;
    KindIndex kind = 0;
    AttemptNumber attempt = 0;
    std::int32_t event_seq = 0;
    std::int16_t max_attempts = 1;
    std::int16_t failures = 0;
    std::int16_t losses = 0;
    std::int8_t priority = 0;
    bool cancel_requested = false;
    JobState state = JobState::queued;

    static constexpr WallTime never{Microseconds{std::numeric_limits<std::int64_t>::min()}};

    // As a row of job_state. The worker is known to the lease, the end to the move that makes it.
    StateRow row(WorkerId worker, std::optional<WallTime> finished = std::nullopt) const {
        return {.state = state,
                .attempt = attempt,
                .failures = failures,
                .losses = losses,
                .worker = worker,
                .cancel_requested = cancel_requested,
                .started = started == never ? std::nullopt : std::optional(started),
                .finished = finished,
                .event_seq = event_seq};
    }
};
static_assert(sizeof(Job) <= 40, "a job record grew: a million queued jobs pay for it");

// By id, and how many there are in each state.
class JobTable {
  public:
    void reserve(std::size_t jobs) { jobs_.reserve(jobs); }
    Job* find(JobId id) {
        const auto found = jobs_.find(id);
        return found == jobs_.end() ? nullptr : &found->second;
    }
    const Job* find(JobId id) const {
        const auto found = jobs_.find(id);
        return found == jobs_.end() ? nullptr : &found->second;
    }
    // False when there is one of this id already.
    bool insert(JobId id, const Job& job) {
        if (!jobs_.emplace(id, job).second) return false;
        ++counts_[index(job.state)];
        return true;
    }
    void set_state(Job& job, JobState state) {
        --counts_[index(job.state)];
        job.state = state;
        ++counts_[index(state)];
    }
    void erase(JobId id) {
        const auto found = jobs_.find(id);
        --counts_[index(found->second.state)];
        jobs_.erase(found);
    }
    std::size_t count(JobState state) const { return counts_[index(state)]; }
    std::size_t size() const { return jobs_.size(); }
    // In no order: for sums and checks only, never to decide anything.
    const std::unordered_map<JobId, Job>& unordered() const { return jobs_; }

  private:
    static std::size_t index(JobState state) { return static_cast<std::size_t>(state); }

    std::unordered_map<JobId, Job> jobs_;
    std::array<std::size_t, all_job_states.size()> counts_{};
};

}  // namespace windlass::scheduler
