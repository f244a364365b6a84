#include "tests/api/front/test_tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace windlass::api::test {
namespace {

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

File open_for_writing(const std::string& path) {
    File out(std::fopen(path.c_str(), "w"), &std::fclose);
    if (!out) throw std::runtime_error("cannot write " + path);
    return out;
}

std::string common_name(const X509* certificate) {
    std::string out(100, '\0');
    const int size = ::X509_NAME_get_text_by_NID(::X509_get_subject_name(certificate), NID_commonName, out.data(),
                                                 static_cast<int>(out.size()));
    out.resize(static_cast<std::size_t>(std::max(size, 0)));
    return out;
}

}  // namespace

TestCertificate::TestCertificate(const std::string& name) {
    std::string pattern = (std::filesystem::temp_directory_path() / "windlass-tls-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = pattern;
    renew(name);
}

TestCertificate::~TestCertificate() {
    std::filesystem::remove_all(directory_);
}

void TestCertificate::renew(const std::string& name) {
    auto* key = ::EVP_EC_gen("P-256");
    auto* certificate = ::X509_new();
    ::X509_set_version(certificate, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(certificate), 0);
    ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 3600);
    auto* subject = ::X509_get_subject_name(certificate);
    ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(name.c_str()), -1,
                                 -1, 0);
    ::X509_set_issuer_name(certificate, subject);
    ::X509_set_pubkey(certificate, key);
    ::X509_sign(certificate, key, ::EVP_sha256());
    ::PEM_write_X509(open_for_writing(files().certificate).get(), certificate);
    ::PEM_write_PrivateKey(open_for_writing(files().key).get(), key, nullptr, nullptr, 0, nullptr, nullptr);
    ::chmod(files().key.c_str(), 0600);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
}

TlsClient::TlsClient(const std::string& address, TlsOptions options, int receive_buffer)
    : Client(address, receive_buffer), context_(::SSL_CTX_new(::TLS_client_method())), ssl_(::SSL_new(context_)) {
    const timeval patience{30, 0};
    ::setsockopt(socket(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::SSL_set_fd(ssl_, socket());
    ::SSL_set_connect_state(ssl_);
    if (options.version != 0) {
        ::SSL_set_security_level(ssl_, 0);
        ::SSL_set_min_proto_version(ssl_, options.version);
        ::SSL_set_max_proto_version(ssl_, options.version);
    }
    if (!options.alpn.empty()) {
        const std::string list = static_cast<char>(options.alpn.size()) + std::string(options.alpn);
        ::SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(list.data()),
                              static_cast<unsigned>(list.size()));
    }
    if (options.session != nullptr) ::SSL_set_session(ssl_, options.session);
    if (!options.handshake || ::SSL_do_handshake(ssl_) == 1) return;
    const char* reason = ::ERR_reason_error_string(::ERR_peek_error());
    handshake_error_ = reason != nullptr ? reason : "the connection ended";
    ::ERR_clear_error();
}

TlsClient::~TlsClient() {
    ::SSL_free(ssl_);
    ::SSL_CTX_free(context_);
}

std::string TlsClient::certificate_name() const {
    const auto* certificate = ::SSL_get0_peer_certificate(ssl_);
    return certificate != nullptr ? common_name(certificate) : std::string();
}

std::string TlsClient::chosen_protocol() const {
    const unsigned char* name = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

void TlsClient::say_goodbye() const {
    ::SSL_shutdown(ssl_);
}

bool TlsClient::ended_cleanly() const {
    return (::SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0;
}

ssize_t TlsClient::receive(char* to, std::size_t size) {
    ::ERR_clear_error();
    return ::SSL_read(ssl_, to, static_cast<int>(size));
}

ssize_t TlsClient::transmit(const char* from, std::size_t size) {
    ::ERR_clear_error();
    return ::SSL_write(ssl_, from, static_cast<int>(std::min<std::size_t>(size, 1 << 20)));
}

bool TlsClient::pending() const {
    return ::SSL_pending(ssl_) > 0;
}

FrontSettings tls_loopback(const TestCertificate& certificate) {
    auto out = loopback();
    out.tls = certificate.files();
    return out;
}

}  // namespace windlass::api::test
