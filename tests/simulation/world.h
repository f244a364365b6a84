// One simulated site: one or two schedulers, a database, workers, clients, operators, schedules, and everything that
// goes wrong between them, all from one seed.
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
    std::map<std::string, std::size_t> counts;  // what happened, and how often
    std::map<JobState, std::size_t> ends;
    double virtual_seconds = 0;
};

// mixed: each seed has its own mix, most kinds of fault are off in most runs, so that each also shows alone.
// storm: everything at once; finds a missing guard in fewer runs.
// frost: nothing but leaders that freeze, are deposed, and thaw with their workers still at hand.
enum class Weather { mixed, storm, frost };

class World {
  public:
    using OpenStore = std::function<std::shared_ptr<Store>(ModelDatabase&)>;

    // `open_store`: another store than the model's own, which must follow the model.
    explicit World(std::uint64_t seed, Weather weather = Weather::mixed, OpenStore open_store = {});

    Report run();
    // Fewer jobs, shorter: for stores that are slow.
    void make_small();

  private:
    // A client that repeats what was not answered.
    struct Client {
        Request request;
        int repeats = 0;
        bool done = false;
        std::vector<JobId> jobs;
    };

    void connect_network();
    void make_workers();
    void make_schedules();
    bool chosen(double share);
    void choose_faults();
    void choose_operators();
    void recurring(Microseconds mean, std::function<void()> action);
    WorkerModel& any_worker();
    SchedulerModel& any_scheduler();
    SchedulerModel* leader();
    std::string any_queue();
    JobId any_job();

    SubmittedItem new_item(std::size_t index);
    void submit();
    void send(RequestId request);
    void client_hears(const Answer& answer);
    void cancel();
    void ask_for_youngest(SchedulerModel& scheduler);
    void change_quota();
    void configure_queue();
    void forget_worker();
    void told(const Effect& effect, bool by_deposed);

    void judge_full_house(const std::vector<JobId>& jobs);
    void heal();
    void resume_everything();
    void live_through_faults();
    void everything_ends();
    void every_slot_is_free();
    void step_until(SteadyTime moment);
    void nothing_is_left();
    std::vector<JobId> submit_last(UserId owner, std::vector<SubmittedItem> items);
    void users_share_and_priorities_hold();
    void a_large_job_is_not_starved();
    bool anything_left();

    Weather weather_;
    Random random_;
    Timeline timeline_;
    Network network_;
    Truth truth_;
    ModelDatabase database_;
    JobNature nature_;
    SchedulerModel::Surroundings scheduler_surroundings_;
    WorkerModel::Surroundings worker_surroundings_;
    std::deque<SchedulerModel> schedulers_;
    std::deque<WorkerModel> workers_;
    Need largest_need_;
    std::size_t most_jobs_ = 120;

    bool share_at_the_end_ = false;
    bool starve_at_the_end_ = false;
    bool faulty_ = true;
    SteadyTime faults_end_{};
    std::size_t faults_ = 0;
    RequestId last_request_;
    std::map<RequestId, Client> clients_;
    std::map<RequestId, std::vector<JobId>> cancels_;
    std::optional<RequestId> full_house_;
    std::size_t fair_ends_ = 0;
    std::size_t large_starts_ = 0;
    std::size_t accepted_ = 0;
    std::size_t replayed_ = 0;
    std::size_t arrays_ = 0;
    std::size_t dependencies_ = 0;
};

}  // namespace windlass::simulation
