#include "api/front/websocket_endpoint.h"

#include <algorithm>
#include <utility>

#include "api/front/websocket_outbox.h"

namespace windlass::api {
namespace {

// Messages that wait for the handler; more stays with the kernel, and so with the client.
constexpr std::size_t read_ahead_bytes = 256 * 1024;

}  // namespace

WebSocketEndpoint::WebSocketEndpoint(Carrier& carrier, WebSocketCalls& calls, const FrontLimits& limits,
                                     std::shared_ptr<Counters> counters)
    : carrier_(carrier),
      calls_(calls),
      limits_(limits),
      counters_(std::move(counters)),
      session_(static_cast<std::size_t>(limits.websocket_message_bytes)),
      unsent_charge_(counters_, &Counters::unsent_bytes) {}

void WebSocketEndpoint::start() {
    counters_->websockets_open.fetch_add(1, std::memory_order_relaxed);
    calls_.add(WebSocketCalls::Opened{});
    set_deadline(Timed::ping, limits_.websocket_ping);
    settle();
}

void WebSocketEndpoint::on_bytes(std::string_view bytes) {
    messages_.clear();
    session_.receive(bytes, messages_);
    for (auto& message : messages_) calls_.add(std::move(message));
    messages_.clear();
    if (timed_ == Timed::pong && session_.frames_received() != frames_at_ping_) await_next_ping();
    settle();
}

void WebSocketEndpoint::on_end_of_input() {
    // A client that has said close may well end its side first; what we answer is still under way.
    if (session_.phase() != WebSocketSession::Phase::closed) carrier_.drop();
}

void WebSocketEndpoint::on_written() {
    writing_ = false;
    in_flight_bytes_ = 0;
    if (lost_) return;
    const auto now = carrier_.now();
    carrier_.set_deadline(Milliseconds{static_cast<std::int64_t>(due_ > now ? due_ - now : 0)});
    settle();
}

void WebSocketEndpoint::on_outbox() {
    auto taken = calls_.outbox()->take();
    if (taken.too_much) return lose(websocket_close::policy_violation, "the client does not take what it is sent");
    for (const auto& frame : taken.frames) session_.send(frame.kind, *frame.data);
    if (taken.close) session_.close(taken.close->code, taken.close->reason);
    wake_wanted_ = wake_wanted_ || taken.wake;
    settle();
}

void WebSocketEndpoint::on_handled(bool ok) {
    if (!ok) session_.close(websocket_close::internal_error, "something went wrong on our side");
    settle();
}

void WebSocketEndpoint::close(std::uint16_t code, std::string_view reason) {
    session_.close(code, reason);
    settle();
}

// ---- deadlines

void WebSocketEndpoint::set_deadline(Timed what, Milliseconds from_now) {
    timed_ = what;
    due_ = carrier_.now() + static_cast<std::uint64_t>(from_now.count());
    if (!writing_) carrier_.set_deadline(from_now);
}

void WebSocketEndpoint::on_deadline() {
    switch (timed_) {
        case Timed::ping:
            frames_at_ping_ = session_.frames_received();
            pinged_at_ = carrier_.now();
            session_.ping();
            calls_.add(WebSocketCalls::Heartbeat{});
            set_deadline(Timed::pong, limits_.websocket_pong_deadline);
            return settle();
        case Timed::pong:
            // As long as we do not read, the client cannot be blamed.
            if (may_read()) return lose(websocket_close::abnormal, "the client did not answer a ping");
            return await_next_ping();
        case Timed::close:
            return carrier_.drop();
    }
}

void WebSocketEndpoint::await_next_ping() {
    const auto next = pinged_at_ + static_cast<std::uint64_t>(limits_.websocket_ping.count());
    const auto now = carrier_.now();
    set_deadline(Timed::ping, Milliseconds{next > now ? static_cast<std::int64_t>(next - now) : 1});
}

// ---- what follows from the state

bool WebSocketEndpoint::may_read() const {
    return calls_.bytes() < read_ahead_bytes;
}

void WebSocketEndpoint::settle() {
    if (lost_) return;
    if (session_.phase() == WebSocketSession::Phase::closed) say_closed();
    if (session_.phase() == WebSocketSession::Phase::closing && timed_ != Timed::close)
        set_deadline(Timed::close, limits_.websocket_close_deadline);
    send_output();
    if (lost_) return;
    if (!writing_ && !closed_said_ && std::exchange(wake_wanted_, false)) calls_.add(WebSocketCalls::Woken{});
    if (calls_.begin()) carrier_.hand_over_calls();
    if (finished_) return;
    carrier_.set_reading(may_read());
    if (closed_said_ && !writing_) {
        finished_ = true;
        carrier_.finish();
    }
}

void WebSocketEndpoint::send_output() {
    if (!writing_ && session_.output_bytes() > 0) {
        writing_ = true;
        in_flight_bytes_ = session_.output_bytes();
        carrier_.carry(session_.take_output());
    }
    if (lost_) return;
    unsent_charge_.set(session_.output_bytes());  // the carrier counts what is in flight
    calls_.outbox()->set_unsent_bytes(in_flight_bytes_ + session_.output_bytes());
}

void WebSocketEndpoint::say_closed() {
    if (std::exchange(closed_said_, true)) return;
    counters_->websockets_open.fetch_sub(1, std::memory_order_relaxed);
    calls_.outbox()->end();
    if (end_.reason.empty()) end_ = session_.end();
    calls_.add(WebSocketCalls::Closed{end_.code, end_.reason});
    if (calls_.begin()) carrier_.hand_over_calls();
}

void WebSocketEndpoint::lose(std::uint16_t code, std::string_view why) {
    end_ = {code, std::string(why)};
    carrier_.drop();
}

void WebSocketEndpoint::on_lost() {
    if (std::exchange(lost_, true)) return;
    unsent_charge_.set(0);
    say_closed();
}

}  // namespace windlass::api
