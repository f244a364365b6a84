// The few threads on which handlers run. Work goes in in batches (one lock and one wake-up for all that a turn of the
// loop brought) and is taken in small batches, so that under load the lock is cheap and a slow handler holds back
// little.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace windlass::api {

template <class Work>
class HandlerPool {
  public:
    // `run` is called on the pool's threads with a batch and the number of the thread (0 ...). It must not throw.
    HandlerPool(int threads, std::function<void(std::vector<Work>&, int)> run)
        : total_(static_cast<std::size_t>(std::max(threads, 1))), run_(std::move(run)) {
        for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this, i] { work(i); });
    }
    ~HandlerPool() { stop(); }
    HandlerPool(const HandlerPool&) = delete;
    HandlerPool& operator=(const HandlerPool&) = delete;

    // Takes everything out of `batch`. The caller bounds what it submits by queued().
    void submit(std::vector<Work>& batch) {
        std::size_t wake = 0;
        {
            const std::lock_guard lock(mutex_);
            for (auto& work : batch) queue_.push_back(std::move(work));
            // A thread that is not asleep looks into the queue by itself before it sleeps.
            wake = std::min(sleeping_, batch.size());
        }
        batch.clear();
        if (wake > 1) {
            ready_.notify_all();
        } else if (wake == 1) {
            ready_.notify_one();
        }
    }

    std::size_t queued() const {
        const std::lock_guard lock(mutex_);
        return queue_.size();
    }

    // Finishes what runs, forgets what waits, ends the threads.
    void stop() {
        {
            std::deque<Work> forgotten;
            const std::lock_guard lock(mutex_);
            stopping_ = true;
            forgotten.swap(queue_);
        }
        ready_.notify_all();
        for (auto& thread : threads_) {
            if (thread.joinable()) thread.join();
        }
    }

  private:
    static constexpr std::size_t largest_batch = 8;

    void work(int number) {
        std::vector<Work> batch;
        std::unique_lock lock(mutex_);
        while (true) {
            ++sleeping_;
            ready_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            --sleeping_;
            if (stopping_) return;
            const auto share = (queue_.size() + total_ - 1) / total_;
            for (auto left = std::min(share, largest_batch); left > 0; --left) {
                batch.push_back(std::move(queue_.front()));
                queue_.pop_front();
            }
            lock.unlock();
            run_(batch, number);
            batch.clear();
            lock.lock();
        }
    }

    const std::size_t total_;
    std::function<void(std::vector<Work>&, int)> run_;
    mutable std::mutex mutex_;
    std::condition_variable ready_;
    std::deque<Work> queue_;
    std::size_t sleeping_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace windlass::api
