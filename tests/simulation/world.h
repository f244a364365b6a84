// One simulated site: a scheduler, workers, clients, and everything that goes wrong between them, all from one seed.
//
// First the faults, while the promises are checked at every step. Then the faults stop, and everything that was
// accepted must end within a bounded time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/simulation/scheduler_model.h"
#include "tests/simulation/worker_model.h"

namespace windlass::simulation {

struct Report {
    std::string violation;  // empty: every promise was kept
    std::uint64_t steps = 0;
    std::size_t turns = 0;  // events the queue was told
    std::size_t jobs = 0;
    std::size_t attempts = 0;
    std::size_t faults = 0;
    std::map<JobState, std::size_t> ends;
    double virtual_seconds = 0;
};

// mixed: each seed has its own mix, most kinds of fault are off in most runs, so that each also shows alone.
// storm: everything at once; finds a missing guard in fewer runs.
enum class Weather { mixed, storm };

class World {
  public:
    World(std::uint64_t seed, const Guards& guards, Weather weather = Weather::mixed);

    Report run();

  private:
    struct Request {
        std::vector<NewJob> jobs;
    };

    void make_workers();
    bool chosen(double share);
    void choose_faults();
    void recurring(Microseconds mean, std::function<void()> action);
    WorkerModel& any_worker();
    void submit();
    void cancel();
    void client_hears(const Effect& effect);
    void judge_full_house(const AnswerSubmit& submitted);
    void judge_ended(const JobEnded& ended);
    void heal();
    void live_through_faults();
    void everything_ends();
    void every_slot_is_free();

    Guards guards_;
    Weather weather_;
    Random random_;
    Timeline timeline_;
    Network network_;
    Truth truth_;
    ModelStore store_;
    JobNature nature_;
    SchedulerModel::Surroundings scheduler_surroundings_;
    WorkerModel::Surroundings worker_surroundings_;
    SchedulerModel scheduler_;
    std::deque<WorkerModel> workers_;
    Need largest_need_;

    bool faulty_ = true;
    SteadyTime faults_end_{};
    std::size_t faults_ = 0;
    RequestId last_request_;
    std::map<RequestId, Request> requests_;
    std::optional<RequestId> full_house_;
    std::size_t accepted_ = 0;
};

}  // namespace windlass::simulation
