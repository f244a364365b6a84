#include "scheduler/store_thread.h"

#include <algorithm>

#include "shared/log.h"

namespace windlass::scheduler {

StoreThread::StoreThread(uv_loop_t* loop, std::unique_ptr<Store> store)
    : store_(std::move(store)), wake_(new uv_async_t) {
    uv_async_init(loop, wake_, [](uv_async_t* wake) { static_cast<StoreThread*>(wake->data)->deliver(); });
    wake_->data = this;
    thread_ = std::thread([this] { run(); });
}

StoreThread::~StoreThread() {
    *alive_ = false;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    uv_close(reinterpret_cast<uv_handle_t*>(wake_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_async_t*>(handle); });
}

void StoreThread::commit(std::shared_ptr<const Batch> batch, std::function<void(Status)> done) {
    post([this, batch = std::move(batch), done = std::move(done)](Store& store) -> std::function<void()> {
        return [done, status = until_done([&] { return store.commit(*batch); })] { done(status); };
    });
}

void StoreThread::payloads(std::vector<JobId> jobs, std::function<void(Result<std::vector<StoredPayload>>)> done) {
    post([this, jobs = std::move(jobs), done = std::move(done)](Store& store) -> std::function<void()> {
        std::vector<StoredPayload> found;
        const Status status = until_done([&] {
            auto answer = store.payloads(jobs);
            if (answer) found = std::move(answer).value();
            return answer ? Status() : Status(std::move(answer).error());
        });
        auto answer = std::make_shared<Result<std::vector<StoredPayload>>>(std::move(found));
        if (!status) *answer = status.error();
        return [done, answer] { done(std::move(*answer)); };
    });
}

void StoreThread::post(Task task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
}

void StoreThread::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        Task task = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        auto answer = task(*store_);
        lock.lock();
        answers_.push_back(std::move(answer));
        uv_async_send(wake_);
    }
}

void StoreThread::deliver() {
    std::deque<std::function<void()>> answers;
    {
        const std::lock_guard lock(mutex_);
        answers.swap(answers_);
    }
    // A service that has stopped is destroyed by what it tells; those behind it are about things that are no more.
    const auto alive = alive_;
    for (auto& answer : answers)
        if (*alive) answer();
}

Status StoreThread::until_done(const std::function<Status()>& attempt) {
    for (Milliseconds pause{50};; pause = std::min(pause * 2, Milliseconds{1000})) {
        Status status = attempt();
        if (status) {
            if (failing_.exchange(false)) log::info("the database answers again; nothing was lost");
            return status;
        }
        failures_.fetch_add(1, std::memory_order_relaxed);
        // Only an absent database is worth waiting for. Anything else would fail for ever: the caller has to stop.
        if (status.error().kind != ErrorKind::unavailable) return status;
        if (!failing_.exchange(true))
            log::warning("the database is away: {}. Submits are refused until it is back; running jobs run on",
                         status.error().message);
        std::unique_lock lock(mutex_);
        if (changed_.wait_for(lock, pause, [&] { return stopping_; })) return status;
    }
}

}  // namespace windlass::scheduler
