#include "scheduler/proofs.h"

#include <utility>

namespace windlass::scheduler {

Proofs::Proofs(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience)
    : turns_(turns), leadership_(leadership), patience_(patience), timer_(loop, [this] { patience_is_over(); }) {
    timer_.unref();
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
    timer_.start(patience_);
}

void Proofs::patience_is_over() {
    // It was not the store that slept but we: its answer is on the way, and may be that somebody else leads.
    if (turns_.now().steady - waits_since_ > 2 * patience_) return be_patient();
    say_waiting();
}

void Proofs::say_waiting() {
    timer_.stop();
    if (turns_.deposed()) return;
    for (const auto& say : std::exchange(waiting_, {})) say();
    turns_.end_turn();
}

}  // namespace windlass::scheduler
