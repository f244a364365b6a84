// The front: owns the sockets with libuv, frames requests strictly within limits, hands whole requests to cpp-httplib's
// parser and response through Server::process_request on a small pool of threads.
//
// Why not cpp-httplib's own listen(): a slow or idle client owns a thread there, bodies and headers are unbounded, one
// failed accept ends the process. Here a slow, idle or hostile client costs a buffer.
#pragma once

#include <sys/types.h>
#include <uv.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "api/front/exchange.h"
#include "api/front/forwarded.h"
#include "api/front/spool.h"
#include "api/front/tls_context.h"
#include "shared/result.h"

namespace windlass::api {

// Every limit is a named setting (docs/configuration.md). Beyond it: the status in brackets.
struct FrontLimits {
    std::int64_t request_line_bytes = 8 * 1024;       // [414]
    std::int64_t target_bytes = 2 * 1024;             // [414] cpp-httplib's std::regex recursion is the reason
    std::int64_t head_bytes = 16 * 1024;              // request line and headers [431]
    std::int32_t header_count = 100;                  // [431]
    std::int64_t body_bytes = 64 * 1024 * 1024;       // [413]
    std::shared_ptr<const Spool> spool;               // for bodies that do not stay in memory; null: all stay there
    Milliseconds head_deadline{10'000};               // from the first byte of a request to the end of its head [408]
    Milliseconds body_deadline{20'000};               // in each of these the body comes body_bytes_per_s nearer [408]
    std::int64_t body_bytes_per_s = 16 * 1024;        // the slowest body that is waited for, on average
    Milliseconds idle_deadline{75'000};               // between requests of one connection [closed]
    Milliseconds write_deadline{30'000};              // without progress while the client does not read [closed]
    Milliseconds heartbeat{15'000};                   // a stream that has nothing to send gives a sign of life
    std::int32_t connections = 20'000;                // in total [503 and closed]
    std::int32_t connections_per_address = 10'000;    // [503 and closed]; loopback is not counted
    std::int64_t buffered_bytes = 512 * 1024 * 1024;  // request bytes in memory, all connections together [503]
    std::int32_t queued_requests = 10'000;            // whole requests waiting for a thread [503]
    // More work than can be done, rather than a burst: more than queue_short wait, the first of them for longer than
    // queue_wait, and it has been so for queue_patience. From then on, until it was not so for as long, nobody is let
    // in behind a wait of flooded_wait: who is let in is served soon, the others hear at once that they are not [503].
    std::int32_t queue_short = 128;
    Milliseconds queue_wait{200};
    Milliseconds queue_patience{1'000};
    Milliseconds flooded_wait{20};
    std::int64_t requests_per_connection = 100'000;  // then it is closed after the answer; 0: any number
    std::int32_t pipelined_requests = 32;            // read ahead on one connection while an answer is being made

    std::int64_t websocket_message_bytes = 64 * 1024;       // largest message from a client [close 1009]
    std::int64_t websocket_unsent_bytes = 4 * 1024 * 1024;  // sent to a client that does not take it [closed]
    Milliseconds websocket_ping{20'000};                    // how often an open WebSocket is pinged
    Milliseconds websocket_pong_deadline{15'000};           // from the ping to any frame of the client [closed]
    Milliseconds websocket_close_deadline{5'000};           // from our close to the client's [closed]
};

struct FrontSettings {
    std::string listen = "127.0.0.1:8080";  // HOST:PORT, [V6]:PORT or unix:/path; port 0 picks a free one
    std::vector<int> inherited;             // sockets that listen already, used instead; the front closes them
    mode_t unix_mode = 0660;                // of a unix socket it makes
    int threads = 2;                        // for handlers; they never wait, so about as many as cores
    TlsFiles tls;                           // empty: plain HTTP
    TrustedProxies proxies;                 // whose word on the client is taken
    std::int64_t hsts_s = 0;                // Strict-Transport-Security to clients that speak TLS; 0: not said
    FrontLimits limits;
    // Pages of other sites that may open a WebSocket, see origin.h.
    std::vector<std::string> allowed_origins;
};

// What the front counts, for /metrics. Read from any thread.
struct FrontStatistics {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t requests = 0;
    std::uint64_t refused_requests = 0;  // answered by the front itself
    std::uint64_t waiting = 0;           // exchanges in Later, and streams that have nothing to send now
    std::uint64_t buffered_bytes = 0;    // of requests
    std::uint64_t unsent_bytes = 0;      // of answers, not yet taken by the kernel
    std::uint64_t websockets_open = 0;
};

class Front {
  public:
    // Listens at once (plain bind, no SO_REUSEPORT: a second copy by mistake fails). Everything but statistics()
    // belongs to the loop's thread.
    static Result<std::unique_ptr<Front>> open(uv_loop_t* loop, FrontSettings settings, Handler handler,
                                               ErrorRenderer errors);
    virtual ~Front() = default;

    virtual std::string address() const = 0;  // "127.0.0.1:41233": the port that was picked
    // Stops accepting, lets what is being answered be answered (at most `patience`), then closes everything and calls
    // `done` on the loop. Idle connections close at once; parked exchanges get their on_deadline; a stream breaks off
    // when it has nothing to send.
    virtual void drain(Milliseconds patience, std::function<void()> done) = 0;
    // Reads the TLS files again, for new connections; the others go on with what they began with. On failure the former
    // certificate stays. Gives a line about the certificate for the log; empty without TLS.
    virtual Result<std::string> reload_tls() = 0;
    virtual FrontStatistics statistics() const = 0;
};

}  // namespace windlass::api
