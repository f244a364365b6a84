// What bin/windlass-network says to the worker over the SOCK_SEQPACKET pair that it finds as descriptor 3. Plain data:
// both ends are built together.
#pragma once

#include <cstdint>

namespace windlass::worker {

inline constexpr int keeper_socket = 3;

// Its arguments, in this order; stdin is the ruleset.
//   uid, gid    to become, when started as root
//   userns      a /proc/PID/ns/user to join, in which the network is made; "-": a new one
//   slirp, nft  paths of the programs; slirp "-": there is no way out, and sockets in it are handed over on request
//   subnet      of the job and its slirp4netns
//   device      name of the job's interface
inline constexpr int keeper_arguments = 8;  // the program's own name included

struct NetworkReport {
    enum Kind : std::uint32_t {
        ready = 1,   // a descriptor of the namespace comes along
        failed = 2,  // it could not be made
        lost = 3,    // slirp4netns has ended while the job may still run
        socket = 4,  // answers a request: a TCP socket in the namespace, not connected, comes along; or error
    };
    std::uint32_t kind = 0;
    std::int32_t error = 0;  // errno; 0: the text says all
    char text[504] = {};     // NUL-terminated; of failed and lost
};

// What the worker says to it, where there is no way out: one of these for each socket it wants.
struct SocketRequest {
    std::uint32_t unused = 0;
};

}  // namespace windlass::worker
