// What jobs need, each distinct need kept once. A site has few of them and a queue has many jobs: a job record holds a
// small number instead, and "does a job like this fit anywhere?" is asked once per kind and not once per job.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "scheduler/queue_io.h"

namespace windlass::scheduler {

using KindIndex = std::uint32_t;

class NeedTable {
  public:
    // The kind with this need, one more job using it. A kind lives as long as a job of it.
    KindIndex add(const Need& need);
    // One more job of a kind that has one.
    void add(KindIndex kind) { ++kinds_[kind].jobs; }
    void remove(KindIndex kind);

    // Stays where it is as long as a job of the kind lives: what holds a lease may point to it.
    const Need& operator[](KindIndex kind) const { return kinds_[kind].need; }
    std::size_t jobs(KindIndex kind) const { return kinds_[kind].jobs; }
    std::size_t size() const { return index_.size(); }

    // A note of the dispatcher: while `room` (its count of how often room grew) is the same, this kind fits nowhere.
    bool fits_nowhere(KindIndex kind, std::uint64_t room) const { return kinds_[kind].fits_nowhere_at == room; }
    void note_fits_nowhere(KindIndex kind, std::uint64_t room) { kinds_[kind].fits_nowhere_at = room; }

    // Another note of the dispatcher: since when a job of this kind is first in line and finds no room.
    std::optional<SteadyTime> passed_over_since(KindIndex kind) const { return kinds_[kind].passed_over_since; }
    void note_passed_over(KindIndex kind, std::optional<SteadyTime> since) { kinds_[kind].passed_over_since = since; }

  private:
    struct Kind {
        Need need;
        std::size_t jobs = 0;
        std::uint64_t fits_nowhere_at = 0;
        std::optional<SteadyTime> passed_over_since;
    };
    struct Hash {
        std::size_t operator()(const Need& need) const noexcept;
    };

    std::deque<Kind> kinds_;
    std::vector<KindIndex> free_;
    std::unordered_map<Need, KindIndex, Hash> index_;
};

}  // namespace windlass::scheduler
