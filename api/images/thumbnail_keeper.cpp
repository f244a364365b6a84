#include "api/images/thumbnail_keeper.h"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "api/images/thumbnail_job.h"
#include "shared/job.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

constexpr int at_once = 500;
// One that was asked for by another process so long ago, and still has no job, was left behind.
constexpr Seconds left_behind_after{15};
// A job of a thumbnail stands in the tables a moment before the thumbnail says so.
constexpr Seconds stray_after{600};
// What is beyond is found again by looking around.
constexpr std::size_t most_orders = 20'000;

template <class T>
std::vector<T> take(std::vector<T>& from) {
    return std::exchange(from, {});
}

}  // namespace

struct ThumbnailKeeper::State {
    std::mutex mutex;
    std::condition_variable changed;
    bool stopping = false;
    std::vector<ThumbnailOrder> orders;  // to be asked for
    std::vector<ThumbnailOrder> later;   // the scheduler was away
    std::set<ThumbnailId> asking;        // asked for, not answered
    std::vector<AskedThumbnail> asked;   // answered
    std::vector<JobId> ended;
    bool later_grew = false;  // so the keeper is to wake earlier
    bool queue_missing = false;
    bool look_soon = false;
    std::map<JobId, Watch> watches;  // only touched by the keeper's own turns

    bool something() const {
        return stopping || !orders.empty() || !asked.empty() || !ended.empty() || later_grew || queue_missing ||
               look_soon;
    }

    void answered(const ThumbnailOrder& order, const Scheduler::Answer& answer) {
        const std::lock_guard lock(mutex);
        asking.erase(order.id);
        if (stopping) return;
        const auto* made = answer ? std::get_if<protocol::JobsSubmitted>(&*answer) : nullptr;
        if (made != nullptr && made->jobs.size() == 1) {
            asked.push_back({order.id, order.tries, made->jobs.front()});
            changed.notify_one();
        } else if (later.size() < most_orders) {
            later.push_back(order);
            later_grew = true;
            changed.notify_one();
        }
        const auto* refused = answer ? std::get_if<protocol::SubmitRefused>(&*answer) : nullptr;
        if (refused == nullptr) return;
        log::warning("no thumbnail can be asked for: {}", refused->detail);
        queue_missing = queue_missing || refused->why == protocol::SubmitRefused::Why::no_such_queue;
    }
};

ThumbnailKeeper::ThumbnailKeeper(ImagesRepository& images, ThumbnailsRepository& thumbnails, Scheduler& scheduler,
                                 const Config::Api& settings, const Clock& clock)
    : images_(images),
      thumbnails_(thumbnails),
      scheduler_(scheduler),
      settings_(settings),
      clock_(clock),
      state_(std::make_shared<State>()) {}

ThumbnailKeeper::~ThumbnailKeeper() {
    stop();
}

void ThumbnailKeeper::start() {
    thread_ = std::thread([this] { run(); });
}

void ThumbnailKeeper::stop() {
    {
        const std::lock_guard lock(state_->mutex);
        state_->stopping = true;
    }
    state_->changed.notify_all();
    if (thread_.joinable()) thread_.join();
    state_->watches.clear();
}

void ThumbnailKeeper::order(std::vector<ThumbnailOrder> orders) {
    if (orders.empty()) return;
    const std::lock_guard lock(state_->mutex);
    if (state_->orders.size() > most_orders) return;
    std::move(orders.begin(), orders.end(), std::back_inserter(state_->orders));
    state_->changed.notify_one();
}

void ThumbnailKeeper::look_soon() {
    const std::lock_guard lock(state_->mutex);
    state_->look_soon = true;
    state_->changed.notify_one();
}

void ThumbnailKeeper::cancel(const std::vector<JobId>& jobs) {
    if (jobs.empty()) return;
    scheduler_.ask(protocol::CancelJobs{{}, jobs, "the image was deleted"}, {}, [](const Scheduler::Answer&) {});
}

void ThumbnailKeeper::run() {
    turn(true);
    // Looks since something was done last. One alone proves nothing: it cannot see what was begun a moment before
    // (left_behind_after).
    int idle_looks = 0;
    auto looked = std::chrono::steady_clock::now();
    std::unique_lock lock(state_->mutex);
    while (!state_->stopping) {
        const auto look_at = looked + (idle_looks >= 2 ? look_seldom : look_every);
        const auto wake = state_->later.empty() ? look_at : std::chrono::steady_clock::now() + ask_again_after;
        state_->changed.wait_until(lock, wake, [this] { return state_->something(); });
        if (state_->stopping) return;
        state_->later_grew = false;
        if (state_->queue_missing || std::chrono::steady_clock::now() >= wake) {
            auto later = take(state_->later);
            std::move(later.begin(), later.end(), std::back_inserter(state_->orders));
        }
        const bool look = std::exchange(state_->look_soon, false) || std::chrono::steady_clock::now() >= look_at;
        lock.unlock();
        const bool did_something = turn(look);
        if (look) looked = std::chrono::steady_clock::now();
        idle_looks = did_something ? 0 : std::min(idle_looks + (look ? 1 : 0), 2);
        lock.lock();
    }
}

bool ThumbnailKeeper::turn(bool look) {
    const bool found = look && look_around();
    std::vector<ThumbnailOrder> orders;
    std::vector<AskedThumbnail> asked;
    std::vector<JobId> ended;
    bool make_queue = false;
    {
        const std::lock_guard lock(state_->mutex);
        orders = take(state_->orders);
        asked = take(state_->asked);
        ended = take(state_->ended);
        make_queue = std::exchange(state_->queue_missing, false);
        std::erase_if(orders, [this](const auto& order) { return !state_->asking.insert(order.id).second; });
    }
    if (make_queue)
        scheduler_.ask(protocol::ConfigureQueue{{},
                                                std::string(system_queue),
                                                1000,
                                                std::nullopt,
                                                false,
                                                "What the site does by itself: thumbnails of images."},
                       {}, [](const Scheduler::Answer&) {});
    for (const auto& order : orders) ask(order);
    const auto noted = thumbnails_.note_jobs(asked);
    if (noted) {
        cancel(*noted);
        for (const auto& one : asked) watch(one.job);
    } else {
        // Looking around asks for them again, and gets the same jobs.
        log::warning("jobs of thumbnails could not be noted: {}. It is tried again", noted.error().message);
    }
    for (const JobId job : ended) state_->watches.erase(job);
    if (const auto settled = thumbnails_.settle(ended); !settled)  // looking around finds them again
        log::warning("thumbnails could not be taken over: {}. It is tried again", settled.error().message);
    return found || make_queue || !orders.empty() || !asked.empty() || !ended.empty();
}

void ThumbnailKeeper::ask(const ThumbnailOrder& order) {
    scheduler_.ask(thumbnail_submit(order, settings_), {},
                   [state = state_, order](const Scheduler::Answer& answer) { state->answered(order, answer); });
}

void ThumbnailKeeper::watch(JobId job) {
    if (state_->watches.contains(job)) return;
    state_->watches[job] = scheduler_.watch(job, [weak = std::weak_ptr(state_), job] {
        const auto state = weak.lock();
        if (!state) return;
        const std::lock_guard lock(state->mutex);
        state->ended.push_back(job);
        state->changed.notify_one();
    });
}

// What this process does not know of, because another one began it, or this one in an earlier life.
bool ThumbnailKeeper::look_around() {
    const WallTime now = clock_.now().wall;
    const auto settled = thumbnails_.settle_ended(std::nullopt, at_once);
    const auto orders = thumbnails_.without_job(now - left_behind_after, at_once);
    const auto jobs = thumbnails_.jobs_under_way(at_once);
    const auto strays = thumbnails_.discard_strays(now - stray_after, at_once);
    const auto ownerless = images_.ownerless(at_once);
    if (orders) order(*orders);
    for (const JobId job : jobs ? *jobs : std::vector<JobId>()) watch(job);
    for (const auto& [owner, image] : ownerless ? *ownerless : std::vector<std::pair<UserId, ImageId>>())
        if (const auto removed = images_.remove(owner, image); removed && *removed) cancel(**removed);
    for (const auto* failure : {settled ? nullptr : &settled.error(), orders ? nullptr : &orders.error(),
                                strays ? nullptr : &strays.error(), ownerless ? nullptr : &ownerless.error()})
        if (failure != nullptr) log::warning("thumbnails left behind could not be looked for: {}", failure->message);
    const bool all_looked = settled && orders && jobs && strays && ownerless;
    return !all_looked || *settled > 0 || !orders->empty() || !jobs->empty() || !ownerless->empty();
}

}  // namespace windlass::api
