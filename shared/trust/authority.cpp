#include "shared/trust/authority.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/rand.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "shared/digest.h"
#include "shared/private_file.h"
#include "shared/trust/openssl_handles.h"

namespace windlass::trust {
namespace {

constexpr Seconds authority_lifetime = std::chrono::days{10 * 365};

// Of a certificate under way. Each step is a broken assumption when it fails: what goes in was checked before.
class Draft {
  public:
    Draft(EVP_PKEY* key, const std::string& common_name, WallTime from, WallTime until) : certificate_(::X509_new()) {
        check(certificate_ != nullptr && ::X509_set_version(native(), X509_VERSION_3) == 1);
        check(::X509_set_pubkey(native(), key) == 1);
        set_serial();
        set_time(::X509_getm_notBefore(native()), from);
        set_time(::X509_getm_notAfter(native()), until);
        check(::X509_NAME_add_entry_by_txt(::X509_get_subject_name(native()), "CN", MBSTRING_UTF8,
                                           reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                                           0) == 1);
    }

    X509* native() { return certificate_.get(); }
    // A constant of this program: never what a stranger said.
    void extension(int kind, const char* value, X509* issuer) {
        X509V3_CTX context;
        ::X509V3_set_ctx(&context, issuer, native(), nullptr, nullptr, 0);
        const Owned<X509_EXTENSION> made(::X509V3_EXT_conf_nid(nullptr, &context, kind, value));
        check(made != nullptr && ::X509_add_ext(native(), made.get(), -1) == 1);
    }
    void add_uri(const std::string& uri) { add_name(GEN_URI, V_ASN1_IA5STRING, uri); }
    void add_server_name(const std::string& name) {
        unsigned char bytes[16];
        if (::inet_pton(AF_INET, name.c_str(), bytes) == 1)
            add_name(GEN_IPADD, V_ASN1_OCTET_STRING, {reinterpret_cast<const char*>(bytes), 4});
        else if (::inet_pton(AF_INET6, name.c_str(), bytes) == 1)
            add_name(GEN_IPADD, V_ASN1_OCTET_STRING, {reinterpret_cast<const char*>(bytes), 16});
        else
            add_name(GEN_DNS, V_ASN1_IA5STRING, name);
    }
    Certificate sign(X509* issuer, EVP_PKEY* key) {
        if (names_)
            check(::X509_add1_ext_i2d(native(), NID_subject_alt_name, names_.get(), 0, X509V3_ADD_DEFAULT) == 1);
        check(::X509_set_issuer_name(native(), ::X509_get_subject_name(issuer)) == 1);
        extension(NID_subject_key_identifier, "hash", issuer);
        if (issuer != native()) extension(NID_authority_key_identifier, "keyid:always", issuer);
        check(::X509_sign(native(), key, ::EVP_sha256()) > 0);
        return Certificate::of(native());
    }

  private:
    static void check(bool good) { WINDLASS_CHECK(good, "OpenSSL cannot make a certificate: " + openssl_fault()); }
    void set_serial() {  // 127 random bits, as RFC 5280 wants a positive number of at most 20 bytes
        unsigned char bytes[16];
        check(::RAND_bytes(bytes, sizeof bytes) == 1);
        bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7f) | 0x40);
        const Owned<BIGNUM> number(::BN_bin2bn(bytes, sizeof bytes, nullptr));
        check(number != nullptr && ::BN_to_ASN1_INTEGER(number.get(), ::X509_get_serialNumber(native())) != nullptr);
    }
    static void set_time(ASN1_TIME* field, WallTime time) {
        check(::ASN1_TIME_set(field, static_cast<std::time_t>(to_unix_us(time) / 1'000'000)) != nullptr);
    }
    void add_name(int type, int string_type, const std::string& value) {
        if (!names_) names_.reset(sk_GENERAL_NAME_new_null());
        ASN1_STRING* text = ::ASN1_STRING_type_new(string_type);
        check(text != nullptr && ::ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) == 1);
        GENERAL_NAME* name = ::GENERAL_NAME_new();
        check(name != nullptr);
        ::GENERAL_NAME_set0_value(name, type, text);
        check(sk_GENERAL_NAME_push(names_.get(), name) > 0);
    }

    Owned<X509> certificate_;
    Owned<GENERAL_NAMES> names_;
};

void make_leaf(Draft& draft, const char* usage, X509* issuer) {
    draft.extension(NID_basic_constraints, "critical,CA:FALSE", issuer);
    draft.extension(NID_key_usage, "critical,digitalSignature", issuer);
    draft.extension(NID_ext_key_usage, usage, issuer);
}

Result<std::string> read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return errno_error(path, errno);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

Authority Authority::make(WallTime now) {
    PrivateKey key = PrivateKey::make();
    // Its name has to differ between sites: a chain is looked for by name first.
    Draft draft(key.native(), "Windlass site authority " + random_hex(4), now - clock_tolerance,
                now + authority_lifetime);
    draft.extension(NID_basic_constraints, "critical,CA:TRUE,pathlen:0", draft.native());
    draft.extension(NID_key_usage, "critical,keyCertSign,cRLSign", draft.native());
    Certificate certificate = draft.sign(draft.native(), key.native());
    return Authority(std::move(key), std::move(certificate));
}

Result<Authority> Authority::open(const std::string& directory, WallTime now) {
    const std::string key_file = directory + "/authority.key", certificate_file = directory + "/authority.pem";
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed) return errno_error("making " + directory, failed.value());
    const bool has_key = std::filesystem::exists(key_file, failed);
    const bool has_certificate = std::filesystem::exists(certificate_file, failed);
    if (!has_key && !has_certificate) {
        if (::chmod(directory.c_str(), 0700) != 0) return errno_error("making " + directory + " private", errno);
        Authority made = make(now);
        // The key first: a crash in between leaves no certificate that workers might trust already.
        WINDLASS_TRY_STATUS(write_private_file(key_file, made.key_.pem()));
        WINDLASS_TRY_STATUS(write_private_file(certificate_file, made.certificate_.pem()));
        return made;
    }
    if (!has_key || !has_certificate)
        return make_error(ErrorKind::invalid,
                          fmt::format("{} is there and {} is not. Bring it back from a backup; or remove the other one "
                                      "for a new authority, and enrol every worker again",
                                      has_key ? key_file : certificate_file, has_key ? certificate_file : key_file));
    WINDLASS_TRY(const std::string key_pem, read_private_file("the key of the site's authority,", key_file));
    auto key = PrivateKey::parse(key_pem);
    if (!key) return std::move(key.error()).in(key_file);
    WINDLASS_TRY(const std::string certificate_pem, read_text(certificate_file));
    auto certificate = Certificate::parse(certificate_pem);
    if (!certificate) return std::move(certificate.error()).in(certificate_file);
    if (::X509_check_private_key(certificate->native(), key->native()) != 1) {
        openssl_fault();
        return make_error(ErrorKind::invalid,
                          fmt::format("{} and {} do not belong together", key_file, certificate_file));
    }
    return Authority(std::move(key).value(), std::move(certificate).value());
}

Certificate Authority::certify_worker(const RequestedKey& key, const WorkerIdentity& worker, WallTime now,
                                      Seconds lifetime) const {
    Draft draft(key.key.get(), "windlass worker", now - clock_tolerance, now + lifetime);
    make_leaf(draft, "clientAuth", certificate_.native());
    draft.add_uri(uri_of_worker(worker));
    return draft.sign(certificate_.native(), key_.native());
}

Certificate Authority::certify_scheduler(const PrivateKey& key, const std::vector<std::string>& names, WallTime now,
                                         Seconds lifetime) const {
    Draft draft(key.native(), "windlass scheduler", now - clock_tolerance, now + lifetime);
    make_leaf(draft, "serverAuth", certificate_.native());
    draft.add_uri("urn:windlass:scheduler");
    for (const std::string& name : names) draft.add_server_name(name);
    return draft.sign(certificate_.native(), key_.native());
}

Status check_server_name(const std::string& name) {
    unsigned char bytes[16];
    if (::inet_pton(AF_INET, name.c_str(), bytes) == 1 || ::inet_pton(AF_INET6, name.c_str(), bytes) == 1) return {};
    const bool good = !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '.';
    });
    if (good) return {};
    return make_error(ErrorKind::invalid, "\"" + name + "\" is neither a host name nor an address");
}

}  // namespace windlass::trust
