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
//     settings crash_limit=2 ttl=15s grace=5s         only as the first one
//     submit user=1 [count=1] [priority=0] [attempts=1] [cpu=1] [memory=1]     cpus, GiB
//     cancel 1
//     join worker=1 cpu=2 memory=4 [prefetch=0] [held=1.1,2.1]
//     leave worker=1
//     drain worker=1
//     renew worker=1 [held=1.1]
//     start worker=1 1.1
//     finish worker=1 1.1 [outcome=exited] [exit=0] [wall=1s]
//     return worker=1 1.1
//     wait 5s                                          time passes and nobody says so
//     tick                                             TimePassed
//     restart                                          a new queue from what was persisted
//     explain 1
//     counts
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scheduler/queue.h"

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
    std::vector<std::string> carry_out(const Effects& effects);
    void remember(const Effect& effect);
    std::vector<std::string> restart();

    QueueSettings settings_;
    std::unique_ptr<Queue> queue_;
    Now now_{};
    RequestId last_request_;
    std::map<JobId, StoredJob> stored_;
    std::vector<NewJob> submitted_;
};

}  // namespace windlass::scheduler
