#include "shared/trust/secure_channel.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <utility>

#include "shared/trust/openssl_handles.h"

namespace windlass::trust {
namespace {

constexpr std::string_view our_protocol = "windlass";
constexpr std::string_view protocol_version_alert("\x15\x03\x03\x00\x02\x02\x46", 7);  // fatal; RFC 8446, 6
constexpr std::size_t largest_record = 16 * 1024;                                      // RFC 8446, 5.1

bool is_address(const std::string& name) {
    unsigned char bytes[16];
    return ::inet_pton(AF_INET, name.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, name.c_str(), bytes) == 1;
}

bool is_strangers_error(long error) {
    return error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
           error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT || error == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
           error == X509_V_ERR_CERT_SIGNATURE_FAILURE || error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT;
}

}  // namespace

SecureChannel::SecureChannel(std::shared_ptr<const TlsServer> server)
    : party_(std::move(server)), is_server_(true), session_(party_->native(), TlsSession::Side::server) {
    notes_.goes_on = true;
    set_up();
}

SecureChannel::SecureChannel(std::shared_ptr<const TlsClient> client, const std::string& name)
    : party_(std::move(client)), is_server_(false), name_(name), session_(party_->native(), TlsSession::Side::client) {
    X509_VERIFY_PARAM* rules = ::SSL_get0_param(session_.native());
    ::X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    const bool named = is_address(name) ? ::X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1
                                        : ::X509_VERIFY_PARAM_set1_host(rules, name.c_str(), name.size()) == 1;
    WINDLASS_CHECK(named, "OpenSSL has no memory for a name");
    if (!is_address(name))
        ::SSL_ctrl(session_.native(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                   const_cast<char*>(name.c_str()));
    set_up();
}

void SecureChannel::set_up() {
    ::SSL_set_ex_data(session_.native(), 0, &notes_);
    ::X509_VERIFY_PARAM_set_time(::SSL_get0_param(session_.native()),
                                 static_cast<std::time_t>(to_unix_us(party_->now()) / 1'000'000));
}

bool SecureChannel::is_open() const {
    return greeted_ && fault_.empty() && session_.state() == TlsSession::State::open;
}

bool SecureChannel::open(std::string_view ciphertext, std::string& clear) {
    if (!fault_.empty()) return false;
    std::size_t end = clear.size();
    clear.resize(end + ciphertext.size() + largest_record);  // more than all of it, and a record that had begun
    while (true) {
        const std::size_t size = session_.read(ciphertext, clear.data() + end, clear.size() - end);
        end += size;
        if (!greeted_ && (session_.state() == TlsSession::State::open || session_.state() == TlsSession::State::ended))
            handshake_done();
        if (session_.state() == TlsSession::State::failed) {
            // OpenSSL has no alert for who does not speak TLS; ours tells a worker what is wrong (connection.cpp).
            if (is_server_ && !greeted_ && output().empty()) output() = protocol_version_alert;
            fault_ = greeted_ ? "the TLS connection broke: " + session_.fault() : fault_of_handshake();
        }
        if (size == 0 || !fault_.empty()) break;
    }
    clear.resize(end);
    return fault_.empty();
}

bool SecureChannel::seal(std::string_view clear) {
    if (session_.write(clear)) return true;
    fault_ = "the TLS connection broke: " + session_.fault();
    return false;
}

void SecureChannel::handshake_done() {
    greeted_ = true;
    const unsigned char* protocol = nullptr;
    unsigned size = 0;
    ::SSL_get0_alpn_selected(session_.native(), &protocol, &size);
    if (std::string_view(reinterpret_cast<const char*>(protocol), size) != our_protocol) {
        fault_ = "the peer speaks TLS, but not for windlass (no ALPN)";
        return;
    }
    if (!is_server_) return;
    X509* shown = ::SSL_get0_peer_certificate(session_.native());
    if (shown == nullptr) return;
    peer_.shown = true;
    const Certificate certificate = Certificate::of(shown);
    peer_.valid_until = certificate.valid_until();
    // Two witnesses: the note of the callback, and what OpenSSL itself kept.
    const long result =
        notes_.first_error != X509_V_OK ? notes_.first_error : ::SSL_get_verify_result(session_.native());
    const auto worker = certificate.worker();
    if (result != X509_V_OK)
        peer_.fault = fault_of_worker(certificate, result);
    else if (!worker)
        peer_.fault = "this certificate is not one of a worker";
    else
        peer_.worker = *worker;
}

std::string SecureChannel::fault_of_handshake() const {
    if (!is_server_)
        if (const long error =
                notes_.first_error != X509_V_OK ? notes_.first_error : ::SSL_get_verify_result(session_.native());
            error != X509_V_OK)
            return fault_of_scheduler(error);
    const std::string& fault = session_.fault();
    if (fault == "wrong version number" || fault == "http request" || fault == "packet length too long")
        return is_server_ ? "it does not speak TLS: write tls:// before the address in scheduler.dial"
                          : "it does not speak TLS there: is this the address of scheduler.tls_listen?";
    if (fault == "unsupported protocol" || fault == "tlsv1 alert protocol version")
        return "TLS 1.3 is spoken here and nothing older (" + fault + ")";
    return "the TLS handshake failed: " + fault;
}

std::string SecureChannel::fault_of_scheduler(long error) const {
    if (is_strangers_error(error))
        return "the scheduler there has a certificate of another authority than that of our site: is it the right "
               "address? After the authority was made anew, enrol this worker again";
    if (!notes_.leaf) return fmt::format("no good certificate: {}", ::X509_verify_cert_error_string(error));
    const Certificate& certificate = *notes_.leaf;
    const std::string now = utc_text(party_->now());
    if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        return fmt::format(
            "the certificate of the scheduler ended at {}, and the clock of this machine says {}: one of the two "
            "clocks "
            "is wrong",
            utc_text(certificate.valid_until()), now);
    if (error == X509_V_ERR_CERT_NOT_YET_VALID)
        return fmt::format(
            "the certificate of the scheduler begins at {}, and the clock of this machine says {}: set the clock, it "
            "is behind",
            utc_text(certificate.valid_from()), now);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return fmt::format(
            "the certificate of the scheduler is for {}, and not for {}: dial one of these, or add it to "
            "scheduler.tls_names",
            fmt::join(certificate.names(), ", "), name_);
    if (error == X509_V_ERR_INVALID_PURPOSE)
        return "what answers there has the certificate of a worker, not of a scheduler";
    return fmt::format("the certificate of the scheduler is not good: {}", ::X509_verify_cert_error_string(error));
}

std::string SecureChannel::fault_of_worker(const Certificate& certificate, long error) const {
    const std::string now = utc_text(party_->now());
    if (error == X509_V_ERR_CERT_HAS_EXPIRED)
        return fmt::format(
            "the certificate of this worker ended at {}, and the scheduler's clock says {}: enrol it again",
            utc_text(certificate.valid_until()), now);
    if (error == X509_V_ERR_CERT_NOT_YET_VALID)
        return fmt::format(
            "the certificate of this worker begins at {}, and the scheduler's clock says {}: the scheduler's clock is "
            "behind, set it",
            utc_text(certificate.valid_from()), now);
    if (error == X509_V_ERR_INVALID_PURPOSE) return "this certificate is not one of a worker";
    if (is_strangers_error(error))
        return "the certificate of this worker is not of this site's authority: enrol it here";
    return fmt::format("the certificate of this worker is not good: {}", ::X509_verify_cert_error_string(error));
}

}  // namespace windlass::trust
