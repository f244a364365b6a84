// Answers to renewals of leases. They do not wait for a commit: jobs run on while the database is away. But a scheduler
// that was frozen and deposed meanwhile must not tell a worker to go on with what the new leader has given to somebody
// else: when nothing has proved the leadership for a while, the store is asked first.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <vector>

#include "scheduler/leadership.h"
#include "shared/loop_timer.h"

namespace windlass::scheduler {

class Renewals {
  public:
    using Send = std::function<void(const AnswerRenewal&)>;

    // `patience`: a store that has not answered for so long (a commit is tried again and again, a host does not answer)
    // is as good as away: the renewals are answered, and jobs run on. Much less than a worker waits for an answer.
    Renewals(uv_loop_t* loop, Turns& turns, Leadership& leadership, Milliseconds patience, Send send);
    Renewals(const Renewals&) = delete;
    Renewals& operator=(const Renewals&) = delete;

    void answer(const AnswerRenewal& renewal);

  private:
    void be_patient();
    void patience_is_over();
    void send_waiting();

    Turns& turns_;
    Leadership& leadership_;
    const Milliseconds patience_;
    Send send_;
    LoopTimer timer_;
    SteadyTime waits_since_{};
    std::vector<AnswerRenewal> waiting_;
    bool asking_ = false;
};

}  // namespace windlass::scheduler
