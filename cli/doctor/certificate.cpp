// The certificate of the api and its key.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

#include "cli/doctor/checks.h"
#include "cli/private_file.h"
#include "cli/relative_time.h"

namespace windlass::cli::doctor {
namespace {

constexpr auto renew_before = std::chrono::days{14};
constexpr const char* reload = "then: systemctl reload windlass-api";

template <class T, void (*release)(T*)>
struct Release {
    void operator()(T* one) const { release(one); }
};
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
struct ReleaseBio {
    void operator()(BIO* one) const { BIO_free(one); }
};
using Memory = std::unique_ptr<BIO, ReleaseBio>;

Memory memory_of(const std::string& text) {
    return Memory(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::optional<WallTime> time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
    return std::chrono::time_point_cast<Microseconds>(std::chrono::system_clock::from_time_t(timegm(&parts)));
}

Finding judge_validity(const X509* certificate, WallTime now) {
    const auto from = time_of(X509_get0_notBefore(certificate)), until = time_of(X509_get0_notAfter(certificate));
    if (!from || !until)
        return bad("certificate", "the times in it cannot be read", fmt::format("have it issued anew; {}", reload));
    if (*from > now)
        return bad("certificate", fmt::format("it is valid only {}", relative_time(*from, now)),
                   "look at this machine's clock, or have it issued anew");
    if (*until <= now)
        return bad("certificate", fmt::format("it expired {}", relative_time(*until, now)),
                   fmt::format("renew it; {}", reload));
    const std::string text = fmt::format("it expires {}", relative_time(*until, now));
    if (*until - now < renew_before) return warning("certificate", text, fmt::format("renew it; {}", reload));
    return ok("certificate", text);
}

}  // namespace

Findings judge_certificate(const std::string& certificate_pem, const std::string& key_pem, WallTime now) {
    const Memory from = memory_of(certificate_pem);
    const Certificate certificate(PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr));
    if (!certificate)
        return {bad("certificate", "api.tls_certificate_file holds no certificate in PEM",
                    "put the server's own certificate first, then the intermediate ones")};
    Findings findings = {judge_validity(certificate.get(), now)};
    const Memory key_from = memory_of(key_pem);
    // No password is asked for on the terminal: the daemons could not answer.
    const Key key(PEM_read_bio_PrivateKey(
        key_from.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
    if (!key)
        findings.push_back(bad("certificate", "api.tls_key_file holds no private key in PEM without a password",
                               "openssl pkey -in KEY -out KEY.open, and name that"));
    else if (X509_check_private_key(certificate.get(), key.get()) != 1)
        findings.push_back(bad("certificate", "the key is that of another certificate",
                               "name the key with which this certificate was asked for, in api.tls_key_file"));
    else
        findings.push_back(ok("certificate", "the key is its own"));
    return findings;
}

Findings check_certificate(const Config& config, WallTime now) {
    const std::string& certificate_file = config.api.tls_certificate_file;
    const std::string& key_file = config.api.tls_key_file;
    if (certificate_file.empty() && key_file.empty()) return {};
    if (certificate_file.empty() || key_file.empty())
        return {bad("certificate", "of certificate and key only one is named",
                    "set both api.tls_certificate_file and api.tls_key_file, or neither")};
    const auto certificate = read_file(certificate_file), key = read_file(key_file);
    for (const auto* one : {&certificate, &key})
        if (!*one)
            return {bad("certificate", one->error().message,
                        "windlass-api must be able to read it (run doctor as root or as its user)")};
    return judge_certificate(*certificate, *key, now);
}

}  // namespace windlass::cli::doctor
