#include "api/monitoring/sweeper.h"

#include "shared/log.h"

namespace windlass::api {

Sweeper::Sweeper(ClusterJobsRepository& jobs, const Clock& clock, Seconds every)
    : jobs_(jobs), clock_(clock), every_(every) {
    if (every_.count() > 0) thread_ = std::thread([this] { run(); });
}

Sweeper::~Sweeper() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void Sweeper::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        lock.unlock();
        if (const auto swept = jobs_.sweep(clock_.now().wall); !swept)
            log::warning("jobs of clusters were not swept, and will be later: {}", swept.error().message);
        else if (swept->closed + swept->removed > 0)
            log::info("jobs of clusters: {} closed past their time, {} removed past their TTL", swept->closed,
                      swept->removed);
        lock.lock();
        wake_.wait_for(lock, every_, [this] { return stopping_; });
    }
}

}  // namespace windlass::api
