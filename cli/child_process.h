// One program started by us. It dies with us: PDEATHSIG is set race-free, so not even kill -9 of this process leaves it
// behind. It has a process group of its own, so that Ctrl-C reaches this process alone, which then stops its children
// in the right order.
//
// Must be used from the main thread of a single-threaded process: PDEATHSIG follows the thread that forked.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/result.h"

namespace windlass::cli {

struct ProgramSpec {
    std::string name;  // for messages: "scheduler"
    std::string path;  // of the executable
    std::vector<std::string> arguments;
    std::map<std::string, std::string> environment;  // the whole of it
    std::string log_path;                            // its stdout and stderr are appended here
};

// The environment of this process, for programs that get it with changes.
std::map<std::string, std::string> inherited_environment();

class ChildProcess {
  public:
    static Result<ChildProcess> start(const ProgramSpec& spec);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ~ChildProcess();  // kills and reaps if it still runs

    pid_t pid() const { return pid_; }
    int pidfd() const { return pidfd_; }  // readable when it has ended
    void signal(int number) const;
    // Its wait status once it has ended (reaps it); nothing while it runs.
    std::optional<int> ended();

  private:
    ChildProcess(pid_t pid, int pidfd) : pid_(pid), pidfd_(pidfd) {}

    pid_t pid_ = -1;  // -1: moved from, or reaped
    int pidfd_ = -1;
};

// "exited with 1", "was killed by signal 9 (Killed)".
std::string describe_wait_status(int status);

}  // namespace windlass::cli
