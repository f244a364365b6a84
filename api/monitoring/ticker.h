// Wakes whoever wants to be woken every so often: for answers that go on although nothing happens. One thread of the
// process for all of them, begun with the first one.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "shared/time.h"

namespace windlass::api {

class Ticker {
  public:
    static Ticker& of_this_process();

    // Calls `wake` every `period` from now on, on the ticker's thread, until what is returned is destroyed (a call
    // under way may end after that). It must be quick.
    std::shared_ptr<void> every(Milliseconds period, std::function<void()> wake);

  private:
    struct Entry {
        Milliseconds period;
        std::function<void()> wake;
    };
    void run();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::multimap<std::chrono::steady_clock::time_point, std::weak_ptr<Entry>> due_;
    bool runs_ = false;
};

}  // namespace windlass::api
