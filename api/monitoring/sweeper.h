// A thread that sweeps again and again: jobs of clusters past their time are closed, those past their TTL removed
// (ClusterJobsRepository::sweep). Every api process has one; what one of them did the others find done.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "api/monitoring/cluster_jobs_repository.h"
#include "shared/time.h"

namespace windlass::api {

class Sweeper {
  public:
    // `every` 0: never. The first time at once. All parameters outlive this.
    Sweeper(ClusterJobsRepository& jobs, const Clock& clock, Seconds every);
    ~Sweeper();  // waits for a sweep that is under way
    Sweeper(const Sweeper&) = delete;
    Sweeper& operator=(const Sweeper&) = delete;

  private:
    void run();

    ClusterJobsRepository& jobs_;
    const Clock& clock_;
    const Seconds every_;
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;  // last: everything is there when it begins
};

}  // namespace windlass::api
