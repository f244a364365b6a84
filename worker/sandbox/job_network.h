// The worker's end of one job's network (network: full, or that of a service): starts bin/windlass-network, takes the
// namespace from it, and ends it. The network belongs to one job and is never used again: connections, neighbours and
// timers are traces.
#pragma once

#include <sys/types.h>

#include <limits>
#include <optional>
#include <string>

#include "worker/sandbox/cgroup_files.h"
#include "worker/sandbox/egress.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

// Whom the keeper becomes as root: as many user ids above those of the jobs as there can be slots, so that neither a
// job nor the network of another one is the same user.
uid_t network_uid(const SandboxSettings& settings, int slot);

struct NetworkEvent {
    enum class Kind { ready, failed, gone };
    Kind kind = Kind::gone;
    FileDescriptor space;  // of ready: the network namespace
    std::string words;     // of failed and gone; empty: it ended because we said so
};

class JobNetwork {
  public:
    struct User {
        uid_t uid = 0;
        gid_t gid = 0;
        std::string user_namespace = "-";  // a file of /proc, or "-": one of its own
    };
    // Does not wait. With `full` there is a way out, and the egress rule is made from the addresses that the host has
    // now; else (a service) there is none.
    static Result<JobNetwork> start(const NetworkSettings& settings, const User& user, bool full);
    // The one that a former worker made, by the socket it had to its keeper.
    static JobNetwork take_over(FileDescriptor socket);
    JobNetwork(JobNetwork&& other) noexcept;
    JobNetwork& operator=(JobNetwork&& other) noexcept;  // what was here ends with `other`
    ~JobNetwork();                                       // ends it and waits for that, a few milliseconds

    int fd() const { return socket_.get(); }  // readable: take_event() has something
    // Nothing there: no value. After `failed` comes `gone`; after `gone` no process of it exists any more.
    std::optional<NetworkEvent> take_event();
    // Of a service: a TCP socket in this network, not connected, non-blocking. Waits for the keeper, which has nothing
    // else to do: some tens of microseconds.
    Result<FileDescriptor> make_socket();
    // It ends by itself from here on: `gone` tells when.
    void end();

  private:
    static constexpr pid_t not_ours = std::numeric_limits<pid_t>::max();  // whose child it is
    JobNetwork(FileDescriptor socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
    NetworkEvent gone();

    FileDescriptor socket_;
    pid_t pid_ = -1;
    bool ending_ = false;
    bool told_ = false;  // why it ends
};

// Of every interface of the host, as text.
Result<std::vector<std::string>> addresses_of_host();

// Makes such a network and takes it down again: empty if that works here, else what is missing and what to do about it.
std::string why_no_job_network(const SandboxSettings& settings, bool rootless);

}  // namespace windlass::worker
