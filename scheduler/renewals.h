// Answers to renewals of leases. They do not wait for a commit: jobs run on while the database is away. But a scheduler
// that was frozen and deposed meanwhile must not tell a worker to go on with what the new leader has given to somebody
// else: when nothing has proved the leadership for a while, the store is asked first. Not for long: a store that does
// not answer proves nothing against us.
//
// Everything belongs to the loop's thread.
#pragma once

#include <uv.h>

#include <functional>
#include <vector>

#include "scheduler/turns.h"

namespace windlass::scheduler {

class Renewals {
  public:
    using Send = std::function<void(const AnswerRenewal&)>;

    // The store has so long to say whether we lead. Well below what a worker waits before it kills its jobs.
    static constexpr Milliseconds patience{2'000};

    // `proof_lasts`: how long a commit proves that we lead.
    Renewals(uv_loop_t* loop, Turns& turns, Milliseconds proof_lasts, Send send);
    ~Renewals();
    Renewals(const Renewals&) = delete;
    Renewals& operator=(const Renewals&) = delete;

    void answer(const AnswerRenewal& renewal);
    // The store took a commit of ours: we lead.
    void proved() { proved_ = turns_.now().steady; }

  private:
    struct Timer;  // outlives us until libuv has closed it

    void ask();
    void send_all();

    Turns& turns_;
    Milliseconds proof_lasts_;
    Send send_;
    Timer* timer_;
    SteadyTime proved_;
    std::vector<AnswerRenewal> waiting_;
    bool asking_ = false;
};

}  // namespace windlass::scheduler
