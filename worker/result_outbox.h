// Results that the scheduler has not acknowledged. Each is offered once per connection, until AcknowledgeFinish or
// RevokeAttempt comes.
//
// Memory or disk: a result goes to disk when it is not acknowledged within a second, when there is no connection, or
// when it is large (then memory is freed too). A small result that is acknowledged at once, the normal case, never
// touches the disk: for a job of a millisecond the file would cost more than the job. The price: a worker that is
// killed in that second, and leaves no journal (result_journal.h) to the next, loses the result, and the attempt is run
// again when its lease has expired (at least once, as promised).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "shared/figures.h"
#include "shared/time.h"
#include "shared/wire/connection.h"
#include "worker/background.h"
#include "worker/result_journal.h"
#include "worker/result_spool.h"

namespace windlass::worker {

class ResultOutbox {
  public:
    static constexpr Milliseconds memory_only{1000};
    static constexpr std::size_t large_bytes = 1 << 20;
    // Offers pause while so much waits in the connection.
    static constexpr std::size_t max_unsent_bytes = 16 << 20;
    static constexpr Milliseconds pause{20};

    // What a past life left in the spool is held from the beginning.
    // Likewise what it left in the journal, which goes to disk at once.
    ResultOutbox(ResultSpool spool, Background background, ResultJournal journal = {});

    void add(FinishedAttempt finished, SteadyTime now);
    // Ignored if unknown.
    void drop(AttemptRef ref);

    // `connection` must stay until disconnected(). Everything is offered (again).
    void connected(wire::Connection& connection, SteadyTime now);
    void disconnected();

    void on_time(SteadyTime now);
    std::optional<SteadyTime> next() const;

    bool empty() const { return held_ == 0; }
    void add_figures(figures::Families& families) const;
    bool holds(AttemptRef ref) const;
    void append_held(std::vector<AttemptRef>& refs) const;
    // Before the process ends: everything goes to disk, for its next life.
    void save_all();

  private:
    struct Entry {
        std::shared_ptr<const FinishedAttempt> memory;  // null: only on disk
        bool on_disk = false;
        bool writing = false;  // in the background
        bool dropped = false;  // meanwhile; the rest is done when the writing is
        ResultJournal::Place place = -1;
        bool fresh = true;  // still on the connection on which its first chunks were sent
    };
    void pump(SteadyTime now);
    void begin_to_offer(AttemptRef ref, Entry& entry);
    void save(Entry& entry);
    void save_in_background(AttemptRef ref, Entry& entry);
    void forget(AttemptRef ref);

    void is_on_disk(Entry& entry);

    ResultSpool spool_;
    Background background_;
    ResultJournal journal_;
    wire::Connection* connection_ = nullptr;
    std::unordered_map<AttemptRef, Entry> entries_;
    std::size_t held_ = 0;             // entries that are not dropped
    std::deque<AttemptRef> to_offer_;  // on this connection
    // The one whose parts are being sent: they may be as large as all limits of a job allow. Null: none.
    std::shared_ptr<const FinishedAttempt> offering_;
    std::size_t next_part_ = 0;
    bool skip_sent_ = false;                                   // it is fresh
    std::deque<std::pair<SteadyTime, AttemptRef>> in_memory_;  // by the time they must be on disk
    std::optional<SteadyTime> pump_at_;
};

}  // namespace windlass::worker
