// What we know of our own leadership: when it was last shown, and, where other schedulers wait to take over, that the
// store is told again and again that this one is well.
//
// A process can be frozen at any moment, for any time, and be deposed meanwhile. What it changes is fenced by the
// store; what it merely says has to look here first.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <algorithm>
#include <functional>

#include "scheduler/turns.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

class Leadership {
  public:
    // `proof_lasts`: no longer than the grace of a lease: a new leader waits that long before it hands anything out;
    // and less than the time for which the store takes us for well. `say_every`: 0 says nothing unasked.
    Leadership(uv_loop_t* loop, Turns& turns, Milliseconds proof_lasts, Milliseconds say_every);
    Leadership(const Leadership&) = delete;
    Leadership& operator=(const Leadership&) = delete;

    void start();

    // Asks the store, which takes it as a sign that we are well. `answered` is called unless another one leads (then we
    // are deposed): with a proof, or because the database is away, which proves nothing against us.
    void prove(std::function<void()> answered);
    // The store took a commit of ours that began after `since`: we led then. (Not: we lead now. We may have been frozen
    // between the commit and its answer.)
    void proved(SteadyTime since) { proved_ = std::max(proved_, since); }
    bool is_proved() const { return is_proved_within(proof_lasts_); }
    bool is_proved_within(Milliseconds time) const { return turns_.now().steady - proved_ < time; }

  private:
    void say();

    Turns& turns_;
    const Milliseconds proof_lasts_;
    const Milliseconds say_every_;
    LoopTimer timer_;
    SteadyTime proved_;
    bool saying_ = false;
};

}  // namespace windlass::scheduler
