#include "scheduler/leadership.h"

#include <utility>

namespace windlass::scheduler {

Leadership::Leadership(uv_loop_t* loop, Turns& turns, Milliseconds proof_lasts, Milliseconds say_every)
    : turns_(turns),
      proof_lasts_(proof_lasts),
      say_every_(say_every),
      timer_(loop, [this] { say(); }),
      proved_(turns.now().steady) {
    timer_.unref();
}

void Leadership::start() {
    // At once: until now we were only trusted to be reading the queue.
    if (say_every_.count() > 0) timer_.repeat(Milliseconds{0}, say_every_);
}

void Leadership::say() {
    // One at a time: behind a slow commit they would only pile up, and the commit says the same.
    if (std::exchange(saying_, true)) return;
    prove([this] { saying_ = false; });
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
