// Scenarios as text, one command a line and what it must lead to below it:
//
//     join worker=1 cpu=2 memory=4
//     ----
//     (nothing)
//
//     submit user=1 count=2
//     ----
//     insert 1: queued.0 #1
//     …
//
// Lines that begin with # are for the reader. With WINDLASS_REWRITE=1 the test writes what it got into the files: read
// the difference before you keep it. Job ids begin at 1. Commands:
//
//     settings [crash_limit=5] [ttl=15s] [grace=5s] [reserve_after=30s] …          only as the first one
//     submit user=1 [count=1] [priority=0] [attempts=1] [cpu=1] [memory=1] [queue=q] [resources=gpu:1] [labels=a:b]
//            [array=10] [max_fails=0] [after=ok:1,any:2] [chain=ok] [not_before=10s] [deadline=20s]
//            [retry_exit=3,7] [retry_signal=9] [retry_timeout=1] [retry_delay=2s]       cpus, GiB; moments since 0
//     cancel 1 [reason=word]                           or 1,2,3
//     quota user=1 [queued=1] [running=1] [cpu=10s]    from now on; also with every later submit
//     configure queue=q [weight=1] [max_running=1] [held=1]
//     remove queue=q
//     take worker=1, resume worker=1, forget worker=1  by an operator: drain, no longer drain, forget
//     join worker=1 cpu=2 memory=4 [prefetch=0] [held=1.1,2.1] [labels=a:b] [resources=gpu:2]
//     leave worker=1
//     drain worker=1                                   by itself
//     renew worker=1 [held=1.1]
//     start worker=1 1.1
//     finish worker=1 1.1 [outcome=exited] [exit=0] [signal=9] [wall=1s]
//     return worker=1 1.1
//     wait 5s                                          time passes and nobody says so
//     tick                                             TimePassed
//     pass 5s                                          time passes, and the timer that was armed rings when it should
//     restart                                          a new queue from what was persisted
//     explain 1
//     counts, queues, workers
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/queue.h"
#include "tests/scheduler/persisted_queue.h"

namespace windlass::scheduler {

struct ScenarioStep {
    std::vector<std::string> comments;  // and blank lines above it
    std::string command;
    std::vector<std::string> expected;
    int line = 0;
};

std::vector<ScenarioStep> parse_scenario(const std::string& text);
std::string render_scenario(const std::vector<ScenarioStep>& steps);

class Scenario {
  public:
    Scenario();
    // What the command led to, a line for each effect. Throws std::invalid_argument when it makes no sense, and
    // std::logic_error when an invariant is broken after it.
    std::vector<std::string> run(const std::string& command);

  private:
    using Arguments = std::map<std::string, std::string>;  // the one without a name is under ""

    Event event(const std::string& verb, const Arguments& arguments);
    Submit submit(const Arguments& arguments);
    std::vector<std::string> carry_out(const Effects& effects);
    std::vector<std::string> restart();
    std::vector<std::string> pass(Microseconds length);
    std::vector<std::string> explain(JobId job) const;
    std::vector<std::string> list_workers() const;
    std::vector<std::string> list_queues() const;
    void change_settings(const Arguments& arguments);

    QueueSettings settings_;
    std::unique_ptr<Queue> queue_;
    PersistedQueue store_;
    Now now_{};
    RequestId last_request_;
    std::map<UserId, Quota> quotas_;
};

}  // namespace windlass::scheduler
