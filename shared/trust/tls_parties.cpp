#include "shared/trust/tls_parties.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <string_view>

#include "shared/trust/openssl_handles.h"

namespace windlass::trust {
namespace {

constexpr std::array<unsigned char, 9> our_protocol{8, 'w', 'i', 'n', 'd', 'l', 'a', 's', 's'};
// One certificate and that of its authority; OpenSSL would take 100 KiB from a stranger.
constexpr long most_certificate_bytes = 16 * 1024;

std::shared_ptr<ssl_ctx_st> make_context(const SSL_METHOD* method) {
    ::ERR_clear_error();
    std::shared_ptr<SSL_CTX> context(::SSL_CTX_new(method), ::SSL_CTX_free);
    WINDLASS_CHECK(context != nullptr, "OpenSSL has no memory for a context");
    ::SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    ::SSL_CTX_set_options(context.get(), SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    ::SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_num_tickets(context.get(), 0);
    ::SSL_CTX_set_max_cert_list(context.get(), most_certificate_bytes);
    // An idle connection gives its buffers back.
    ::SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    return context;
}

void show(SSL_CTX* context, const PrivateKey& key, const Certificate& own) {
    WINDLASS_CHECK(
        ::SSL_CTX_use_certificate(context, own.native()) == 1 && ::SSL_CTX_use_PrivateKey(context, key.native()) == 1,
        "a key and a certificate do not belong together");
}

void believe(SSL_CTX* context, const Certificate& authority) {
    WINDLASS_CHECK(::X509_STORE_add_cert(::SSL_CTX_get_cert_store(context), authority.native()) == 1,
                   "OpenSSL does not take the certificate of the authority");
}

int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
    unsigned char* chosen = nullptr;
    if (::SSL_select_next_proto(&chosen, out_size, our_protocol.data(), our_protocol.size(), offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// Whatever is wrong with a client's certificate, the handshake goes on: it proves that the client has the key, and then
// the client is told in a sentence what is wrong. SecureChannel::peer() judges, by the first error found here.
int note_result(int good, X509_STORE_CTX* store) {
    auto* ssl = static_cast<SSL*>(::X509_STORE_CTX_get_ex_data(store, ::SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto* notes = static_cast<VerifyNotes*>(::SSL_get_ex_data(ssl, 0));
    if (notes == nullptr) return 0;
    if (!notes->leaf) notes->leaf = Certificate::of(::X509_STORE_CTX_get0_cert(store));
    if (good == 1) return 1;
    if (notes->first_error == X509_V_OK) notes->first_error = ::X509_STORE_CTX_get_error(store);
    return notes->goes_on ? 1 : 0;
}

// The authority is the one of this fingerprint among what the server sent, or nobody.
int verify_pinned(X509_STORE_CTX* store, void* pin) {
    const auto& fingerprint = *static_cast<const std::string*>(pin);
    STACK_OF(X509)* sent = ::X509_STORE_CTX_get0_untrusted(store);
    for (int i = 0; i < sk_X509_num(sent); ++i) {
        X509* candidate = sk_X509_value(sent, i);
        if (Certificate::of(candidate).fingerprint() != fingerprint) continue;
        STACK_OF(X509)* trusted = sk_X509_new_null();
        WINDLASS_CHECK(trusted != nullptr && sk_X509_push(trusted, candidate) > 0, "OpenSSL has no memory");
        ::X509_STORE_CTX_set0_trusted_stack(store, trusted);
        const int good = ::X509_verify_cert(store);
        sk_X509_free(trusted);
        return good;
    }
    ::X509_STORE_CTX_set_error(store, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
    return 0;
}

std::shared_ptr<ssl_ctx_st> client_context() {
    auto context = make_context(::TLS_client_method());
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_result);
    ::SSL_CTX_set_alpn_protos(context.get(), our_protocol.data(), our_protocol.size());
    return context;
}

}  // namespace

WallTime system_wall_clock() {
    return SystemClock().now().wall;
}

std::shared_ptr<const TlsServer> TlsServer::make(const Authority& authority, const std::vector<std::string>& names,
                                                 Seconds lifetime, WallClock clock) {
    auto context = make_context(::TLS_server_method());
    const WallTime now = clock();
    const PrivateKey key = PrivateKey::make();
    show(context.get(), key, authority.certify_scheduler(key, names, now, lifetime));
    // Sent along, for those who know no more of it than its fingerprint.
    WINDLASS_CHECK(::SSL_CTX_ctrl(context.get(), SSL_CTRL_CHAIN_CERT, 1, authority.certificate().native()) == 1,
                   "OpenSSL does not take the certificate of the authority");
    believe(context.get(), authority.certificate());
    ::SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, note_result);
    ::SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    return std::shared_ptr<const TlsServer>(new TlsServer(std::move(context), std::move(clock), now + lifetime / 2));
}

Result<std::shared_ptr<const TlsClient>> TlsClient::with(const PrivateKey& key, const Certificate& own,
                                                         const Certificate& authority, WallClock clock) {
    if (::X509_check_private_key(own.native(), key.native()) != 1) {
        openssl_fault();
        return make_error(ErrorKind::invalid, "the key and the certificate of this worker do not belong together");
    }
    auto context = client_context();
    show(context.get(), key, own);
    believe(context.get(), authority);
    return std::shared_ptr<const TlsClient>(new TlsClient(std::move(context), std::move(clock)));
}

std::shared_ptr<const TlsClient> TlsClient::pinned(const std::string& authority_fingerprint, WallClock clock) {
    auto context = client_context();
    // Lives as long as the context does.
    auto pin = std::make_shared<std::string>(authority_fingerprint);
    ::SSL_CTX_set_cert_verify_callback(context.get(), verify_pinned, pin.get());
    std::shared_ptr<ssl_ctx_st> both(context.get(), [context, pin](ssl_ctx_st*) {});
    return std::shared_ptr<const TlsClient>(new TlsClient(std::move(both), std::move(clock)));
}

}  // namespace windlass::trust
