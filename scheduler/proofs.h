// What a scheduler says without a commit: answers to renewals, welcomes, answers to questions. It does not wait for the
// database: jobs run on while that is away. But one that was frozen and deposed meanwhile must not tell a worker to go
// on with what the new leader has given to somebody else, nor keep a worker that the new leader waits for, nor call a
// job unknown that the new leader has: when nothing has proved the leadership for a while, the store is asked first.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <vector>

#include "scheduler/leadership.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

class Proofs {
  public:
    // `patience`: a store that has not answered for so long (a commit is tried again and again, a host does not answer)
    // is as good as away: what waits is said, and jobs run on. Much less than a worker waits for an answer.
    Proofs(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience);
    Proofs(const Proofs&) = delete;
    Proofs& operator=(const Proofs&) = delete;

    // Calls `say`: at once when we are known to have led lately, else when the store has answered; in order. Never,
    // when another one leads.
    void before(std::function<void()> say);

  private:
    void be_patient();
    void patience_is_over();
    void say_waiting();

    Turns& turns_;
    Leadership& leadership_;
    const Milliseconds patience_;
    LoopTimer timer_;
    SteadyTime waits_since_{};
    std::vector<std::function<void()>> waiting_;
    bool asking_ = false;
};

}  // namespace windlass::scheduler
