// The tables, and a store on them that does what the real ones do (scheduler/store_sql.cpp): epoch, numbers of batches,
// fences. What a leader that may write would have refused is a broken promise here and ends the run. Also keeps the log
// from which the promises are judged.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/schedules.h"
#include "scheduler/store.h"

namespace windlass::simulation {

using namespace windlass::scheduler;  // NOLINT: this whole folder is about it

class ModelDatabase {
  public:
    struct Row {
        NewJob seed;  // of a member: that of its array, without shape and dependencies
        StateRow state;
        std::optional<ArrayRow> array;
        std::vector<RecordEvent> events;
        std::map<AttemptNumber, ResultRecord> results;
        bool cancel_acknowledged = false;
        bool past = false;       // moved out of the way
        bool forgotten = false;  // by the store: kept here to be judged
    };

    const Row* find(JobId job) const;
    const std::map<JobId, Row>& rows() const { return rows_; }
    std::size_t unfinished() const { return unfinished_; }
    JobId highest() const;  // members without a row included
    // How it ended, as the store has it: of a job that was forgotten it knows nothing.
    std::optional<JobState> final_state(JobId job) const;
    // How it ended, in truth.
    std::optional<JobState> end_of(JobId job) const;
    std::size_t forgotten() const;
    Microseconds used_by(UserId user) const;
    std::size_t scheduled() const { return planned_.size(); }
    std::size_t keys() const { return keys_.size(); }

    // From now on this job must not succeed.
    void cancel_acknowledged(JobId job);
    // What must be true of every job at any time, and (at the end) that each has ended.
    void judge(bool at_end) const;

    // What the api writes.
    std::map<UserId, Quota> quotas;
    void set_quota(UserId user, const Quota& quota);
    void clear_quotas();
    std::map<std::int64_t, Schedule> schedules;
    std::map<std::int64_t, std::string> crons;  // of the schedules, as text
    // The lock of the leader is gone: its connection broke.
    void break_lock();

    // A real database that follows this one is told of what is done to it from outside.
    std::function<void()> on_break_lock;
    std::function<void()> on_quotas;

  private:
    friend class ModelStore;
    friend class MirroredStore;

    void apply(const Batch& batch);
    std::int64_t move_finished();
    std::int64_t forget_finished(WallTime cutoff);
    bool is_waited_for(JobId first, JobId last) const;
    void insert(const JobRecord& job);
    void insert(const MemberRecord& member);
    void change(const StateChange& change);
    void keep(const RecordEvent& event);
    void keep(const ResultRecord& result);
    void keep(const KeyRecord& key);
    void judge_row(JobId id, const Row& row, bool at_end) const;
    Row& get(JobId job);

    std::map<JobId, Row> rows_;
    std::map<std::string, QueueConfig> queues_;
    std::map<UserId, StoredUser> use_;
    std::map<UserId, Microseconds> used_, used_by_results_;  // on all days; the two are the same
    std::set<WorkerId> draining_;
    std::map<std::string, KeyRecord> keys_;
    std::set<std::pair<std::int64_t, WallTime>> planned_;
    std::size_t unfinished_ = 0;
    std::int64_t epoch_ = 0;
    std::map<std::int64_t, std::int64_t> last_batch_;  // by epoch
    const void* leader_ = nullptr;                     // who has the lock
};

// One connection to it.
class ModelStore final : public Store {
  public:
    explicit ModelStore(ModelDatabase& database) : database_(database) {}
    ~ModelStore() override {
        if (database_.leader_ == this) database_.leader_ = nullptr;
    }
    ModelStore(const ModelStore&) = delete;
    ModelStore& operator=(const ModelStore&) = delete;

    Result<std::int64_t> lead() override;
    Status commit(const Batch& batch) override;
    Result<StoredState> load() override;
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override;
    Result<std::optional<KeyRecord>> submitted_with(UserId account, const std::string& route,
                                                    const std::string& key) override;
    Result<std::vector<ScheduleRecord>> schedules() override;
    Result<std::int64_t> move_finished(std::int64_t most) override;
    Result<std::int64_t> forget_finished(WallTime cutoff, std::int64_t most) override;
    Status ping() override;

    // Nobody here asks for these.
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>&) override;
    Result<std::string> blob(const std::string&) override;
    Result<std::int64_t> forget_expired(WallTime, std::int64_t) override { return 0; }

  private:
    Status check_epoch() const;

    ModelDatabase& database_;
    std::int64_t epoch_ = 0;  // 0: never led
};

}  // namespace windlass::simulation
