#include "scheduler/renewals.h"

#include <utility>

namespace windlass::scheduler {

Renewals::Renewals(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience, Send send)
    : turns_(turns), leadership_(leadership), patience_(patience), send_(std::move(send)), timer_(loop, [this] {
          patience_is_over();
      }) {
    timer_.unref();
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
    timer_.start(patience_);
}

void Renewals::patience_is_over() {
    // It was not the store that slept but we: its answer is on the way, and may be that somebody else leads.
    if (turns_.now().steady - waits_since_ > 2 * patience_) return be_patient();
    send_waiting();
}

void Renewals::send_waiting() {
    timer_.stop();
    if (turns_.deposed()) return;
    for (const AnswerRenewal& renewal : std::exchange(waiting_, {})) send_(renewal);
}

}  // namespace windlass::scheduler
