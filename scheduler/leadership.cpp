#include "scheduler/leadership.h"

#include <utility>

namespace windlass::scheduler {

struct Leadership::Timer {
    Leadership* owner = nullptr;
    uv_timer_t timer{};
};

Leadership::Leadership(uv_loop_t* loop, Turns& turns, Milliseconds proof_lasts, Milliseconds say_every)
    : turns_(turns),
      proof_lasts_(proof_lasts),
      say_every_(say_every),
      timer_(new Timer{this, {}}),
      proved_(turns.now().steady) {
    uv_timer_init(loop, &timer_->timer);
    timer_->timer.data = timer_;
    uv_unref(reinterpret_cast<uv_handle_t*>(&timer_->timer));
}

Leadership::~Leadership() {
    timer_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_->timer),
             [](uv_handle_t* closed) { delete static_cast<Timer*>(closed->data); });
}

void Leadership::start() {
    if (say_every_.count() == 0) return;
    const auto say = [](uv_timer_t* timer) {
        auto* owner = static_cast<Timer*>(timer->data)->owner;
        // One at a time: behind a slow commit they would only pile up, and the commit says the same.
        if (owner == nullptr || std::exchange(owner->saying_, true)) return;
        owner->prove([owner] { owner->saying_ = false; });
    };
    // At once: until now we were only trusted to be reading the queue.
    uv_timer_start(&timer_->timer, say, 0, static_cast<std::uint64_t>(say_every_.count()));
}

void Leadership::prove(std::function<void()> answered) {
    const SteadyTime asked = turns_.now().steady;
    turns_.store().ask<bool>(
        [](Store& store) {
            const Status leads = store.ping();
            return leads ? Result<bool>(true) : Result<bool>(leads.error());
        },
        [this, asked, answered = std::move(answered)](const Result<bool>& leads) {
            if (!leads && leads.error().kind == ErrorKind::stale) return turns_.depose(leads.error().message);
            if (leads) proved(asked);
            answered();
        });
}

}  // namespace windlass::scheduler
