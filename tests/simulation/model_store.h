// A store in memory that does what the real ones must do, and complains where they would refuse: the fence, one row per
// (job, seq), one result per attempt. Also keeps the log from which the promises are judged.
#pragma once

#include <map>
#include <vector>

#include "scheduler/queue_io.h"

namespace windlass::simulation {

using namespace windlass::scheduler;  // NOLINT: this whole folder is about it

class ModelStore {
  public:
    // What a persistent effect needs to be written, beside itself.
    struct Write {
        Effect effect;
        NewJob seed;               // of InsertJob
        AttemptFinished finished;  // of AcceptResult
    };
    struct Result {
        WorkerId worker;
        bool lost = false;  // RecordLoss
        OutcomeKind outcome = OutcomeKind::worker_lost;
        std::int32_t exit_code = 0;
    };
    struct Row {
        NewJob seed;
        StateRow state;
        std::vector<RecordEvent> events;
        std::map<AttemptNumber, Result> results;
        bool cancel_acknowledged = false;
    };

    // All or nothing; here: all, or a Violation.
    void commit(const std::vector<Write>& batch);

    const Row* find(JobId job) const;
    const std::map<JobId, Row>& rows() const { return rows_; }
    std::size_t unfinished() const { return unfinished_; }
    JobId highest() const { return rows_.empty() ? JobId{} : rows_.rbegin()->first; }
    std::vector<StoredJob> load() const;

    // From now on this job must not succeed.
    void cancel_acknowledged(JobId job);

    // What must be true of every job at any time, and (at the end) that each has ended.
    void judge(bool at_end) const;

  private:
    void apply(const InsertJob& effect, const Write& write);
    void apply(const ChangeState& effect);
    void apply(const RecordEvent& effect);
    void keep_result(const AttemptRef& attempt, const Result& result);
    Row& get(JobId job);

    std::map<JobId, Row> rows_;
    std::size_t unfinished_ = 0;
};

}  // namespace windlass::simulation
