// The jobs that have not ended, one packed record each: a queue may hold a million of them.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>

#include "scheduler/need_table.h"
#include "scheduler/queue_io.h"
#include "scheduler/shares.h"

namespace windlass::scheduler {

struct Job {
    WallTime started = never;  // of the last attempt that ran
    ShareIndex share = 0;
    KindIndex kind = 0;
    AttemptNumber attempt = 0;
    std::int32_t event_seq = 0;
    std::int16_t max_attempts = 1;
    std::int16_t failures = 0;
    std::int16_t losses = 0;
    std::int8_t priority = 0;
    JobState state = JobState::queued;  // of 2 bytes
    bool cancel_requested = false;
    bool is_array = false;
    bool is_member = false;  // of an array
    bool has_rules = false;  // there are JobRules of it, or of its array
    bool ready = false;      // its service answered, in this attempt
    bool in_line = false;    // among the waiting jobs; of an array: its next member is

    static constexpr WallTime never{Microseconds{std::numeric_limits<std::int64_t>::min()}};

    // As a row of job_state. The array is known to the array table, the worker to the lease, the end to the move that
    // makes it.
    StateRow row(JobId array, WorkerId worker, std::optional<WallTime> finished = std::nullopt) const {
        return {.array = array,
                .state = state,
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
    void reserve(std::size_t jobs) {
        for (Shard& shard : shards_) shard.reserve(jobs / shards + 1);
    }
    Job* find(JobId id) {
        Shard& shard = shard_of(id);
        const auto found = shard.find(id);
        return found == shard.end() ? nullptr : &found->second;
    }
    const Job* find(JobId id) const {
        const Shard& shard = shards_[shard_index(id)];
        const auto found = shard.find(id);
        return found == shard.end() ? nullptr : &found->second;
    }
    // False when there is one of this id already.
    bool insert(JobId id, const Job& job) {
        if (!shard_of(id).emplace(id, job).second) return false;
        ++counts_[index(job.state)];
        ++size_;
        return true;
    }
    void set_state(Job& job, JobState state) {
        --counts_[index(job.state)];
        job.state = state;
        ++counts_[index(state)];
    }
    void erase(JobId id) {
        Shard& shard = shard_of(id);
        const auto found = shard.find(id);
        --counts_[index(found->second.state)];
        shard.erase(found);
        --size_;
    }
    std::size_t count(JobState state) const { return counts_[index(state)]; }
    std::size_t size() const { return size_; }
    // In no order: for sums and checks only, never to decide anything.
    template <class Visit>
    void visit_unordered(Visit visit) const {
        for (const Shard& shard : shards_)
            for (const auto& [id, job] : shard) visit(id, job);
    }

  private:
    // Many small hash tables: the growth of one of a million jobs would stop everything for tens of milliseconds.
    using Shard = std::unordered_map<JobId, Job>;
    static constexpr std::size_t shards = 64;

    static std::size_t index(JobState state) { return static_cast<std::size_t>(state); }
    static std::size_t shard_index(JobId id) { return static_cast<std::size_t>(id.value) % shards; }
    Shard& shard_of(JobId id) { return shards_[shard_index(id)]; }

    std::array<Shard, shards> shards_;
    std::array<std::size_t, all_job_states.size()> counts_{};
    std::size_t size_ = 0;
};

}  // namespace windlass::scheduler
