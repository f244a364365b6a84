// The worker daemon as one object on a libuv loop: connects the scheduler (scheduler_link.h), the attempts in hand
// (engine.h), the results not yet acknowledged (result_outbox.h) and the right to all of them (lease_clock.h).
// docs/worker.md tells the story. One thread; one timer.
#pragma once

#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shared/loop_timer.h"
#include "worker/credential.h"
#include "worker/engine.h"
#include "worker/lease_clock.h"
#include "worker/loop_poll.h"
#include "worker/result_journal.h"
#include "worker/result_outbox.h"
#include "worker/scheduler_link.h"

namespace windlass::worker {

struct AgentSettings {
    std::vector<wire::Endpoint> schedulers;  // of which one leads; at least one
    std::string name;                        // unique in the site
    std::string instance;                    // random, of this process
    std::string secret;
    std::shared_ptr<Credential> credential;  // null: every scheduler is on this machine
    std::int64_t prefetch = 0;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::int64_t> resources;
    Milliseconds drain{30'000};      // what runs gets so long to end by itself
    Milliseconds last_words{5'000};  // at the end, for acknowledgements
    std::function<double()> random;  // numbers in [0, 1)
    std::function<void()> on_ready;  // at the first Welcome
    // Why no new jobs can be taken now, for want of room on the disk; empty: they can. Null: nobody looks.
    std::function<std::string()> why_no_room;
    Milliseconds look_for_room{5'000};  // so often
    // Of a former life whose attempts this one takes over: until when they may run.
    std::optional<SteadyTime> inherited_until;
    ResultJournal journal;
    // Puts a new program in this one's place (execve); comes back only if that fails. Null: there is no such way.
    std::function<void()> replace;
};

class Agent {
  public:
    // `clock` must outlive this. Before it is destroyed the loop must be run until exit_code() is set and nothing is
    // left to do on it. `make_engine` is called once, here.
    Agent(uv_loop_t* loop, AgentSettings settings, const MakeEngine& make_engine, ResultSpool spool,
          const Clock& clock);

    void start();
    // The first time: drain (nothing new; what runs may end; results are handed over), then end with 0. The second
    // time: at once. Results that nobody acknowledged are on disk then, for the next life.
    void terminate();

    // For an upgrade: results go to disk, and settings.replace is called: attempts in hand stay as they are, for the
    // program that takes over. Nothing happens, but a line in the log, where they would end with this process.
    void hand_over();

    // Set when it has ended: 0 after terminate(), 1 when the scheduler refused it or the engine broke (a sentence is
    // in the log). All its handles are closed or closing then, so the loop runs out.
    std::optional<int> exit_code() const { return exit_code_; }

    void add_figures(figures::Families& families) const;

  private:
    void on_welcome(wire::Connection& connection, const protocol::Welcome& welcome, SteadyTime hello_sent);
    void on_message(protocol::Message message, std::string body);
    void handle(protocol::Message& message, std::string& body, SteadyTime now);
    void on_down();
    void on_time();

    // Every callback of the loop passes through here first: true when our leases are good. After a freeze of the
    // process the timer may not be the first to be called; killing must be the first to happen.
    bool awake(SteadyTime& now);
    void renew_certificate(SteadyTime now);
    bool ends_broken();           // the engine can do nothing any more
    void settle(SteadyTime now);  // and through here last: goes on with the drain, arms the timer
    void go_on_draining(SteadyTime now);
    void end(int exit_code);
    std::vector<AttemptRef> held() const;
    protocol::Hello hello() const;
    Background background();
    void on_engine(const std::function<void(SteadyTime now)>& turn);
    void offer_what_is_there();
    void look_for_room(SteadyTime now);

    const AgentSettings settings_;
    const Clock& clock_;
    uv_loop_t* const loop_;
    LeaseClock leases_;
    ResultOutbox outbox_;
    const std::unique_ptr<Engine> engine_;
    SchedulerLink link_;
    wire::Connection* connection_ = nullptr;  // between on_welcome and on_down
    Offer offered_;                           // by the engine, when Hello was said last
    bool offered_with_room_ = true;           // and whether it was to be had
    std::string no_room_;                     // why
    std::optional<SteadyTime> room_at_;       // then it is looked again
    std::vector<std::unique_ptr<LoopPoll>> polls_;
    LoopTimer timer_;
    std::optional<SteadyTime> armed_;
    std::optional<SteadyTime> certificate_asked_;  // over this connection
    bool ready_ = false;
    std::optional<SteadyTime> stop_at_;        // draining: then what still runs is stopped
    bool stopped_ = false;                     // it was
    std::optional<SteadyTime> last_words_at_;  // draining, nothing runs: then acknowledgements are no longer waited for
    std::optional<int> exit_code_;
};

}  // namespace windlass::worker
