#include "shared/trust/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "shared/result.h"

namespace windlass {

// OpenSSL's side of the bytes. A BIO of our own and not BIO_s_mem: that one copies, and keeps its largest buffer.
struct TlsSessionBio {
    static TlsSession& of(BIO* bio) { return *static_cast<TlsSession*>(::BIO_get_data(bio)); }

    static int read(BIO* bio, char* to, int size) {
        auto& input = of(bio).input_;
        ::BIO_clear_retry_flags(bio);
        if (input.empty()) {
            ::BIO_set_retry_read(bio);
            return -1;
        }
        const auto count = std::min(input.size(), static_cast<std::size_t>(size));
        std::memcpy(to, input.data(), count);
        input.remove_prefix(count);
        return static_cast<int>(count);
    }
    static int write(BIO* bio, const char* from, int size) {
        of(bio).output_.append(from, static_cast<std::size_t>(size));
        return size;
    }
    static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

    static const BIO_METHOD* method() {
        static BIO_METHOD* const made = [] {
            auto* out = ::BIO_meth_new(::BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "windlass session");
            WINDLASS_CHECK(out != nullptr, "OpenSSL has no memory for a BIO method");
            ::BIO_meth_set_read(out, read);
            ::BIO_meth_set_write(out, write);
            ::BIO_meth_set_ctrl(out, control);
            return out;
        }();
        return made;
    }
};

TlsSession::TlsSession(ssl_ctx_st* context, Side side) : ssl_(::SSL_new(context)) {
    auto* bio = ::BIO_new(TlsSessionBio::method());
    WINDLASS_CHECK(ssl_ != nullptr && bio != nullptr, "OpenSSL has no memory for a session");
    ::BIO_set_data(bio, this);
    ::BIO_set_init(bio, 1);
    ::SSL_set_bio(ssl_, bio, bio);
    if (side == Side::server)
        ::SSL_set_accept_state(ssl_);
    else
        ::SSL_set_connect_state(ssl_);
}

TlsSession::~TlsSession() {
    ::SSL_free(ssl_);
}

void TlsSession::fail() {
    const auto code = ::ERR_peek_error();
    const char* reason = ::ERR_reason_error_string(code);
    fault_ = reason != nullptr ? reason : "the connection broke off";
    const int number = ERR_GET_REASON(code);
    spoke_http_ = state_ == State::handshaking && ERR_GET_LIB(code) == ERR_LIB_SSL && number == SSL_R_HTTP_REQUEST;
    state_ = State::failed;
    ::ERR_clear_error();
}

bool TlsSession::handshake() {
    const int done = ::SSL_do_handshake(ssl_);
    if (done == 1) {
        state_ = State::open;
        return true;
    }
    if (::SSL_get_error(ssl_, done) != SSL_ERROR_WANT_READ) fail();
    return false;
}

std::size_t TlsSession::read(std::string_view& ciphertext, char* out, std::size_t size) {
    ::ERR_clear_error();
    input_ = ciphertext;
    std::size_t total = 0;
    if (state_ == State::handshaking) handshake();
    while (state_ == State::open && total < size) {
        std::size_t count = 0;
        if (::SSL_read_ex(ssl_, out + total, size - total, &count) == 1) {
            total += count;
            continue;
        }
        const int error = ::SSL_get_error(ssl_, 0);
        if (error == SSL_ERROR_WANT_READ) break;
        if (error == SSL_ERROR_ZERO_RETURN) {
            state_ = State::ended;
        } else {
            fail();
        }
    }
    ciphertext = std::exchange(input_, {});
    return total;
}

bool TlsSession::write(std::string_view clear) {
    ::ERR_clear_error();
    while (!clear.empty()) {
        std::size_t count = 0;
        if (::SSL_write_ex(ssl_, clear.data(), clear.size(), &count) != 1) {
            fail();
            return false;
        }
        clear.remove_prefix(count);
    }
    return true;
}

void TlsSession::say_goodbye() {
    if (state_ != State::open && state_ != State::ended) return;
    ::ERR_clear_error();
    if ((::SSL_get_shutdown(ssl_) & SSL_SENT_SHUTDOWN) == 0) ::SSL_shutdown(ssl_);
    ::ERR_clear_error();
}

}  // namespace windlass
