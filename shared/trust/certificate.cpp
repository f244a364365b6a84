#include "shared/trust/certificate.h"

#include <arpa/inet.h>
#include <fmt/chrono.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <charconv>
#include <ctime>

#include "shared/digest.h"
#include "shared/percent_encoding.h"
#include "shared/trust/openssl_handles.h"

namespace windlass::trust {
namespace {

constexpr std::string_view worker_prefix = "urn:windlass:worker:";

WallTime time_of(const ASN1_TIME* time) {
    std::tm parts{};
    WINDLASS_CHECK(::ASN1_TIME_to_tm(time, &parts) == 1, "a certificate was parsed and has no time");
    return from_unix_us(static_cast<std::int64_t>(::timegm(&parts)) * 1'000'000);
}

std::string_view text_of(const ASN1_STRING* text) {
    return {reinterpret_cast<const char*>(::ASN1_STRING_get0_data(text)),
            static_cast<std::size_t>(::ASN1_STRING_length(text))};
}

std::string address_text(std::string_view bytes) {
    char text[INET6_ADDRSTRLEN] = {};
    const int family = bytes.size() == 4 ? AF_INET : AF_INET6;
    if (bytes.size() != 4 && bytes.size() != 16) return {};
    return ::inet_ntop(family, bytes.data(), text, sizeof text) != nullptr ? text : std::string();
}

// Calls visit(type, bytes) for each alternative name.
template <class Visit>
void each_name(X509* certificate, Visit visit) {
    const Owned<GENERAL_NAMES> names(
        static_cast<GENERAL_NAMES*>(::X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
        int type = 0;
        const void* value = ::GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
        if (type == GEN_DNS || type == GEN_URI || type == GEN_IPADD)
            visit(type, text_of(static_cast<const ASN1_STRING*>(value)));
    }
    ::ERR_clear_error();
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned byte = 0;
        const char* from = text.data() + i + 1;
        if (i + 2 >= text.size()) return std::nullopt;
        const auto [end, failure] = std::from_chars(from, from + 2, byte, 16);
        if (failure != std::errc() || end != from + 2) return std::nullopt;
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

}  // namespace

Certificate::Certificate(x509_st* certificate) : certificate_(certificate, OpensslFree()) {}

Certificate Certificate::of(x509_st* certificate) {
    ::X509_up_ref(certificate);
    return Certificate(certificate);
}

Result<Certificate> Certificate::parse(std::string_view pem) {
    ::ERR_clear_error();
    X509* read = ::PEM_read_bio_X509(reading(pem).get(), nullptr, nullptr, nullptr);
    if (read == nullptr) return make_error(ErrorKind::invalid, "this is no certificate in PEM: " + openssl_fault());
    return Certificate(read);
}

std::string Certificate::pem() const {
    const auto out = memory();
    WINDLASS_CHECK(::PEM_write_bio_X509(out.get(), certificate_.get()) == 1, "OpenSSL cannot write a certificate");
    return text_in(out.get());
}

std::string Certificate::fingerprint() const {
    unsigned char* der = nullptr;
    const int size = ::i2d_X509(certificate_.get(), &der);
    WINDLASS_CHECK(size > 0, "OpenSSL cannot write a certificate");
    const Owned<unsigned char> owned(der);
    return sha256_hex({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
}

WallTime Certificate::valid_from() const {
    return time_of(::X509_get0_notBefore(certificate_.get()));
}

WallTime Certificate::valid_until() const {
    return time_of(::X509_get0_notAfter(certificate_.get()));
}

std::optional<WorkerIdentity> Certificate::worker() const {
    std::optional<WorkerIdentity> found;
    each_name(certificate_.get(), [&](int type, std::string_view value) {
        if (type == GEN_URI && !found) found = worker_of_uri(value);
    });
    return found;
}

std::vector<std::string> Certificate::names() const {
    std::vector<std::string> names;
    each_name(certificate_.get(), [&](int type, std::string_view value) {
        if (type == GEN_DNS) names.emplace_back(value);
        if (type == GEN_IPADD) names.push_back(address_text(value));
    });
    return names;
}

std::string uri_of_worker(const WorkerIdentity& worker) {
    return fmt::format("{}{}:{}", worker_prefix, worker.generation, percent_encoded(worker.name));
}

std::optional<WorkerIdentity> worker_of_uri(std::string_view uri) {
    if (!uri.starts_with(worker_prefix)) return std::nullopt;
    uri.remove_prefix(worker_prefix.size());
    const auto colon = uri.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    WorkerIdentity worker;
    const char* end = uri.data() + colon;
    const auto [used, failure] = std::from_chars(uri.data(), end, worker.generation);
    auto name = percent_decoded(uri.substr(colon + 1));
    if (failure != std::errc() || used != end || worker.generation < 1 || !name || name->empty()) return std::nullopt;
    worker.name = std::move(*name);
    return worker;
}

std::string utc_text(WallTime time) {
    return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(to_unix_us(time) / 1'000'000)));
}

}  // namespace windlass::trust
