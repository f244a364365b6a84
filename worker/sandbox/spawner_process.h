// The worker's end of the spawner: starts it, speaks to it, notices its end.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "shared/result.h"
#include "worker/sandbox/cgroup_files.h"
#include "worker/sandbox/inheritance.h"
#include "worker/sandbox/plan.h"
#include "worker/sandbox/wire.h"

namespace windlass::worker {

struct ReportMessage {
    Report report;
    FileDescriptor descriptor;  // of `started`: the working directory
    pid_t sender = 0;           // as the kernel says; of `started`: PID 1 of the box. 0: it cannot be seen from here
};

class SpawnerProcess {
  public:
    // Starts the program and has it carry out the set-up plan; waits until the prepared root stands.
    // `keep`, by KeptForAll, page to other_journal and door: it outlives this process, and hands all of it to the next.
    // Null: it ends with this process.
    using ForAll = std::array<FileDescriptor, KeptForAll::count>;
    static Result<SpawnerProcess> start(const std::string& path, const Plan& setup, ForAll* keep);
    // The one that a former worker has left.
    static SpawnerProcess take_over(Inheritance& inheritance);
    SpawnerProcess(SpawnerProcess&& other) noexcept;
    ~SpawnerProcess();  // every box ends, then the spawner; waits for it

    int socket() const { return socket_.get(); }
    pid_t pid() const { return pid_; }  // the spawner, or its guard
    // Of the boxes, rootless: lives as long as the spawner.
    std::string user_namespace() const;
    // The blob follows the command, or travels in a memfd when it is long. descriptors: as in wire.h.
    Status send(Command command, const std::string& blob, std::vector<int> descriptors) const;
    // Does not wait. Nothing there: no value. Unavailable: the spawner has ended.
    Result<std::optional<ReportMessage>> receive();

  private:
    SpawnerProcess(FileDescriptor socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
    void tell_to_end();
    std::string how_it_ended();
    // Its wait status; nullopt if it has not ended after a while, because the kernel cannot end a process of a box.
    std::optional<int> wait_for_end();

    FileDescriptor socket_;
    FileDescriptor lifeline_;  // empty: it ends at the end-of-file on the socket
    pid_t pid_ = -1;
    FileDescriptor adopted_;  // not our child: its end is seen at this pidfd, its status is not
};

}  // namespace windlass::worker
