// Gathers the effects of one turn into one transaction and the list of what may be told once it is durable. Pure.
//
// Several changes of one job in one turn become one row: the fence is the state before the first of them, the content
// is the state after the last. So the order of statements inside the transaction does not matter, and a job that is
// submitted and leased in the same turn is inserted as leased.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scheduler/content.h"
#include "scheduler/queue_io.h"
#include "scheduler/store.h"

namespace windlass::scheduler {

// What a job is made of, beyond what the queue needs to know.
struct SubmittedItem {
    SharedPayload payload;
    JobId rerun_of;                   // 0: of none
    std::int64_t schedule = 0;        // 0: of none
    std::optional<WallTime> planned;  // of a scheduled one
    std::vector<Dependency> after;
    ArrayShape array;
    std::vector<std::string> params;  // of an array: a JSON object per member, or none
};

// What came along with the event whose effects are added: the queue itself never sees it.
struct Attachment {
    UserId owner;                                       // of Submit
    const std::vector<SubmittedItem>* items = nullptr;  // of Submit, by index
    std::optional<KeyRecord> key;                       // of Submit: kept, with the ids, if jobs come into being
    const AttemptResult* result = nullptr;              // of AttemptFinished
    std::vector<OutputChunk> output;                    // of AttemptFinished: kept only if the result is accepted
    std::vector<Blob> files;                            // of AttemptFinished: likewise
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
    void add_offers(OffersRecord offers) { turn_.batch.offers.push_back(std::move(offers)); }
    void add_output(OutputChunk chunk);
    void add_schedule(ScheduleProgress progress) { turn_.batch.schedules.push_back(progress); }

    bool empty() const { return turn_.empty() && full_.empty(); }
    // The oldest that was not taken yet.
    Turn take();

    // So much output makes a turn full: what comes after it goes into the next. A store may need several times the size
    // of a batch to write it, and output comes faster than it is written.
    static constexpr std::size_t most_output_bytes = 4 << 20;

  private:
    void insert(const InsertJob& effect, const Attachment& attachment, const std::vector<JobId>& born, WallTime now);
    void insert(const InsertMember& effect);
    void change(const ChangeState& effect);
    void change(const ChangeArray& effect);
    void add_usage(const AddUsage& effect);
    void add_blob(const Content& content);
    Turn close_turn();

    Turn turn_;
    std::int64_t taken_ = 0;                                        // turns so far: the numbers of their batches
    std::size_t output_bytes_ = 0;                                  // in turn_
    std::deque<Turn> full_;                                         // before turn_
    std::unordered_map<JobId, std::size_t> inserted_;               // index into batch.jobs
    std::unordered_map<JobId, std::size_t> members_;                // index into batch.members
    std::unordered_map<JobId, std::size_t> changed_;                // index into batch.changes
    std::unordered_map<JobId, std::size_t> arrays_;                 // index into batch.arrays
    std::map<std::pair<UserId, std::int64_t>, std::size_t> usage_;  // by day; index into batch.usage
    std::unordered_set<std::string> blobs_;
};

}  // namespace windlass::scheduler
