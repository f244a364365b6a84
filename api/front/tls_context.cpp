#include "api/front/tls_context.h"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace windlass::api {
namespace {

// Forward secrecy and authenticated encryption only (RFC 9325). The suites of TLS 1.3 are OpenSSL's own.
constexpr const char* suites_of_1_2 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr std::array<unsigned char, 9> http_1_1{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
constexpr std::string_view session_context = "windlass-api";

std::string first_fault() {
    const auto code = ::ERR_peek_error();  // the first one; the later ones are where it was called from
    const char* reason = ERR_SYSTEM_ERROR(code) ? ::strerror(ERR_GET_REASON(code)) : ::ERR_reason_error_string(code);
    std::string out = reason != nullptr ? reason : "unknown fault";
    ::ERR_clear_error();
    return out;
}

Error bad_file(const char* setting, const std::string& path, const std::string& fault, const char* advice) {
    return make_error(ErrorKind::invalid, fmt::format("{} {}: {}. {}", setting, path, fault, advice));
}

Status check_key_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return errno_error("api.tls_key_file " + path, errno);
    if ((info.st_mode & 037) != 0) {
        return make_error(
            ErrorKind::denied,
            fmt::format("api.tls_key_file {} can be read by others; run: chmod 600 {} (640 for a group)", path, path));
    }
    return {};
}

// A client that offers protocols must offer ours (RFC 7301); one that offers none gets HTTP/1.1 all the same.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
    unsigned char* chosen = nullptr;
    if (::SSL_select_next_proto(&chosen, out_size, http_1_1.data(), http_1_1.size(), offered, offered_size) !=
        OPENSSL_NPN_NEGOTIATED) {
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

void set_rules(SSL_CTX* context) {
    ::SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    ::SSL_CTX_set_cipher_list(context, suites_of_1_2);
    ::SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                       SSL_OP_PRIORITIZE_CHACHA);
    // An idle connection gives its buffers back.
    ::SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
    // Sessions live in tickets, with the client; here nothing is kept of them.
    ::SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    ::SSL_CTX_set_num_tickets(context, 1);
    ::SSL_CTX_set_session_id_context(context, reinterpret_cast<const unsigned char*>(session_context.data()),
                                     static_cast<unsigned>(session_context.size()));
    ::SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
    // Without it OpenSSL would ask for a passphrase on the terminal, and a daemon would hang there.
    ::SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
    if (files.certificate.empty() || files.key.empty()) {
        return make_error(ErrorKind::invalid,
                          "TLS needs both api.tls_certificate_file and api.tls_key_file: set the missing one, or "
                          "neither for plain HTTP.");
    }
    ::ERR_clear_error();
    auto* native = ::SSL_CTX_new(::TLS_server_method());
    if (native == nullptr) return make_error(ErrorKind::internal, "OpenSSL cannot be used: " + first_fault());
    std::shared_ptr<const TlsContext> out(new TlsContext(native));
    set_rules(native);
    if (::SSL_CTX_use_certificate_chain_file(native, files.certificate.c_str()) != 1) {
        return bad_file("api.tls_certificate_file", files.certificate, first_fault(),
                        "It must hold the certificate and the intermediate ones in PEM.");
    }
    WINDLASS_TRY_STATUS(check_key_file(files.key));
    if (::SSL_CTX_use_PrivateKey_file(native, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {  // compares the two as well
        return bad_file("api.tls_key_file", files.key, first_fault(),
                        "It must hold the private key that belongs to api.tls_certificate_file, in PEM, without a "
                        "passphrase.");
    }
    return out;
}

TlsContext::~TlsContext() {
    ::SSL_CTX_free(context_);
}

std::string TlsContext::certificate() const {
    const auto* own = ::SSL_CTX_get0_certificate(context_);
    auto* text = ::BIO_new(::BIO_s_mem());
    ::X509_NAME_print_ex(text, ::X509_get_subject_name(own), 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
    ::BIO_puts(text, ", valid until ");
    ::ASN1_TIME_print(text, ::X509_get0_notAfter(own));
    char* data = nullptr;
    const auto size = ::BIO_get_mem_data(text, &data);
    std::string out(data, static_cast<std::size_t>(size));
    ::BIO_free(text);
    return out;
}

}  // namespace windlass::api
