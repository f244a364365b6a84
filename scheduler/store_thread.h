// The one thread that talks to the store. Work is done in the order in which it was asked for; answers come back on the
// loop.
#pragma once

#include <uv.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "scheduler/store.h"

namespace windlass::scheduler {

class StoreThread {
  public:
    StoreThread(uv_loop_t* loop, std::unique_ptr<Store> store);
    // Finishes what was asked for and is not failing; `done`s that were not called yet are dropped. Also from a `done`.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    // Commits, however long it takes: while the database is away the same batch is tried again, 50 ms to 1 s apart, and
    // failing() says so. done(ok), or done(stale) when the leadership is lost for good.
    void commit(std::shared_ptr<const Batch> batch, std::function<void(Status)> done);
    // Reads, as patiently: the leases that wait for these payloads are durable already.
    void payloads(std::vector<JobId> jobs, std::function<void(Result<std::vector<StoredPayload>>)> done);
    // Asks once, after all that was asked for before: `question` on our thread, `done` with its answer on the loop. An
    // absent database is an answer here (unavailable): somebody waits who can be told to come back.
    template <class T>
    void ask(std::function<Result<T>(Store&)> question, std::function<void(Result<T>)> done) {
        post([question = std::move(question), done = std::move(done)](Store& store) -> std::function<void()> {
            return [done, answer = std::make_shared<Result<T>>(question(store))] { done(std::move(*answer)); };
        });
    }

    // The last commit attempt failed and none has succeeded since. Any thread.
    bool failing() const { return failing_.load(std::memory_order_relaxed); }
    std::uint64_t failures() const { return failures_.load(std::memory_order_relaxed); }

  private:
    using Task = std::function<std::function<void()>(Store&)>;  // runs on our thread; what it returns runs on the loop

    void post(Task task);
    void run();
    void deliver();
    Status until_done(const std::function<Status()>& attempt);

    std::unique_ptr<Store> store_;
    uv_async_t* wake_;  // freed by its close callback
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Task> tasks_;
    std::deque<std::function<void()>> answers_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // of the loop's thread
    bool stopping_ = false;
    std::atomic<bool> failing_{false};
    std::atomic<std::uint64_t> failures_{0};
    std::thread thread_;
};

}  // namespace windlass::scheduler
