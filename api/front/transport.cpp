#include "api/front/transport.h"

#include <algorithm>
#include <utility>

#include "shared/log.h"

namespace windlass::api {
namespace {

Transport& of(uv_handle_t* handle) {
    return *static_cast<Transport*>(handle->data);
}

// What the kernel takes at once; negative: it takes nothing ever again.
ssize_t try_write(uv_stream_t& stream, const uv_buf_t* buffers, unsigned count) {
    const int written = ::uv_try_write(&stream, buffers, count);
    return written == UV_EAGAIN ? 0 : written;
}

}  // namespace

// ---- input

void Transport::set_reading(bool wanted) {
    if (wanted == reading_ || closing_) return;
    reading_ = wanted;
    if (!wanted) {
        ::uv_read_stop(&socket_.stream);
        return;
    }
    socket_.handle.data = this;
    ::uv_read_start(
        &socket_.stream,
        [](uv_handle_t* handle, std::size_t, uv_buf_t* out) {
            auto& bytes = of(handle).buffers_.read;
            *out = ::uv_buf_init(bytes.data(), static_cast<unsigned>(bytes.size()));
        },
        [](uv_stream_t* stream, ssize_t size, const uv_buf_t* buffer) {
            static_cast<Transport*>(stream->data)->on_read(size, buffer->base);
        });
}

void Transport::on_read(ssize_t size, const char* data) {
    if (size == 0 || closing_) return;
    if (size == UV_EOF) return is_handshaking() ? user_->on_broken() : user_->on_end_of_input();
    if (size < 0) return user_->on_broken();
    const std::string_view bytes(data, static_cast<std::size_t>(size));
    if (tls_ && !shut_down_) return decrypt(bytes);
    user_->on_bytes(bytes);
}

void Transport::decrypt(std::string_view ciphertext) {
    const bool was_handshaking = is_handshaking();
    while (true) {
        const auto size = tls_->read(ciphertext, buffers_.clear.data(), buffers_.clear.size());
        if (was_handshaking && !is_handshaking() && !end_handshake()) return;
        if (size == 0) break;
        user_->on_bytes({buffers_.clear.data(), size});
        if (closing_ || shut_down_) return;
    }
    const auto state = tls_->state();
    const bool sent = pump() != Written::broken && tls_->output().size() <= own_replies_bytes;
    if (!sent || state == TlsSession::State::failed) return user_->on_broken();
    if (state == TlsSession::State::ended) user_->on_end_of_input();
}

// False: there is nothing more to decrypt.
bool Transport::end_handshake() {
    if (tls_->state() != TlsSession::State::failed) {
        user_->on_secured();
        return !closing_;
    }
    if (tls_->spoke_http()) {
        tls_.reset();
        user_->on_plain_http();
        return false;
    }
    log::debug("a TLS handshake failed: {}", tls_->fault());
    pump();  // the alert
    user_->on_broken();
    return false;
}

// ---- output

Transport::Written Transport::write(std::string head, std::string body) {
    head_ = std::move(head);
    body_ = std::move(body);
    encrypted_ = 0;
    const auto written = tls_ ? pump() : write_plain();
    writing_ = written == Written::later;
    return written;
}

bool Transport::write_now(std::string_view bytes) {
    if (tls_) return tls_->write(bytes) && pump() != Written::broken;
    const uv_buf_t buffer{const_cast<char*>(bytes.data()), bytes.size()};
    // Nothing else is being written, so the kernel has room for a few bytes unless the connection is broken.
    return try_write(socket_.stream, &buffer, 1) == static_cast<ssize_t>(bytes.size());
}

Transport::Written Transport::write_plain() {
    std::array<uv_buf_t, 2> buffers{};
    unsigned count = 0;
    for (auto* part : {&head_, &body_}) {
        // uv_buf_t takes any size on Unix; uv_buf_init() would cut it to 32 bits.
        if (!part->empty()) buffers[count++] = uv_buf_t{part->data(), part->size()};
    }
    if (count > 0) {
        const auto written = try_write(socket_.stream, buffers.data(), count);
        if (written < 0) return Written::broken;
        auto skip = static_cast<std::size_t>(written);
        if (skip < held_bytes()) {
            auto* first = buffers.data();
            for (; skip >= first->len; ++first, --count) skip -= first->len;
            first->base += skip;
            first->len -= skip;
            return queue(first, count) ? Written::later : Written::broken;
        }
    }
    head_ = {};
    body_ = {};
    return Written::all;
}

// The next portion of head and body; false: failed. Short answers become one record.
bool Transport::encrypt_next() {
    constexpr std::size_t record_bytes = 16 * 1024;
    if (encrypted_ == 0 && !head_.empty() && !body_.empty() && held_bytes() <= record_bytes) {
        head_ += std::exchange(body_, {});
    }
    const bool in_head = encrypted_ < head_.size();
    const auto& part = in_head ? head_ : body_;
    const auto portion =
        std::string_view(part).substr(in_head ? encrypted_ : encrypted_ - head_.size(), encrypt_at_once_bytes);
    encrypted_ += portion.size();
    return tls_->write(portion);
}

Transport::Written Transport::pump() {
    if (queued_) return Written::later;
    auto& output = tls_->output();
    std::size_t sent = 0;
    while (true) {
        while (output.size() < encrypt_at_once_bytes && encrypted_ < held_bytes()) {
            if (!encrypt_next()) return Written::broken;
        }
        if (output.empty()) break;
        const uv_buf_t buffer{output.data(), output.size()};
        // A client that reads as fast as we encrypt would keep the loop to itself.
        const auto written = sent < send_at_once_bytes ? try_write(socket_.stream, &buffer, 1) : 0;
        if (written < 0) return Written::broken;
        const auto skip = static_cast<std::size_t>(written);
        sent += skip;
        sending_ = std::exchange(output, {});
        if (skip < sending_.size()) {
            const uv_buf_t rest{sending_.data() + skip, sending_.size() - skip};
            return queue(&rest, 1) ? Written::later : Written::broken;
        }
        sending_ = {};
    }
    head_ = {};
    body_ = {};
    encrypted_ = 0;
    return Written::all;
}

bool Transport::queue(const uv_buf_t* buffers, unsigned count) {
    write_.data = this;
    queued_ = ::uv_write(&write_, &socket_.stream, buffers, count, [](uv_write_t* request, int status) {
                  static_cast<Transport*>(request->data)->on_queued_written(status);
              }) == 0;
    return queued_;
}

void Transport::on_queued_written(int status) {
    queued_ = false;
    sending_ = {};
    if (closing_) return;
    if (status < 0) return user_->on_broken();
    if (tls_) {
        const auto written = pump();
        if (written == Written::broken) return user_->on_broken();
        if (written == Written::later) return;
    } else {
        head_ = {};
        body_ = {};
    }
    if (std::exchange(writing_, false)) user_->on_written();
}

std::size_t Transport::unsent_bytes() const {
    const auto with_libuv = ::uv_stream_get_write_queue_size(&socket_.stream);
    return tls_ ? with_libuv + held_bytes() - encrypted_ : with_libuv;
}

// ---- the end

bool Transport::shutdown() {
    if (tls_ && !queued_) {
        tls_->say_goodbye();
        if (pump() == Written::broken) return false;
    }
    shut_down_ = true;
    return ::uv_shutdown(&shutdown_, &socket_.stream, [](uv_shutdown_t*, int) {}) == 0;
}

void Transport::close(bool clean) {
    if (std::exchange(closing_, true)) return;
    if (clean && tls_ && !shut_down_ && !queued_) {
        tls_->say_goodbye();
        pump();
    }
    socket_.handle.data = this;
    ::uv_close(&socket_.handle, [](uv_handle_t* handle) { of(handle).user_->on_closed(); });
}

}  // namespace windlass::api
