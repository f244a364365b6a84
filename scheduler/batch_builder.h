// Gathers the effects of one turn into one transaction and the list of what may be told once it is durable. Pure.
//
// Several changes of one job in one turn become one row: the fence is the state before the first of them, the content
// is the state after the last. So the order of statements inside the transaction does not matter, and a job that is
// submitted and leased in the same turn is inserted as leased.
#pragma once

#include <deque>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/content.h"
#include "scheduler/queue_io.h"
#include "scheduler/store.h"

namespace windlass::scheduler {

// What came along with the event whose effects are added: the queue itself never sees it.
struct Attachment {
    UserId owner;                                          // of Submit
    const std::vector<SharedPayload>* payloads = nullptr;  // of Submit, by index
    const AttemptResult* result = nullptr;                 // of AttemptFinished
    std::vector<OutputChunk> output;                       // of AttemptFinished: kept only if the result is accepted
    std::vector<Blob> files;                               // of AttemptFinished: likewise
};

class BatchBuilder {
  public:
    struct Turn {
        Batch batch;
        Effects outgoing;                 // in order; to be carried out after the batch is durable
        std::optional<SteadyTime> begun;  // when the first effect of it was decided
        bool empty() const { return batch.empty() && outgoing.empty(); }
    };

    void add(Effects effects, Attachment attachment, Now now);
    void add_worker(WorkerRecord worker) { turn_.batch.workers.push_back(std::move(worker)); }
    void add_output(OutputChunk chunk);

    bool empty() const { return turn_.empty() && full_.empty(); }
    // The oldest that was not taken yet.
    Turn take();

    // So much output makes a turn full: what comes after it goes into the next. A store may need several times the size
    // of a batch to write it, and output comes faster than it is written.
    static constexpr std::size_t most_output_bytes = 4 << 20;

  private:
    void insert(const InsertJob& effect, const Attachment& attachment, WallTime now);
    void change(const ChangeState& effect);
    void add_blob(const Content& content);
    Turn close_turn();

    Turn turn_;
    std::size_t output_bytes_ = 0;                     // in turn_
    std::deque<Turn> full_;                            // before turn_
    std::unordered_map<JobId, std::size_t> inserted_;  // index into batch.jobs
    std::unordered_map<JobId, std::size_t> changed_;   // index into batch.changes
    std::unordered_set<std::string> blobs_;
};

}  // namespace windlass::scheduler
