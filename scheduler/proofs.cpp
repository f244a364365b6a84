#include "scheduler/proofs.h"

#include <utility>

namespace windlass::scheduler {

struct Proofs::Timer {
    Proofs* owner = nullptr;
    uv_timer_t timer{};
};

Proofs::Proofs(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience)
    : turns_(turns), leadership_(leadership), patience_(patience), timer_(new Timer{this, {}}) {
    uv_timer_init(loop, &timer_->timer);
    timer_->timer.data = timer_;
    uv_unref(reinterpret_cast<uv_handle_t*>(&timer_->timer));
}

Proofs::~Proofs() {
    timer_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_->timer),
             [](uv_handle_t* closed) { delete static_cast<Timer*>(closed->data); });
}

void Proofs::before(std::function<void()> say) {
    if (turns_.deposed()) return;
    if (waiting_.empty() && leadership_.is_proved()) return say();
    waiting_.push_back(std::move(say));
    if (waiting_.size() == 1) be_patient();
    if (std::exchange(asking_, true)) return;
    leadership_.prove([this] {
        asking_ = false;
        say_waiting();
    });
}

void Proofs::be_patient() {
    waits_since_ = turns_.now().steady;
    uv_update_time(timer_->timer.loop);
    uv_timer_start(
        &timer_->timer,
        [](uv_timer_t* timer) {
            if (auto* owner = static_cast<Timer*>(timer->data)->owner) owner->patience_is_over();
        },
        static_cast<std::uint64_t>(patience_.count()), 0);
}

void Proofs::patience_is_over() {
    // It was not the store that slept but we: its answer is on the way, and may be that somebody else leads.
    if (turns_.now().steady - waits_since_ > 2 * patience_) return be_patient();
    say_waiting();
}

void Proofs::say_waiting() {
    uv_timer_stop(&timer_->timer);
    if (turns_.deposed()) return;
    for (const auto& say : std::exchange(waiting_, {})) say();
    turns_.end_turn();
}

}  // namespace windlass::scheduler
