#include "api/front/front_core.h"

#include <signal.h>
#include <sys/random.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <stdexcept>
#include <utility>

#include "api/front/connection.h"
#include "api/front/websocket_outbox.h"
#include "shared/log.h"

namespace windlass::api {
namespace {

// Connections beyond the limit that may hear their 503 at the same time; the rest is closed without a word.
constexpr std::int32_t turned_away_at_once = 64;
// A turn of the loop that brings many requests hands them over in portions, so that the pool begins meanwhile.
constexpr std::size_t dispatch_batch = 16;

std::string random_prefix() {
    std::uint32_t bits = 0;
    if (::getrandom(&bits, sizeof bits, 0) != sizeof bits) bits = static_cast<std::uint32_t>(::uv_hrtime());
    std::array<char, 16> text{};
    const int size = std::snprintf(text.data(), text.size(), "%08x-", bits);
    return {text.data(), static_cast<std::size_t>(size)};
}

// One Resumer and its copies. Keeps the exchange, and so the Request, until it is called or dropped.
struct Ticket {
    std::atomic<bool> used{false};
    std::shared_ptr<Exchange> exchange;
    std::shared_ptr<Mailbox> mailbox;
    std::uint64_t parking = 0;

    void resume(Next next) {
        if (used.exchange(true)) return;
        mailbox->post({std::move(exchange), Resumed{parking, std::move(next)}});
    }
};

// Of the source of one exchange, or of what its WebSocket sends; it keeps neither.
ChunkSource::Wake wake_of(const std::shared_ptr<Exchange>& exchange, std::shared_ptr<Mailbox> mailbox) {
    return [weak = std::weak_ptr(exchange), mailbox = std::move(mailbox)] {
        auto kept = weak.lock();
        if (kept && !kept->woken.exchange(true)) mailbox->post({std::move(kept), Woken{}});
    };
}

// The next piece in the framing of the answer; false: that was the last. Throws what the source throws.
bool produce(Exchange& exchange, std::string& out, bool heartbeat = false) {
    std::string piece;
    const bool more = heartbeat ? exchange.stream->heartbeat(piece) : exchange.stream->next(piece);
    if (exchange.framed.http_1_0) {
        out += piece;
        return more;
    }
    if (!piece.empty()) append_chunk(out, piece);  // an empty chunk would be the end
    if (!more) append_last_chunk(out);
    return more;
}

}  // namespace

FrontCore::FrontCore(uv_loop_t* loop, FrontSettings settings, Handler handler, ErrorRenderer errors)
    : loop_(loop),
      settings_(std::move(settings)),
      handler_(std::move(handler)),
      errors_(std::move(errors)),
      counters_(std::make_shared<Counters>()),
      adapter_(handler_, errors_, settings_.allowed_origins, draining_, settings_.hsts_s),
      too_many_(adapter_, 503, "The server has too many requests waiting; try again in a moment.", draining_),
      mailbox_(std::make_shared<Mailbox>(&wake_)),
      id_prefix_(random_prefix()) {}

Status FrontCore::open() {
    ::signal(SIGPIPE, SIG_IGN);  // NOLINT: a client that leaves while we write is an error of that write, no more
    const auto own = [this](auto& handle) {
        handle.data = this;
        ++open_handles_;
        ::uv_unref(reinterpret_cast<uv_handle_t*>(&handle));  // the listener and the connections keep the loop alive
    };
    ::uv_async_init(loop_, &wake_, [](uv_async_t* handle) { static_cast<FrontCore*>(handle->data)->take_mail(); });
    own(wake_);
    ::uv_timer_init(loop_, &timer_);
    own(timer_);
    ::uv_timer_init(loop_, &patience_);
    own(patience_);
    ::uv_prepare_init(loop_, &before_poll_);
    own(before_poll_);
    if (auto loaded = load_tls(); !loaded) return std::move(loaded).error();
    WINDLASS_TRY_STATUS(open_listeners());
    respect_descriptor_limit();
    ::uv_prepare_start(&before_poll_, [](uv_prepare_t* handle) {
        auto& self = *static_cast<FrontCore*>(handle->data);
        self.flush();
        self.arm_timer();
    });
    for (int i = 0; i < std::max(settings_.threads, 1); ++i) {
        pool_adapters_.push_back(std::make_unique<HttplibAdapter>(handler_, errors_, settings_.allowed_origins,
                                                                  draining_, settings_.hsts_s));
    }
    pool_ = std::make_unique<HandlerPool<Work>>(settings_.threads, [this](std::vector<Work>& batch, int thread) {
        run(batch, *pool_adapters_[static_cast<std::size_t>(thread)]);
    });
    return {};
}

Status FrontCore::open_listeners() {
    std::vector<ListeningSocket> sockets;
    for (const int inherited : settings_.inherited) {
        WINDLASS_TRY(auto socket, ListeningSocket::adopt(inherited));
        sockets.push_back(std::move(socket));
    }
    if (sockets.empty()) {
        WINDLASS_TRY(auto socket, ListeningSocket::bind(settings_.listen, settings_.unix_mode));
        sockets.push_back(std::move(socket));
    }
    for (auto& socket : sockets) {
        listeners_.push_back(std::make_unique<Listener>(std::move(socket)));
        ++open_handles_;
        WINDLASS_TRY_STATUS(
            listeners_.back()->open(loop_, [this](const AcceptedSocket& accepted) { take_client(accepted); }));
    }
    return {};
}

// Connections must leave descriptors for the rest of the process: the database, the scheduler, files.
void FrontCore::respect_descriptor_limit() {
    constexpr rlim_t others = 64;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return;
    const auto room = static_cast<std::int64_t>(files.rlim_cur > 2 * others ? files.rlim_cur - others : others);
    if (settings_.limits.connections <= room) return;
    log::warning(
        "api.connections is {}, but this process may have {} open files: at most {} connections are taken. "
        "Raise LimitNOFILE=, or lower api.connections",
        settings_.limits.connections, files.rlim_cur, room);
    settings_.limits.connections = static_cast<std::int32_t>(room);
}

void FrontCore::close_listeners() {
    for (auto& listener : listeners_) listener->close([this] { handle_closed(); });
}

Result<std::string> FrontCore::load_tls() {
    if (!settings_.tls.wanted()) return std::string();
    WINDLASS_TRY(tls_, TlsContext::load(settings_.tls));
    return tls_->certificate();
}

// ---- connections

void FrontCore::take_client(const AcceptedSocket& accepted) {
    auto* connection = new Connection(*this);  // NOLINT: deletes itself in its close callback
    connections_.insert(connection);
    ++open_handles_;
    if (!open_handle(loop_, connection->transport().socket(), accepted)) return connection->close();
    counters_->connections_accepted.fetch_add(1, std::memory_order_relaxed);
    auto address = accepted.address;
    auto key = counting_key(address);
    const auto& limits = settings_.limits;
    const auto open = static_cast<std::int32_t>(connections_.size()) - refused_open_ - 1;
    const auto counted = key.empty() ? by_address_.end() : by_address_.find(key);
    const bool too_many_of_one = counted != by_address_.end() && counted->second >= limits.connections_per_address;
    if (open < limits.connections && !too_many_of_one) {
        counters_->connections_open.fetch_add(1, std::memory_order_relaxed);
        if (!key.empty()) ++by_address_[key];
        if (tls_) connection->transport().secure(*tls_);
        return connection->start(std::move(address), std::move(key));
    }
    ++refused_open_;
    // Under TLS a sentence would cost a handshake, which is just what there may be too many of.
    if (tls_ || refused_open_ > turned_away_at_once) return connection->leave_unheard();
    connection->turn_away(std::move(address));
}

void FrontCore::connection_closed(Connection* connection, const std::string& key) {
    connections_.erase(connection);
    if (connection->turned_away()) {
        --refused_open_;
    } else if (connection->started()) {
        counters_->connections_open.fetch_sub(1, std::memory_order_relaxed);
    }
    if (const auto counted = by_address_.find(key); counted != by_address_.end() && --counted->second == 0) {
        by_address_.erase(counted);
    }
    if (!draining_) {
        for (auto& listener : listeners_) listener->descriptor_freed();
    }
    finish_drain_if_empty();
    handle_closed();
}

bool FrontCore::over_buffer_limit() const {
    return counters_->buffered_bytes.load(std::memory_order_relaxed) >
           static_cast<std::uint64_t>(settings_.limits.buffered_bytes);
}

std::string FrontCore::next_request_id() {
    std::array<char, 20> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), ++id_count_, 16).ptr;
    return id_prefix_ + std::string(digits.data(), end);
}

FrontStatistics FrontCore::statistics() const {
    FrontStatistics out;
    out.connections_open = counters_->connections_open;
    out.connections_accepted = counters_->connections_accepted;
    out.connections_refused = counters_->connections_refused;
    out.requests = counters_->requests;
    out.refused_requests = counters_->refused_requests;
    out.waiting = counters_->waiting;
    out.buffered_bytes = counters_->buffered_bytes;
    out.unsent_bytes = counters_->unsent_bytes;
    out.websockets_open = counters_->websockets_open;
    return out;
}

// ---- to the pool and back

// A queue hides a burst; one that does not get shorter only makes everybody wait (the idea of CoDel, RFC 8289, with two
// targets). A few slow handlers are no flood, nor is a machine that stood still for a moment.
bool FrontCore::takes_more_requests() {
    const auto& limits = settings_.limits;
    if (outstanding_ >= static_cast<std::size_t>(limits.queued_requests) + pool_adapters_.size()) return false;
    for (const auto begun = requests_begun_.load(std::memory_order_relaxed);
         seen_begun_ < begun && !waiting_since_.empty(); ++seen_begun_)
        waiting_since_.pop_front();
    const auto patience = static_cast<std::uint64_t>(limits.queue_patience.count());
    const bool flooded = now() < flooded_until_;
    const auto most = static_cast<std::uint64_t>((flooded ? limits.flooded_wait : limits.queue_wait).count());
    if (waiting_since_.size() <= static_cast<std::size_t>(limits.queue_short) ||
        now() - waiting_since_.front() <= most) {
        slow_since_ = 0;
        return true;
    }
    if (slow_since_ == 0) slow_since_ = now();
    if (!flooded && now() - slow_since_ < patience) return true;
    flooded_until_ = now() + patience;
    return false;
}

bool FrontCore::dispatch(Work work) {
    if (work.kind == Work::Kind::request) {
        if (!takes_more_requests()) return false;
        waiting_since_.push_back(now());
    }
    ++outstanding_;
    batch_.push_back(std::move(work));
    if (batch_.size() >= dispatch_batch) flush();
    return true;
}

Answer FrontCore::too_many_waiting(const FramedRequest& framed) {
    return too_many_.about(framed, std::time(nullptr));
}

void FrontCore::answer_by_mail(Event event) {
    ++outstanding_;
    mailbox_->post(std::move(event));
}

void FrontCore::flush() {
    if (!batch_.empty()) pool_->submit(batch_);
}

void FrontCore::run(std::vector<Work>& batch, HttplibAdapter& adapter) {
    for (auto& work : batch) {
        run_one(work, adapter);
        work = {};  // closures end here, not after the whole batch
    }
}

void FrontCore::run_one(Work& work, HttplibAdapter& adapter) {
    auto& exchange = *work.exchange;
    if (work.kind == Work::Kind::piece || work.kind == Work::Kind::heartbeat) {
        Piece piece;
        try {
            piece.last = !produce(exchange, piece.bytes, work.kind == Work::Kind::heartbeat);
        } catch (...) {
            piece.failed = true;
            log_front_error("a streamed answer broke off", exchange.framed.request.id, current_exception_text());
        }
        return mailbox_->post({std::move(work.exchange), std::move(piece)});
    }
    if (work.kind == Work::Kind::websocket) {
        const bool ok = exchange.websocket->run(exchange.framed.request.id);
        return mailbox_->post({std::move(work.exchange), Handled{ok}});
    }
    const bool keep_alive = exchange.framed.keep_alive;
    if (work.kind == Work::Kind::request) requests_begun_.fetch_add(1, std::memory_order_relaxed);
    const bool late = work.kind == Work::Kind::next && !work.next;
    auto outcome =
        late ? adapter.refuse(503, "The answer took too long; try again in a moment.", exchange.framed, keep_alive)
             : adapter.run(exchange.framed, work.kind == Work::Kind::next ? &work.next : nullptr, keep_alive);
    if (auto* later = std::get_if<Later>(&outcome)) return park(work.exchange, std::move(*later));
    Answered answered{std::get<Answer>(std::move(outcome)), false};
    if (answered.answer.websocket) open_websocket(work.exchange, answered.answer);
    if (answered.answer.stream) {
        exchange.stream = std::move(answered.answer.stream);
        try {
            exchange.stream->attach(wake_of(work.exchange, mailbox_));
            answered.more = produce(exchange, answered.answer.body);  // the first piece goes out with the head
        } catch (...) {
            log_front_error("a streamed answer failed before its first piece", exchange.framed.request.id,
                            current_exception_text());
            answered.answer = adapter.refuse(500, "Something went wrong on our side; the log has the details.",
                                             exchange.framed, keep_alive);
        }
    }
    mailbox_->post({std::move(work.exchange), std::move(answered)});
}

void FrontCore::open_websocket(const std::shared_ptr<Exchange>& exchange, Answer& answer) {
    auto outbox = std::make_shared<WebSocketOutbox>(static_cast<std::size_t>(settings_.limits.websocket_unsent_bytes),
                                                    wake_of(exchange, mailbox_));
    exchange->websocket = std::make_unique<WebSocketCalls>(std::move(answer.websocket), std::move(outbox));
}

void FrontCore::park(const std::shared_ptr<Exchange>& exchange, Later later) {
    auto ticket = std::make_shared<Ticket>();
    ticket->exchange = exchange;
    ticket->mailbox = mailbox_;
    ticket->parking = ++exchange->parkings;
    // First this, then start(): the loop must learn of the wait before it learns of its end.
    mailbox_->post({exchange, Parked{ticket->parking, later.deadline, std::move(later.on_deadline)}});
    const Resumer resumer([ticket](Next next) { ticket->resume(std::move(next)); });
    try {
        later.start(resumer);
    } catch (...) {
        resumer(
            [text = current_exception_text()]() -> Reply { throw std::runtime_error("Later::start threw: " + text); });
    }
}

void FrontCore::take_mail() {
    mailbox_->take(mail_);
    for (auto& event : mail_) {
        handle(event);
        event.exchange.reset();
    }
    mail_.clear();
}

void FrontCore::handle(Event& event) {
    const bool woken = std::holds_alternative<Woken>(event.what);
    if (!woken && !std::holds_alternative<Resumed>(event.what)) --outstanding_;
    auto* connection = event.exchange->connection;
    if (const auto* handled = std::get_if<Handled>(&event.what)) {
        event.exchange->websocket->end();
        if (connection) return connection->on_handled(handled->ok);
        if (event.exchange->websocket->begin()) dispatch({Work::Kind::websocket, event.exchange, {}});
        return;
    }
    if (!connection) return;  // the client has gone
    if (woken) return connection->on_woken();
    if (auto* answered = std::get_if<Answered>(&event.what)) return connection->on_answered(std::move(*answered));
    if (auto* piece = std::get_if<Piece>(&event.what)) return connection->on_piece(std::move(*piece));
    if (auto* parked = std::get_if<Parked>(&event.what)) return connection->on_parked(std::move(*parked));
    connection->on_resumed(std::move(std::get<Resumed>(event.what)));
}

// ---- deadlines

void FrontCore::arm_timer() {
    const auto wake_at = deadlines_.wake_at();
    if (wake_at >= timer_at_) return;
    timer_at_ = wake_at;
    ::uv_timer_start(
        &timer_, [](uv_timer_t* handle) { static_cast<FrontCore*>(handle->data)->on_timer(); },
        wake_at > now() ? wake_at - now() : 0, 0);
}

void FrontCore::on_timer() {
    timer_at_ = DeadlineQueue::never;
    while (auto* item = deadlines_.expired(now())) static_cast<Connection*>(item)->on_deadline();
}

// ---- the end

void FrontCore::drain(Milliseconds patience, std::function<void()> done) {
    draining_ = true;
    drained_ = std::move(done);
    close_listeners();
    const auto all = connections_;
    for (auto* connection : all) connection->drain();
    ::uv_ref(reinterpret_cast<uv_handle_t*>(&patience_));
    const auto wait = connections_.empty() ? 0 : std::max<std::int64_t>(patience.count(), 0);
    ::uv_timer_start(
        &patience_,
        [](uv_timer_t* handle) {
            auto& self = *static_cast<FrontCore*>(handle->data);
            const auto late = self.connections_;
            for (auto* connection : late) connection->close();
            self.finish_drain_if_empty();
        },
        static_cast<std::uint64_t>(wait), 0);
}

void FrontCore::finish_drain_if_empty() {
    if (!draining_ || !drained_ || !connections_.empty()) return;
    ::uv_timer_stop(&patience_);
    const auto done = std::exchange(drained_, nullptr);
    done();
}

void FrontCore::shut_down() {
    if (pool_) pool_->stop();
    mailbox_->close();
    drained_ = nullptr;
    const auto all = connections_;
    for (auto* connection : all) connection->close();
    if (!draining_) close_listeners();
    const auto close = [](auto& handle) {
        ::uv_close(reinterpret_cast<uv_handle_t*>(&handle),
                   [](uv_handle_t* closed) { static_cast<FrontCore*>(closed->data)->handle_closed(); });
    };
    shut_down_ = true;
    close(wake_);
    close(timer_);
    close(patience_);
    close(before_poll_);
}

void FrontCore::handle_closed() {
    if (--open_handles_ == 0 && shut_down_) delete this;
}

}  // namespace windlass::api
