#include "scheduler/renewals.h"

#include <utility>

namespace windlass::scheduler {

struct Renewals::Timer {
    Renewals* owner = nullptr;
    uv_timer_t timer{};
};

Renewals::Renewals(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience, Send send)
    : turns_(turns), leadership_(leadership), patience_(patience), send_(std::move(send)), timer_(new Timer{this, {}}) {
    uv_timer_init(loop, &timer_->timer);
    timer_->timer.data = timer_;
    uv_unref(reinterpret_cast<uv_handle_t*>(&timer_->timer));
}

Renewals::~Renewals() {
    timer_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_->timer),
             [](uv_handle_t* closed) { delete static_cast<Timer*>(closed->data); });
}

void Renewals::answer(const AnswerRenewal& renewal) {
    // A worker with nothing in hand has nothing to lose: an idle site asks nothing of its database.
    if (renewal.kept.empty() || leadership_.is_proved()) return send_(renewal);
    waiting_.push_back(renewal);
    if (waiting_.size() == 1) be_patient();
    if (std::exchange(asking_, true)) return;
    leadership_.prove([this] {
        asking_ = false;
        send_waiting();
    });
}

void Renewals::be_patient() {
    waits_since_ = turns_.now().steady;
    uv_update_time(timer_->timer.loop);
    uv_timer_start(
        &timer_->timer,
        [](uv_timer_t* timer) {
            if (auto* owner = static_cast<Timer*>(timer->data)->owner) owner->patience_is_over();
        },
        static_cast<std::uint64_t>(patience_.count()), 0);
}

void Renewals::patience_is_over() {
    // It was not the store that slept but we: its answer is on the way, and may be that somebody else leads.
    if (turns_.now().steady - waits_since_ > 2 * patience_) return be_patient();
    send_waiting();
}

void Renewals::send_waiting() {
    uv_timer_stop(&timer_->timer);
    if (turns_.deposed()) return;
    for (const AnswerRenewal& renewal : std::exchange(waiting_, {})) send_(renewal);
}

}  // namespace windlass::scheduler
