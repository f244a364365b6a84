// The named queues: what they are configured to, and how much of each waits and runs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/queue_io.h"
#include "scheduler/shares.h"
#include "shared/guard.h"

namespace windlass::scheduler {

struct NamedQueue {
    QueueConfig config;
    bool exists = true;        // false once it was removed; its number stays its own
    std::size_t records = 0;   // jobs of it that have not ended, arrays included, members without a row not
    std::int64_t blocked = 0;  // jobs that wait, members without a row included, arrays themselves not
    std::int64_t queued = 0;
    std::int64_t leased = 0;
    double mean_wall_us = 0;  // of its attempts that ended, moving average
    bool wall_known = false;

    bool full() const { return WINDLASS_GUARD(max_running) && config.max_running && leased >= *config.max_running; }
    // Its jobs may start.
    bool open() const { return exists && !(WINDLASS_GUARD(queue_held) && config.held) && !full(); }
    void note_wall(Microseconds wall);
};

class NamedQueues {
  public:
    // "default" exists from the beginning.
    NamedQueues();

    QueueIndex configure(const QueueConfig& config);
    void remove(QueueIndex index) { queues_[index].exists = false; }
    // Of one that exists.
    std::optional<QueueIndex> find(const std::string& name) const;

    NamedQueue& operator[](QueueIndex index) { return queues_[index]; }
    const NamedQueue& operator[](QueueIndex index) const { return queues_[index]; }
    QueueIndex size() const { return static_cast<QueueIndex>(queues_.size()); }
    // Those that exist, by name.
    std::vector<QueueView> views() const;

  private:
    std::vector<NamedQueue> queues_;
    std::map<std::string, QueueIndex> by_name_;
};

// What is wrong with a configuration, as a sentence; empty: nothing.
std::string wrong_with(const QueueConfig& config);

}  // namespace windlass::scheduler
