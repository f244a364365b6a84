// The scheduler of tests of the api: it answers at once, and keeps no queue but the rows.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/scheduler_link.h"
#include "shared/database/session_pool.h"
#include "shared/time.h"

namespace windlass::api::test {

// Answers at once, and writes the rows that the real scheduler would have committed before it answers.
class PlayedScheduler final : public Scheduler {
  public:
    PlayedScheduler(SessionPool& pool, const Clock& clock) : pool_(pool), clock_(clock) {}

    void ask(protocol::Message question, std::string body, OnAnswer on_answer) override;
    Watch watch(JobId job, std::function<void()> on_end) override;
    Watch follow(JobId job, std::shared_ptr<JobListener> listener) override;
    bool connected() const override { return !away; }

    // What a worker would have brought about.
    void start(JobId job);
    void finish(JobId job, JobState state, const AttemptResult& result, std::string_view standard_output = {},
                std::string_view standard_error = {});
    // Makes output of the running attempt durable, and tells the followers unless `in_silence`.
    void print(JobId job, OutputStream stream, std::int64_t offset, const std::string& bytes, bool in_silence = false);
    // Tells the followers of the newest event of the job, as the scheduler does after a commit.
    void tell_last_event(JobId job);
    void tell_to_read_again(JobId job);
    std::size_t followed() const;  // followers, of all jobs together
    void store_blob(const std::string& bytes);
    // A member of an array gets its row, as running.
    void start_member(JobId array, std::int64_t number);
    void end_member(JobId array, std::int64_t number, JobState state);
    std::size_t watched() const;

    bool away = false;    // refuses everything
    bool silent = false;  // never answers
    std::string explanation = "It waits for a free slot.";
    std::int64_t statistics_queued = 0;
    std::optional<protocol::SubmitRefused> refusal;  // of the next submits
    std::string operator_refusal;
    protocol::JobExplained explained;  // beside the explanation
    std::vector<protocol::QueueView> queues;
    std::vector<protocol::WorkerView> workers;
    std::vector<std::string> operations;      // what administrators asked for, as a word
    std::vector<protocol::UserQuota> quotas;  // as they were told
    std::size_t schedule_changes = 0;
    std::vector<protocol::CancelJobs> cancels;
    std::vector<protocol::SubmitJobs> submits;
    std::vector<std::string> bodies;

  private:
    protocol::Message submit(const protocol::SubmitJobs& message, std::string_view body);
    protocol::Message cancel(const protocol::CancelJobs& message);
    std::int64_t cancel_one(Session& session, JobId job);
    protocol::Message operate(const protocol::Message& question);
    void wake(JobId job);
    std::vector<std::shared_ptr<JobListener>> followers_of(JobId job) const;

    SessionPool& pool_;
    const Clock& clock_;
    std::int64_t next_job_ = 100'000'001;
    std::map<std::string, std::pair<std::string, std::vector<JobId>>> keys_;  // of submits: body, answer
    mutable std::mutex mutex_;
    std::map<JobId, std::map<int, std::function<void()>>> watchers_;
    int next_watcher_ = 0;
    std::multimap<JobId, std::shared_ptr<JobListener>> followers_;
};

}  // namespace windlass::api::test
