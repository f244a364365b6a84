// Everything of one front that lives on the loop: listeners, connections, the deadline timer, the way to the pool and
// back. Deletes itself when the loop has closed its last handle after shut_down().
#pragma once

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "api/front/deadline_queue.h"
#include "api/front/front.h"
#include "api/front/front_state.h"
#include "api/front/handler_pool.h"
#include "api/front/httplib_adapter.h"
#include "api/front/repeated_refusal.h"
#include "api/front/listener.h"
#include "api/front/transport.h"

namespace windlass::api {

class Connection;

// What a thread of the pool does next for one exchange.
struct Work {
    enum class Kind { request, next, piece, heartbeat, websocket };
    Kind kind = Kind::request;
    std::shared_ptr<Exchange> exchange;
    Next next;
};

class FrontCore {
  public:
    FrontCore(uv_loop_t* loop, FrontSettings settings, Handler handler, ErrorRenderer errors);
    FrontCore(const FrontCore&) = delete;
    FrontCore& operator=(const FrontCore&) = delete;

    Status open();
    void drain(Milliseconds patience, std::function<void()> done);
    Result<std::string> load_tls();
    // Ends the threads, closes every handle; `this` is gone some turns of the loop later.
    void shut_down();
    const std::string& address() const { return listeners_.front()->address(); }
    FrontStatistics statistics() const;

    // For connections, on the loop.
    const FrontLimits& limits() const { return settings_.limits; }
    const TrustedProxies& proxies() const { return settings_.proxies; }
    const std::shared_ptr<Counters>& counters() const { return counters_; }
    DeadlineQueue& deadlines() { return deadlines_; }
    HttplibAdapter& adapter() { return adapter_; }
    // To a request that dispatch() did not take.
    Answer too_many_waiting(const FramedRequest& framed);
    std::uint64_t now() const { return ::uv_now(loop_); }
    bool draining() const { return draining_; }
    bool over_buffer_limit() const;
    std::string next_request_id();
    // False: the queue is full, or moves too slowly (requests only; what has begun is always finished).
    bool dispatch(Work work);
    // As if the pool had answered: pipelined requests are refused one per turn of the loop, without recursion.
    void answer_by_mail(Event event);
    TransportBuffers& transport_buffers() { return transport_buffers_; }
    void connection_closed(Connection* connection, const std::string& address_key);

  private:
    ~FrontCore() = default;

    bool takes_more_requests();
    Status open_listeners();
    void respect_descriptor_limit();
    void take_client(const AcceptedSocket& accepted);
    void close_listeners();
    void run(std::vector<Work>& batch, HttplibAdapter& adapter);                     // pool
    void run_one(Work& work, HttplibAdapter& adapter);                               // pool
    void park(const std::shared_ptr<Exchange>& exchange, Later later);               // pool
    void open_websocket(const std::shared_ptr<Exchange>& exchange, Answer& answer);  // pool
    void take_mail();
    void handle(Event& event);
    void on_timer();
    void arm_timer();
    void flush();
    void finish_drain_if_empty();
    void handle_closed();
    template <class Handle>
    void close_handle(Handle& handle);

    uv_loop_t* loop_;
    FrontSettings settings_;
    Handler handler_;
    ErrorRenderer errors_;
    std::shared_ptr<Counters> counters_;
    std::atomic<bool> draining_{false};
    HttplibAdapter adapter_;                 // of the loop's thread, for errors of the front itself
    RepeatedRefusal too_many_;
    std::shared_ptr<const TlsContext> tls_;  // null: plain
    std::vector<std::unique_ptr<Listener>> listeners_;
    uv_async_t wake_{};
    uv_timer_t timer_{};
    uv_timer_t patience_{};
    uv_prepare_t before_poll_{};
    std::shared_ptr<Mailbox> mailbox_;
    DeadlineQueue deadlines_;
    std::uint64_t timer_at_ = DeadlineQueue::never;
    std::vector<Event> mail_;
    std::vector<Work> batch_;
    std::size_t outstanding_ = 0;              // work that the pool has or will have
    std::deque<std::uint64_t> waiting_since_;  // of requests that no thread had begun with when it was looked last
    std::uint64_t slow_since_ = 0;             // they wait too long since then; 0: they do not
    std::uint64_t flooded_until_ = 0;          // unless it goes on
    std::uint64_t seen_begun_ = 0;             // so many have left it
    std::atomic<std::uint64_t> requests_begun_ = 0;  // by the pool
    std::unordered_set<Connection*> connections_;
    std::unordered_map<std::string, std::int32_t> by_address_;
    std::int32_t refused_open_ = 0;  // beyond the limit, being told so
    std::string id_prefix_;
    std::uint64_t id_count_ = 0;
    std::function<void()> drained_;
    int open_handles_ = 0;
    bool shut_down_ = false;
    TransportBuffers transport_buffers_{};
    std::vector<std::unique_ptr<HttplibAdapter>> pool_adapters_;
    std::unique_ptr<HandlerPool<Work>> pool_;  // last: its threads use the rest
};

}  // namespace windlass::api
