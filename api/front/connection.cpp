#include "api/front/connection.h"

#include <algorithm>
#include <utility>

namespace windlass::api {
namespace {

// Read ahead on one connection while an answer is being made; more stays with the kernel, and so with the client.
constexpr std::size_t read_ahead_bytes = 256 * 1024;
// After an answer that closes: how long and how much is still read and thrown away. Closing with unread input would
// make the kernel send a reset, and a reset makes the client lose the answer (RFC 9112 section 9.6).
constexpr Milliseconds lingering_time{1'000};
constexpr std::size_t lingering_bytes = 4 * 1024 * 1024;

std::size_t size_of(const FramedRequest& framed) {
    std::size_t total = sizeof(FramedRequest) + framed.request.body.size() + 3 * framed.request.target.size();
    for (const auto& [name, value] : framed.request.headers) total += name.size() + value.size() + 64;
    return total;
}

// A client that vanished without a word is found by the kernel, also when nothing is sent to it that it could fail to
// take. (Every stream that says something of its own now and then finds it sooner by that.)
void watch_for_death(SocketHandle& socket) {
    constexpr unsigned after_s = 60;
    if (socket.handle.type == UV_TCP) ::uv_tcp_keepalive(&socket.tcp, 1, after_s);
}

}  // namespace

Connection::Connection(FrontCore& core)
    : core_(core),
      transport_(*this, core.transport_buffers()),
      framer_(core.limits()),
      charge_(core.counters()),
      unsent_charge_(core.counters(), &Counters::unsent_bytes) {}

void Connection::start(std::string remote_address, std::string address_key) {
    remote_address_ = std::move(remote_address);
    address_key_ = std::move(address_key);
    from_proxy_ = core_.proxies().trusts(remote_address_);
    started_ = true;
    settle();
}

void Connection::turn_away(std::string remote_address) {
    remote_address_ = std::move(remote_address);
    turned_away_ = true;
    refusal_ = Refusal{503, "There are too many connections; try again in a moment.", {}};
    settle();
}

void Connection::leave_unheard() {
    turned_away_ = true;
    core_.counters()->connections_refused.fetch_add(1, std::memory_order_relaxed);
    close();
}

void Connection::close() {
    if (std::exchange(closing_, true)) return;
    const bool whole =
        !exchange_ || websocket_;  // otherwise an answer is broken off, and the client must not think that it was all
    core_.deadlines().remove(*this);
    end_wait_for_source();
    if (websocket_) websocket_->on_lost();
    if (exchange_) {
        if (exchange_->parked != 0) core_.counters()->waiting.fetch_sub(1, std::memory_order_relaxed);
        exchange_->parked = 0;
        exchange_->on_deadline = nullptr;
        exchange_->connection = nullptr;
        exchange_.reset();
    }
    transport_.close(whole);
}

void Connection::on_closed() {
    core_.connection_closed(this, address_key_);
    delete this;
}

// ---- input

void Connection::update_reading() {
    if (websocket_ && !lingering_) return;  // it knows
    set_reading(lingering_ || (!end_of_input_ && !refusal_ && leftover_.empty()));
}

void Connection::on_bytes(std::string_view bytes) {
    if (closing_) return;
    if (lingering_) {
        lingered_bytes_ += bytes.size();
        if (lingered_bytes_ > lingering_bytes) close();
        return;
    }
    if (websocket_) {
        websocket_->on_bytes(bytes);
        return update_charge();
    }
    take_in(bytes);
    settle();
}

void Connection::on_plain_http() {
    refuse({400, "This port speaks HTTPS: use https:// in the address.", {}});
    settle();
}

// The client has said all it wants to say, or is gone: TCP does not tell the two apart. What is being made is still
// sent; a wait that may be long is given up.
void Connection::on_end_of_input() {
    end_of_input_ = true;
    if (websocket_ && !lingering_) return websocket_->on_end_of_input();
    if (lingering_ || waiting_ || (exchange_ && exchange_->parked != 0)) return close();
    settle();
}

bool Connection::may_take_more() const {
    if (!exchange_) return true;
    // What follows may be no HTTP.
    if (!exchange_->framed.request.header("Upgrade").empty()) return false;
    return ready_.size() < static_cast<std::size_t>(core_.limits().pipelined_requests) &&
           ready_bytes_ + framer_.buffered() < read_ahead_bytes;
}

void Connection::take_in(std::string_view bytes) {
    while (!bytes.empty() && !refusal_ && may_take_more()) {
        const auto step = framer_.feed(bytes);
        bytes.remove_prefix(step.consumed);
        if (step.progress == HttpFramer::Progress::refused) {
            refusal_ = framer_.refusal();
        } else if (step.progress == HttpFramer::Progress::complete) {
            auto framed = framer_.take();
            if (!exchange_) {
                begin_exchange(std::move(framed));
            } else {
                ready_bytes_ += size_of(framed);
                ready_.push_back(std::move(framed));
            }
        }
    }
    if (!refusal_) leftover_.append(bytes);
    update_charge();
    const bool over = framer_.phase() == HttpFramer::Phase::body && core_.over_buffer_limit();
    if (over && !refusal_) refuse({503, "The server holds too much unfinished input; try again in a moment.", {}});
}

void Connection::update_charge() {
    const auto of_websocket = websocket_ ? websocket_->input_bytes() : 0;
    charge_.set(ready_bytes_ + framer_.buffered() + leftover_.size() + of_websocket);
    if (of_websocket > 0 && core_.over_buffer_limit())
        websocket_->close(websocket_close::try_again_later, "the server holds too much unfinished input");
}

// ---- one exchange

void Connection::begin_exchange(FramedRequest framed) {
    core_.deadlines().clear(*this);
    timed_ = Timed::nothing;
    introduce(framed.request);
    const auto most = core_.limits().requests_per_connection;
    if (most > 0 && ++requests_ >= most && framed.keep_alive) {
        framed.keep_alive = false;
        last_request_ = true;
    }
    const auto bytes = size_of(framed);
    exchange_ = std::make_shared<Exchange>(std::move(framed), core_.counters());
    exchange_->charge.set(bytes);
    exchange_->connection = this;
    core_.counters()->requests.fetch_add(1, std::memory_order_relaxed);
    if (core_.dispatch({Work::Kind::request, exchange_, {}})) return;
    core_.counters()->refused_requests.fetch_add(1, std::memory_order_relaxed);
    core_.answer_by_mail({exchange_, Answered{core_.too_many_waiting(exchange_->framed), false}});
}

// Who asks, as far as we believe it.
void Connection::introduce(Request& request) {
    ClientView client{remote_address_, transport_.is_secure(), std::string(request.header("Host"))};
    if (from_proxy_) client = client_behind(core_.proxies(), std::move(client), request.headers);
    request.remote_address = std::move(client.address);
    request.secure = client.secure;
    request.scheme = client.secure ? "https" : "http";
    request.host = std::move(client.host);
    request.id = core_.next_request_id();
}

void Connection::on_answered(Answered event) {
    close_after_ = close_after_ || !event.answer.keep_alive;
    more_pieces_ = event.more;
    send(std::move(event.answer.head), std::move(event.answer.body));
}

void Connection::on_piece(Piece event) {
    // The head is out, so the client can only be told by an end that is none: no last chunk.
    if (event.failed) return close();
    more_pieces_ = !event.last;
    if (more_pieces_ && event.bytes.empty()) return wait_for_source();
    send({}, std::move(event.bytes));
}

// ---- a stream that has nothing to send now

void Connection::ask_source(Work::Kind kind) {
    exchange_->woken = false;  // before it looks: what comes after its look wakes again
    core_.dispatch({kind, exchange_, {}});
}

void Connection::wait_for_source() {
    if (exchange_->woken) return ask_source(Work::Kind::piece);
    // Closing without the last chunk: the client knows that this was not all, and asks again.
    if (end_of_input_ || core_.draining()) return close();
    waiting_ = true;
    core_.counters()->waiting.fetch_add(1, std::memory_order_relaxed);
    if (!std::exchange(watched_, true)) watch_for_death(transport_.socket());
    set_deadline(core_.limits().heartbeat);
}

void Connection::end_wait_for_source() {
    if (!std::exchange(waiting_, false)) return;
    core_.deadlines().clear(*this);
    core_.counters()->waiting.fetch_sub(1, std::memory_order_relaxed);
}

void Connection::on_woken() {
    if (websocket_) {
        exchange_->woken = false;
        return websocket_->on_outbox();
    }
    if (!waiting_) return;  // it is being asked, or will be when the client has taken what is under way
    end_wait_for_source();
    ask_source(Work::Kind::piece);
}

void Connection::on_parked(Parked event) {
    if (end_of_input_) return close();
    exchange_->parked = event.parking;
    exchange_->on_deadline = std::move(event.on_deadline);
    core_.counters()->waiting.fetch_add(1, std::memory_order_relaxed);
    if (core_.draining()) return resume_parked(std::move(exchange_->on_deadline));
    set_deadline(std::max(event.deadline, Milliseconds{0}));
}

void Connection::on_resumed(Resumed event) {
    if (exchange_->parked == event.parking) resume_parked(std::move(event.next));
}

void Connection::resume_parked(Next next) {
    core_.deadlines().clear(*this);
    core_.counters()->waiting.fetch_sub(1, std::memory_order_relaxed);
    exchange_->parked = 0;
    exchange_->on_deadline = nullptr;
    core_.dispatch({Work::Kind::next, exchange_, std::move(next)});
}

// ---- an exchange that becomes a WebSocket

// The answer 101 is out.
void Connection::begin_websocket() {
    WebSocketEndpoint::Carrier& carrier = *this;
    websocket_ = std::make_unique<WebSocketEndpoint>(carrier, *exchange_->websocket, core_.limits(), core_.counters());
    websocket_->start();
    // A client may have said something without waiting for the answer.
    if (!leftover_.empty() && !closing_) websocket_->on_bytes(std::exchange(leftover_, {}));
    if (end_of_input_ && !closing_) websocket_->on_end_of_input();
    if (core_.draining() && !closing_) drain();
    update_charge();
}

void Connection::hand_over_calls() {
    core_.dispatch({Work::Kind::websocket, exchange_, {}});
}

void Connection::on_handled(bool ok) {
    if (websocket_) websocket_->on_handled(ok);
    update_charge();
}

// ---- the end of an exchange

void Connection::end_exchange() {
    const bool client_asked = !exchange_->framed.keep_alive && !last_request_;
    exchange_->connection = nullptr;
    exchange_.reset();
    if (close_after_) {
        // A client that asked for the end sends nothing more: no reason to linger.
        return client_asked && leftover_.empty() && ready_.empty() && !refusal_ ? close() : linger();
    }
    if (!ready_.empty()) {
        auto framed = std::move(ready_.front());
        ready_.erase(ready_.begin());
        ready_bytes_ -= size_of(framed);
        begin_exchange(std::move(framed));
    }
    if (!leftover_.empty()) take_in(std::exchange(leftover_, {}));
    settle();
}

// Brings everything that follows from the state up to date: call it after any change.
void Connection::settle() {
    if (closing_ || lingering_) return;
    if (!exchange_ && !writing_) {
        if (refusal_) return answer_refusal();
        if (end_of_input_) return close();
        if (core_.draining() && framer_.phase() == HttpFramer::Phase::idle) return close();
        if (framer_.take_continue()) send_continue();
        if (closing_) return;
    }
    update_charge();
    update_reading();
    update_deadline();
}

void Connection::send_continue() {
    if (!transport_.write_now("HTTP/1.1 100 Continue\r\n\r\n")) close();
}

// ---- refusals

void Connection::refuse(Refusal refusal) {
    refusal.path = framer_.take().request.path;
    refusal_ = std::move(refusal);
    leftover_.clear();
}

void Connection::answer_refusal() {
    FramedRequest about;
    about.request.path = refusal_->path;
    introduce(about.request);
    auto& count = turned_away_ ? core_.counters()->connections_refused : core_.counters()->refused_requests;
    count.fetch_add(1, std::memory_order_relaxed);
    auto answer = core_.adapter().refuse(refusal_->status, refusal_->detail, about, false);
    update_reading();
    send(std::move(answer.head), std::move(answer.body));
}

void Connection::linger() {
    if (end_of_input_) return close();
    lingering_ = true;
    leftover_.clear();
    ready_.clear();
    ready_bytes_ = 0;
    update_charge();
    if (!transport_.shutdown()) return close();
    update_reading();
    set_deadline(lingering_time);
}

// ---- output

void Connection::send(std::string head, std::string body) {
    switch (transport_.write(std::move(head), std::move(body))) {
        case Transport::Written::all:
            return after_write();
        case Transport::Written::broken:
            return close();
        case Transport::Written::later:
            writing_ = true;
            unsent_charge_.set(transport_.held_bytes());
            unsent_at_deadline_ = transport_.unsent_bytes();
            set_deadline(core_.limits().write_deadline);
    }
}

void Connection::on_written() {
    writing_ = false;
    core_.deadlines().clear(*this);
    unsent_charge_.set(0);
    after_write();
}

void Connection::after_write() {
    if (websocket_) return websocket_->on_written();
    if (!exchange_) return linger();  // that was a refusal
    if (exchange_->websocket) return begin_websocket();
    if (!more_pieces_) return end_exchange();
    ask_source(Work::Kind::piece);
}

void Connection::on_write_stalled() {
    const auto unsent = transport_.unsent_bytes();
    if (unsent >= unsent_at_deadline_) return close();
    unsent_at_deadline_ = unsent;
    set_deadline(core_.limits().write_deadline);
}

// ---- deadlines

void Connection::set_deadline(Milliseconds from_now) {
    core_.deadlines().set(*this, core_.now() + static_cast<std::uint64_t>(from_now.count()));
}

// A deadline counts from the beginning of its phase; trickling bytes does not move it, except for bodies that come fast
// enough.
void Connection::update_deadline() {
    if (exchange_ || writing_) return;
    const auto phase = framer_.phase();
    const auto now = transport_.is_handshaking()        ? Timed::handshake
                     : phase == HttpFramer::Phase::idle ? Timed::idle
                     : phase == HttpFramer::Phase::head ? Timed::head
                                                        : Timed::body;
    if (now == timed_) return;
    timed_ = now;
    body_at_deadline_ = static_cast<std::size_t>(framer_.body_received());
    const auto& limits = core_.limits();
    set_deadline(now == Timed::idle   ? limits.idle_deadline
                 : now == Timed::body ? limits.body_deadline
                                      : limits.head_deadline);  // the handshake stands where a head would
}

bool Connection::body_makes_progress() {
    const auto& limits = core_.limits();
    const auto received = static_cast<std::size_t>(framer_.body_received()) - body_at_deadline_;
    const auto wanted = std::max<std::int64_t>(limits.body_bytes_per_s * limits.body_deadline.count() / 1000, 1);
    if (static_cast<std::int64_t>(received) < wanted) return false;
    body_at_deadline_ = static_cast<std::size_t>(framer_.body_received());
    set_deadline(limits.body_deadline);
    return true;
}

void Connection::on_deadline() {
    if (lingering_) return close();
    if (writing_) return on_write_stalled();
    if (websocket_) return websocket_->on_deadline();
    if (exchange_) {
        if (exchange_->parked != 0) return resume_parked(std::move(exchange_->on_deadline));
        if (!waiting_) return;
        end_wait_for_source();
        return ask_source(Work::Kind::heartbeat);
    }
    if (timed_ == Timed::idle || timed_ == Timed::handshake) return close();
    if (timed_ == Timed::body && body_makes_progress()) return;
    refuse({408,
            timed_ == Timed::head ? "The head of the request did not arrive in time."
                                  : "The body of the request came too slowly.",
            {}});
    settle();
}

void Connection::drain() {
    if (waiting_) return close();
    if (websocket_) {
        if (!lingering_) websocket_->close(websocket_close::going_away, "the server is going down");
        return;
    }
    if (exchange_ && exchange_->parked != 0) return resume_parked(std::move(exchange_->on_deadline));
    settle();
}

}  // namespace windlass::api
