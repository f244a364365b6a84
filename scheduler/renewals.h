// Answers to renewals of leases. They do not wait for a commit: jobs run on while the database is away. But a scheduler
// that was frozen and deposed meanwhile must not tell a worker to go on with what the new leader has given to somebody
// else: when nothing has proved the leadership for a while, the store is asked first.
//
// Everything belongs to the loop's thread.
#pragma once

#include <functional>
#include <vector>

#include "scheduler/turns.h"

namespace windlass::scheduler {

class Renewals {
  public:
    using Send = std::function<void(const AnswerRenewal&)>;

    // `proof_lasts`: no longer than the grace of a lease: a new leader waits that long before it hands anything out.
    Renewals(Turns& turns, Milliseconds proof_lasts, Send send)
        : turns_(turns), proof_lasts_(proof_lasts), send_(std::move(send)), proved_(turns.now().steady) {}

    void answer(const AnswerRenewal& renewal);
    // The store took a commit of ours: we lead.
    void proved() { proved_ = turns_.now().steady; }

  private:
    void ask();

    Turns& turns_;
    Milliseconds proof_lasts_;
    Send send_;
    SteadyTime proved_;
    std::vector<AnswerRenewal> waiting_;
    bool asking_ = false;
};

}  // namespace windlass::scheduler
