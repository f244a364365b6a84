// Decides when to renew the leases and when the worker has lost its right to them. Pure: time comes in as an argument.
//
// All leases of a worker are renewed by one message. A renewal counts from the moment its question was *sent*: when the
// answer comes the scheduler may have handled it at any time since, so this is the only moment both sides agree on.
// Answers carry no number; they come in the order of the questions, one connection at a time.
#pragma once

#include <deque>
#include <optional>

#include "shared/time.h"

namespace windlass::worker {

class LeaseClock {
  public:
    // `elsewhere`: another scheduler may have taken over and wait at another address. Then leases are renewed twice as
    // often as asked for, and a question that stays unanswered for half of renew_every is a reason to look there: a
    // scheduler that is frozen keeps its connections.
    explicit LeaseClock(bool elsewhere = false) : elsewhere_(elsewhere) {}

    // Welcome came. `hello_sent`: Hello named every attempt in hand, so Welcome answers a renewal sent then.
    void welcomed(SteadyTime hello_sent, Milliseconds renew_every, Milliseconds self_kill_after);
    // What a former life of this worker has in hand is good until then: goes on as after a lost connection.
    void inherited(SteadyTime good_until);
    // Until when what is in hand may run; nullopt: there is no right to anything.
    std::optional<SteadyTime> good_until() const;
    // The connection is gone: questions on their way stay unanswered. The self-kill deadline goes on.
    void disconnected();

    bool renewal_due(SteadyTime now) const;
    void renewal_sent(SteadyTime now);
    void renewal_answered();

    // Time to look for another scheduler.
    bool unanswered(SteadyTime now) const;

    // True: nothing has confirmed our leases for self_kill_after. Their processes must be killed before anything else
    // is done or said. Never true before the first Welcome: there are no leases then.
    bool expired(SteadyTime now) const;
    // It was done: nothing is due until the next welcomed().
    void lost();

    // When renewal_due, unanswered or expired may become true; nullopt: not before something else happens.
    std::optional<SteadyTime> next() const;

  private:
    const bool elsewhere_;
    std::optional<SteadyTime> confirmed_;  // when the last answered question was sent
    std::deque<SteadyTime> asked_;         // unanswered questions of this connection, oldest first
    std::optional<SteadyTime> renew_at_;   // set while connected
    Milliseconds renew_every_{};
    Milliseconds answer_within_{};
    Milliseconds self_kill_after_{};
};

}  // namespace windlass::worker
