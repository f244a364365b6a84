#include "scheduler/housekeeping.h"

#include <utility>

#include "shared/log.h"

namespace windlass::scheduler {

Housekeeping::Housekeeping(uv_loop_t* loop, Turns& turns, HousekeepingSettings settings)
    : turns_(turns), settings_(settings), timer_(loop, [this] { on_quiet(); }) {
    timer_.unref();
}

void Housekeeping::job_ended() {
    ++finished_;
    last_end_ = turns_.now().steady;
    if (finished_ >= settings_.too_many && !under_way_) return move();
    if (!timer_.is_set() || looks_later_) timer_.start(settings_.quiet_for);
    looks_later_ = false;
}

// Jobs grow old where nothing happens, too.
void Housekeeping::look_later() {
    if ((settings_.keep_finished.count() == 0 && !settings_.metrics.does_anything()) || timer_.is_set()) return;
    timer_.start(settings_.look_every);
    looks_later_ = true;
}

void Housekeeping::on_quiet() {
    looks_later_ = false;
    const auto quiet = std::chrono::duration_cast<Milliseconds>(turns_.now().steady - last_end_);
    if (quiet < settings_.quiet_for) return timer_.start(settings_.quiet_for - quiet + Milliseconds{1});
    if (under_way_ || turns_.deposed()) return;
    move();
}

bool Housekeeping::failed(const Result<std::int64_t>& answer, const char* what) {
    under_way_ = false;
    if (answer) return false;
    look_later();
    if (answer.error().kind == ErrorKind::stale)
        turns_.depose(answer.error().message);
    else
        log::warning("{}: {}. It is tried again later", what, answer.error().message);
    return true;
}

void Housekeeping::move() {
    under_way_ = true;
    const std::int64_t noted = finished_;
    turns_.store().ask<std::int64_t>([most = settings_.at_once](Store& store) { return store.move_finished(most); },
                                     [this, noted](Result<std::int64_t> moved) {
                                         if (failed(moved, "finished jobs could not be moved to the history")) return;
                                         worked_ = worked_ || *moved > 0;
                                         if (*moved == settings_.at_once) {
                                             finished_ = std::max<std::int64_t>(finished_ - *moved, 1);
                                             return move();
                                         }
                                         finished_ -= noted;  // fewer than asked for: those were all
                                         if (finished_ > 0) return;
                                         if (settings_.keep_finished.count() > 0)
                                             forget();
                                         else
                                             forget_expired();
                                     });
}

void Housekeeping::forget() {
    under_way_ = true;
    const WallTime cutoff = turns_.now().wall - settings_.keep_finished;
    turns_.store().ask<std::int64_t>(
        [cutoff, most = settings_.at_once](Store& store) { return store.forget_finished(cutoff, most); },
        [this](Result<std::int64_t> forgotten) {
            if (failed(forgotten, "old jobs could not be forgotten")) return;
            if (*forgotten == settings_.at_once) return forget();
            forget_expired();
        });
}

// Keys against doing a thing twice and uploads that nobody went on with: a day old.
void Housekeeping::forget_expired() {
    under_way_ = true;
    look_later();
    turns_.store().ask<std::int64_t>(
        [now = turns_.now().wall, most = settings_.at_once](Store& store) { return store.forget_expired(now, most); },
        [this](Result<std::int64_t> forgotten) {
            if (failed(forgotten, "expired keys and uploads could not be forgotten")) return;
            if (*forgotten == settings_.at_once) return forget_expired();
            const bool idle = !timer_.is_set() || looks_later_;  // no job ended meanwhile
            if (std::exchange(worked_, false) && idle) {
                timer_.start(settings_.look_again);
                looks_later_ = true;
            }
            age_metrics();
        });
}

void Housekeeping::age_metrics() {
    if (!settings_.metrics.does_anything()) return;
    under_way_ = true;
    turns_.store().ask<std::int64_t>(
        [settings = settings_.metrics, now = turns_.now().wall, most = settings_.windows_at_once](Store& store) {
            return store.age_metrics(settings, now, most);
        },
        [this](Result<std::int64_t> aged) {
            if (failed(aged, "old metrics could not be made coarser")) return;
            if (*aged > 0) return age_metrics();
            look_later();
        });
}

}  // namespace windlass::scheduler
