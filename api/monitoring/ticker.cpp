#include "api/monitoring/ticker.h"

#include <thread>
#include <utility>

namespace windlass::api {

Ticker& Ticker::of_this_process() {
    static Ticker* const only = new Ticker;  // never destroyed: its thread may run to the very end
    return *only;
}

std::shared_ptr<void> Ticker::every(Milliseconds period, std::function<void()> wake) {
    auto entry = std::make_shared<Entry>(Entry{period, std::move(wake)});
    const std::lock_guard lock(mutex_);
    due_.emplace(std::chrono::steady_clock::now() + period, entry);
    if (!std::exchange(runs_, true)) std::thread([this] { run(); }).detach();
    changed_.notify_one();
    return entry;
}

void Ticker::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        if (due_.empty()) {
            changed_.wait(lock);
            continue;
        }
        const auto at = due_.begin()->first;
        if (std::chrono::steady_clock::now() < at) {
            changed_.wait_until(lock, at);
            continue;
        }
        auto node = due_.extract(due_.begin());
        auto entry = node.mapped().lock();
        if (!entry) continue;
        node.key() = at + entry->period;
        due_.insert(std::move(node));
        lock.unlock();
        entry->wake();
        entry.reset();
        lock.lock();
    }
}

}  // namespace windlass::api
