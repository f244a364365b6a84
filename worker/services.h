// The way from outside to the services of jobs: a listener of the worker, on which whoever knows the site's secret (an
// api process) asks for the service of one attempt (shared/service_ticket.h) and from then on has its bytes, both ways.
// The service lives in a network of its own in which nothing else is; sockets in it come from its keeper
// (sandbox/job_network.h). Also asks every service until it answers (ready), and knows which have nothing to do (idle).
//
// Knows no loop, like the runner: one descriptor to wait for, one thread. Memory: at most 64 KiB a direction of each
// connection, and reading stands still while they wait.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "shared/ids.h"
#include "shared/job.h"
#include "shared/result.h"
#include "shared/time.h"
#include "shared/wire/connection.h"
#include "worker/file_descriptor.h"

namespace windlass::worker {

class Services {
  public:
    // A socket in the network of this box, non-blocking, not connected; the caller's.
    using MakeSocket = std::function<Result<int>(std::uint64_t box)>;

    // Binds and listens. invalid: an address that nobody could dial (0.0.0.0), or TCP without a secret.
    static Result<std::unique_ptr<Services>> open(const wire::Endpoint& listen, std::string secret);
    ~Services();
    Services(const Services&) = delete;
    Services& operator=(const Services&) = delete;

    void set_make_socket(MakeSocket make_socket) { make_socket_ = std::move(make_socket); }
    const std::string& address() const { return address_; }  // with the port that was picked

    // Its process runs; not yet ready. `address`: IPv4, where a socket for the box reaches it.
    void add(AttemptRef attempt, std::uint64_t box, const ServicePort& port, SteadyTime now,
             const std::string& address = "127.0.0.1");
    // Ends every connection to it. Harmless for one that is not there.
    void remove(AttemptRef attempt);

    struct Event {
        enum class Kind { ready, idle };  // each once
        AttemptRef attempt;
        Kind kind = Kind::ready;
    };
    int fd() const { return epoll_.get(); }
    std::vector<Event> on_readable(SteadyTime now);
    std::vector<Event> on_time(SteadyTime now);
    std::optional<SteadyTime> next() const;
    std::size_t connections() const { return links_.size(); }

  private:
    struct Service {
        std::uint64_t box = 0;
        ServicePort port;
        std::string address;
        SteadyTime last_traffic{};
        SteadyTime check_at{};  // while it is not ready and no check is under way
        Milliseconds check_pause{};
        std::uint64_t check = 0;  // the link of the check under way; 0: none
        bool ready = false;
        bool idle_told = false;
        int links = 0;
    };
    // One connection from outside (near) to a service (far); of a check only far.
    struct Link {
        enum class Phase { greeting, connecting, open, ending };
        std::uint64_t id = 0;
        bool check = false;
        Phase phase = Phase::greeting;
        AttemptRef attempt;
        FileDescriptor near;
        FileDescriptor far;
        std::string to_far;
        std::string to_near;
        std::uint32_t near_wants = 0;  // epoll events
        std::uint32_t far_wants = 0;
        std::optional<SteadyTime> deadline;
    };

    Services(FileDescriptor listener, FileDescriptor epoll, std::string unix_path, std::string address,
             std::string secret);
    void take_clients(SteadyTime now);
    Link& make_link(SteadyTime now);
    void greet(Link& link, SteadyTime now);
    void refuse(Link& link, std::string_view why, SteadyTime now);
    bool dial(Link& link, const Service& service);
    void connected(Link& link, SteadyTime now);
    void start_check(AttemptRef attempt, Service& service, SteadyTime now);
    void read_check(Link& link, SteadyTime now);
    void check_ended(Link& link, bool good, SteadyTime now);
    void on_near(Link& link, std::uint32_t events, SteadyTime now);
    void on_far(Link& link, std::uint32_t events, SteadyTime now);
    void far_ended(Link& link, SteadyTime now);
    bool read_into(int from, std::string& buffer, Link& link, SteadyTime now);
    static bool write_from(int to, std::string& buffer);
    void settle(Link& link, SteadyTime now);
    void want(Link& link, int side, std::uint32_t events);
    void drop(std::uint64_t id);

    FileDescriptor listener_;
    FileDescriptor epoll_;
    std::string unix_path_;
    std::string address_;
    std::string secret_;
    MakeSocket make_socket_;
    std::map<AttemptRef, Service> services_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Link>> links_;
    std::uint64_t last_link_ = 0;
    std::vector<Event> events_;
    std::string scratch_;
};

}  // namespace windlass::worker
