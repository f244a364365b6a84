#include "scheduler/renewals.h"

#include <utility>

namespace windlass::scheduler {

struct Renewals::Timer {
    Renewals* owner = nullptr;
    uv_timer_t timer{};
};

Renewals::Renewals(uv_loop_t* loop, Turns& turns, Milliseconds proof_lasts, Send send)
    : turns_(turns),
      proof_lasts_(proof_lasts),
      send_(std::move(send)),
      timer_(new Timer{this, {}}),
      proved_(turns.now().steady) {
    uv_timer_init(loop, &timer_->timer);
    timer_->timer.data = timer_;
}

Renewals::~Renewals() {
    timer_->owner = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&timer_->timer),
             [](uv_handle_t* closed) { delete static_cast<Timer*>(closed->data); });
}

void Renewals::answer(const AnswerRenewal& renewal) {
    // A worker with nothing in hand has nothing to lose: an idle site asks nothing of its database.
    if (renewal.kept.empty() || turns_.store().failing() || turns_.now().steady - proved_ < proof_lasts_)
        return send_(renewal);
    waiting_.push_back(renewal);
    if (!asking_) ask();
}

void Renewals::ask() {
    asking_ = true;
    uv_timer_start(
        &timer_->timer,
        [](uv_timer_t* timer) {
            if (auto* owner = static_cast<Timer*>(timer->data)->owner) owner->send_all();
        },
        static_cast<std::uint64_t>(patience.count()), 0);
    turns_.store().ask<bool>(
        [](Store& store) {
            const Status leads = store.ping();
            return leads ? Result<bool>(true) : Result<bool>(leads.error());
        },
        [this](Result<bool> leads) {
            asking_ = false;
            if (!leads && leads.error().kind == ErrorKind::stale) return turns_.depose(leads.error().message);
            if (leads) proved();
            send_all();
        });
}

void Renewals::send_all() {
    uv_timer_stop(&timer_->timer);
    if (turns_.deposed()) return;
    for (const AnswerRenewal& renewal : std::exchange(waiting_, {})) send_(renewal);
}

}  // namespace windlass::scheduler
