// Brings every thumbnail that there is to be to its end: asks the scheduler for its job, learns of the job's end, takes
// over what it left. What it has to do stands in the tables, so it may end at any moment; several processes may do it
// at the same time.
//
// One thread of its own, because the database blocks. It sleeps until it is told of something, and looks for what
// others left behind every `look_every`, or, when nothing has happened between two looks, after `look_seldom`: an idle
// site leaves its database alone. Without its thread (not started) turn() does the same once.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "api/images/images_repository.h"
#include "api/images/thumbnails_repository.h"
#include "api/scheduler_link.h"
#include "shared/config.h"
#include "shared/time.h"

namespace windlass::api {

class ThumbnailKeeper {
  public:
    static constexpr Seconds look_every{30};
    // A process that died in the middle looks itself when it is back; this is for one that never comes back.
    static constexpr Seconds look_seldom{900};
    static constexpr Seconds ask_again_after{2};  // the scheduler was away

    // All of them must outlive it; of the scheduler no callback comes any more once it has been stopped.
    ThumbnailKeeper(ImagesRepository& images, ThumbnailsRepository& thumbnails, Scheduler& scheduler,
                    const Config::Api& settings, const Clock& clock);
    ~ThumbnailKeeper();
    ThumbnailKeeper(const ThumbnailKeeper&) = delete;
    ThumbnailKeeper& operator=(const ThumbnailKeeper&) = delete;

    void start();
    // Before the scheduler is stopped, or after. Waits for the turn that is under way.
    void stop();

    // Any thread.
    void order(std::vector<ThumbnailOrder> orders);
    // Any thread. There may be something to be found now: an account was deleted, and its images are nobody's.
    void look_soon();
    // Their thumbnails are gone: nobody waits for these jobs any more.
    void cancel(const std::vector<JobId>& jobs);

    // Everything that is to be done now. `look`: also what others left behind. Not while the thread runs. False: there
    // was nothing.
    bool turn(bool look);

  private:
    struct State;  // shared with the callbacks, which may outlive this
    void run();
    void ask(const ThumbnailOrder& order);
    void watch(JobId job);
    bool look_around();

    ImagesRepository& images_;
    ThumbnailsRepository& thumbnails_;
    Scheduler& scheduler_;
    const Config::Api& settings_;
    const Clock& clock_;
    const std::shared_ptr<State> state_;
    std::thread thread_;
};

}  // namespace windlass::api
