// Watches one life of a queue from outside: every event it is told and every effect it decides, in order. Knows the
// rules from the documents and not from the queue's code, and says which of them a decision breaks.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "scheduler/queue_io.h"

namespace windlass::simulation {

using namespace windlass::scheduler;  // NOLINT: this whole folder is about it

class Referee {
  public:
    // `ended_before`: how a job ended that the queue does not have, from the store.
    Referee(QueueSettings settings, const StoredQueue& stored,
            std::function<std::optional<JobState>(JobId)> ended_before);

    // All that one turn decided. `event`: nullptr when the queue was restored.
    void judge(const Event* event, const Effects& effects, Now now);

  private:
    struct Job {
        NewJob seed;
        StateRow row;
        std::optional<ArrayRow> array;
        SteadyTime rests_until{};
        bool rested = false;       // it has been backing off, and until when is not exactly known here
        SteadyTime confirmed{};    // leased: when its worker last was told that it has it
        SteadyTime waits_since{};  // queued, the last time
    };
    struct WorkerState {
        Capacity capacity;
        bool connected = false;
        bool draining = false;
    };

    void hear(const Event& event);
    void judge_birth(const Submit& submit, Now now);
    void judge_change(const Event* event, const ChangeState& change, const RecordEvent& log, Now now);
    void judge_lease(JobId id, const Job& job, WorkerId worker, Now now) const;
    void judge_order(JobId id, const Job& job, Now now) const;
    void judge_loss(const Event* event, JobId id, const Job& job, const StateRow& before, Now now) const;
    void judge_doom(JobId id, const Job& job) const;
    void judge_deadlines(Now now) const;
    std::int64_t unstarted(JobId id, const Job& array) const;
    void judge_place(const std::string& who, const Job& job, WorkerId id) const;
    void judge_retry(JobId id, const Job& job, const AttemptFinished& finished) const;
    void judge_answers(const CancelJobs& asked, const AnswerCancel& answer) const;
    void rest(Job& job, const RecordEvent& log, Now now) const;
    std::optional<JobState> end_of(JobId job) const;
    std::optional<JobState> end_of(const Dependency& after) const;
    Job& get(JobId job);
    std::int64_t waiting(UserId user) const;
    template <class Which>
    std::int64_t leased(Which which) const;
    Microseconds cpu_today(UserId user, Now now) const;

    QueueSettings settings_;
    std::function<std::optional<JobState>(JobId)> ended_before_;
    std::map<JobId, Job> jobs_;
    std::map<std::string, QueueConfig> queues_;
    std::map<UserId, Quota> quotas_;
    std::map<UserId, std::map<std::int64_t, Microseconds>> used_;  // by day
    std::set<WorkerId> drained_;
    std::map<WorkerId, WorkerState> workers_;
};

}  // namespace windlass::simulation
