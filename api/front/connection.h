// One client's connection: a state machine on the loop, above a Transport that may speak TLS. Requests are answered one
// at a time and in order; while one is being answered the next ones are read ahead within bounds, then reading stops
// and TCP does the rest.
//
//            bytes             whole request             answer               written
//   idle ──────────> head/body ──────────────> answering ─────────> writing ──────────> idle (or closed)
//                        │ refused                │  ^ Later              │ stream: next piece
//                        v                        v  │ Resumer            └──> answering
//                    lingering <── close ──────  parked
//
// A stream that has nothing to send stays in answering, without a thread, until its source wakes it (waiting_).
//
// After an answer 101 the connection carries the bytes of a WebSocketEndpoint, and nothing above happens any more.
//
// An idle connection holds no buffer. Owned by libuv: deletes itself in the close callback.
#pragma once

#include <uv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/front/deadline_queue.h"
#include "api/front/front_core.h"
#include "api/front/front_state.h"
#include "api/front/http_framer.h"
#include "api/front/transport.h"
#include "api/front/websocket_endpoint.h"

namespace windlass::api {

class Connection final : public DeadlineQueue::Item, private TransportUser, private WebSocketEndpoint::Carrier {
  public:
    explicit Connection(FrontCore& core);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Transport& transport() { return transport_; }
    // After accept. `address_key` is what connections are counted by; empty: not counted.
    void start(std::string remote_address, std::string address_key);
    // After accept, beyond a limit: says 503 and closes.
    void turn_away(std::string remote_address);
    // The same without a word.
    void leave_unheard();
    bool turned_away() const { return turned_away_; }
    bool started() const { return started_; }

    // What happened to the exchange in progress.
    void on_answered(Answered event);
    void on_piece(Piece event);
    void on_parked(Parked event);
    void on_resumed(Resumed event);
    void on_woken();
    void on_handled(bool ok);

    void on_deadline();
    void drain();
    void close();

  private:
    enum class Timed { nothing, handshake, idle, head, body };
    ~Connection() = default;

    void on_bytes(std::string_view bytes) override;
    void on_secured() override { settle(); }
    void on_plain_http() override;
    void on_end_of_input() override;
    void on_written() override;
    void on_broken() override { close(); }
    void on_closed() override;

    // For the WebSocket, once there is one.
    void carry(std::string bytes) override { send({}, std::move(bytes)); }
    void set_reading(bool wanted) override { transport_.set_reading(wanted && !end_of_input_); }
    void set_deadline(Milliseconds from_now) override;
    std::uint64_t now() const override { return core_.now(); }
    void hand_over_calls() override;
    void finish() override { linger(); }
    void drop() override { close(); }
    void begin_websocket();

    void take_in(std::string_view bytes);
    bool may_take_more() const;
    void begin_exchange(FramedRequest framed);
    void introduce(Request& request);
    void end_exchange();
    void resume_parked(Next next);
    void ask_source(Work::Kind kind);
    void wait_for_source();
    void end_wait_for_source();
    void settle();
    void send_continue();
    void refuse(Refusal refusal);
    void answer_refusal();
    void update_reading();
    void update_deadline();
    void update_charge();
    void send(std::string head, std::string body);
    void after_write();
    void on_write_stalled();
    bool body_makes_progress();
    void linger();

    FrontCore& core_;
    Transport transport_;
    std::string remote_address_;
    std::string address_key_;
    bool from_proxy_ = false;  // its headers about the client are believed

    HttpFramer framer_;
    std::vector<FramedRequest> ready_;  // read ahead, in order
    std::size_t ready_bytes_ = 0;
    std::string leftover_;  // read, not yet framed; reading stands still as long as it is not empty
    std::optional<Refusal> refusal_;
    Charge charge_;
    Charge unsent_charge_;

    std::shared_ptr<Exchange> exchange_;  // being answered
    std::unique_ptr<WebSocketEndpoint> websocket_;
    bool more_pieces_ = false;
    bool waiting_ = false;  // for the source of the stream
    bool watched_ = false;  // by TCP keep-alive
    std::int64_t requests_ = 0;
    std::size_t body_at_deadline_ = 0;
    std::size_t unsent_at_deadline_ = 0;

    Timed timed_ = Timed::nothing;
    std::size_t lingered_bytes_ = 0;
    bool writing_ = false;
    bool end_of_input_ = false;
    bool close_after_ = false;
    bool lingering_ = false;
    bool closing_ = false;
    bool turned_away_ = false;
    bool started_ = false;
    bool last_request_ = false;  // we close after it, not the client
};

}  // namespace windlass::api
