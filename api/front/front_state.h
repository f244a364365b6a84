// What the front's threads share: the counters, one exchange each, and the mailbox through which everything comes back
// to the loop. All decisions about an exchange (who was first: the Resumer, its deadline or the client leaving) are
// made on the loop, in the order of the mailbox; nothing else is locked.
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "api/front/answer.h"
#include "api/front/exchange.h"
#include "api/front/http_framer.h"
#include "api/front/websocket_calls.h"

namespace windlass::api {

struct Counters {
    std::atomic<std::uint64_t> connections_open{0};
    std::atomic<std::uint64_t> connections_accepted{0};
    std::atomic<std::uint64_t> connections_refused{0};
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> refused_requests{0};
    std::atomic<std::uint64_t> waiting{0};
    std::atomic<std::uint64_t> buffered_bytes{0};
    std::atomic<std::uint64_t> unsent_bytes{0};
    std::atomic<std::uint64_t> websockets_open{0};
};

// Bytes of one owner in one of the counters; given back when it is destroyed, on whatever thread.
class Charge {
  public:
    using Counter = std::atomic<std::uint64_t> Counters::*;
    explicit Charge(std::shared_ptr<Counters> counters, Counter counter = &Counters::buffered_bytes)
        : counters_(std::move(counters)), counter_(counter) {}
    ~Charge() { set(0); }
    Charge(const Charge&) = delete;
    Charge& operator=(const Charge&) = delete;

    void set(std::size_t bytes) {
        if (bytes == bytes_) return;
        ((*counters_).*counter_).fetch_add(bytes - bytes_, std::memory_order_relaxed);  // wraps around when it shrinks
        bytes_ = bytes;
    }

  private:
    std::shared_ptr<Counters> counters_;
    Counter counter_;
    std::size_t bytes_ = 0;
};

class Connection;

// One request and the state of its answer. Shared by the connection, by the pool while it works on it, and by the
// Resumer while it waits: the Request stays valid for whoever may still look at it.
struct Exchange {
    Exchange(FramedRequest framed_request, std::shared_ptr<Counters> counters)
        : framed(std::move(framed_request)), charge(std::move(counters)) {}

    const FramedRequest framed;
    Charge charge;

    // Pool only (one thread at a time has the exchange).
    std::uint64_t parkings = 0;
    std::shared_ptr<ChunkSource> stream;

    // Made by the pool with the answer, the loop's from then on (but see there).
    std::unique_ptr<WebSocketCalls> websocket;

    // Any thread. Set by the first wake() since the source, or the WebSocket's outbox, was last looked at.
    std::atomic<bool> woken{false};

    // Loop only.
    Connection* connection = nullptr;  // null: the client has gone
    std::uint64_t parked = 0;          // number of the Later it waits in; 0: it does not wait
    Next on_deadline;
};

// What comes back to the loop.
struct Answered {
    Answer answer;
    bool more = false;  // a stream with further pieces
};
struct Piece {
    std::string bytes;
    bool last = false;
    bool failed = false;  // the source threw: the answer cannot be completed
};
struct Parked {
    std::uint64_t parking = 0;
    Milliseconds deadline{};
    Next on_deadline;
};
struct Resumed {
    std::uint64_t parking = 0;
    Next next;
};
struct Woken {};
struct Handled {
    bool ok = false;  // the calls of a WebSocket's handler
};
struct Event {
    std::shared_ptr<Exchange> exchange;
    std::variant<Answered, Piece, Parked, Resumed, Woken, Handled> what;
};

class Mailbox {
  public:
    explicit Mailbox(uv_async_t* wake) : wake_(wake) {}

    // Any thread. After close() events are dropped.
    void post(Event event) {
        const std::lock_guard lock(mutex_);
        if (!wake_) return;
        events_.push_back(std::move(event));
        // Only the first one wakes: the loop takes all that lie there.
        if (events_.size() == 1) ::uv_async_send(wake_);
    }
    // Loop's thread.
    void take(std::vector<Event>& out) {
        const std::lock_guard lock(mutex_);
        out.swap(events_);
    }
    void close() {
        std::vector<Event> dropped;
        const std::lock_guard lock(mutex_);
        wake_ = nullptr;
        dropped.swap(events_);
    }

  private:
    std::mutex mutex_;
    uv_async_t* wake_;
    std::vector<Event> events_;
};

}  // namespace windlass::api
