#include "scheduler/renewals.h"

#include <utility>

namespace windlass::scheduler {

void Renewals::answer(const AnswerRenewal& renewal) {
    // A worker with nothing in hand has nothing to lose: an idle site asks nothing of its database.
    if (renewal.kept.empty() || turns_.now().steady - proved_ < proof_lasts_) return send_(renewal);
    waiting_.push_back(renewal);
    if (!asking_) ask();
}

void Renewals::ask() {
    asking_ = true;
    turns_.store().ask<bool>(
        [](Store& store) {
            const Status leads = store.ping();
            return leads ? Result<bool>(true) : Result<bool>(leads.error());
        },
        [this](Result<bool> leads) {
            asking_ = false;
            if (!leads && leads.error().kind == ErrorKind::stale) return turns_.depose(leads.error().message);
            // An absent database proves nothing against us, and jobs run on while it is away.
            if (leads) proved();
            for (const AnswerRenewal& renewal : std::exchange(waiting_, {})) send_(renewal);
        });
}

}  // namespace windlass::scheduler
