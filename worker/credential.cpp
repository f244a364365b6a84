#include "worker/credential.h"

#include <utility>

#include "shared/private_file.h"

namespace windlass::worker {
namespace {

std::string path_in(const std::string& state_directory) {
    return state_directory + "/identity.pem";
}

}  // namespace

Credential::Credential(std::string path, trust::PrivateKey key, trust::Certificate certificate,
                       trust::Certificate authority, std::shared_ptr<const trust::TlsClient> client)
    : path_(std::move(path)),
      key_(std::move(key)),
      certificate_(std::move(certificate)),
      authority_(std::move(authority)),
      client_(std::move(client)) {}

Result<Credential> Credential::make(const std::string& state_directory, trust::PrivateKey key,
                                    const protocol::Certified& certified) {
    WINDLASS_TRY(auto certificate, trust::Certificate::parse(certified.certificate));
    WINDLASS_TRY(auto authority, trust::Certificate::parse(certified.authority));
    if (!certificate.worker()) return make_error(ErrorKind::invalid, "this certificate is not one of a worker");
    WINDLASS_TRY(auto client, trust::TlsClient::with(key, certificate, authority));
    return Credential(path_in(state_directory), std::move(key), std::move(certificate), std::move(authority),
                      std::move(client));
}

Result<Credential> Credential::load(const std::string& state_directory) {
    const std::string path = path_in(state_directory);
    const auto text = read_private_file("the identity of this worker,", path);
    if (!text && text.error().kind == ErrorKind::denied) return text.error();
    if (!text)
        return make_error(ErrorKind::not_found,
                          "this worker is not enrolled: an administrator says `windlass worker enrol NAME`, and here "
                          "windlass-worker --enrol TOKEN is run once (" +
                              text.error().message + ")");
    // The three parts as save() wrote them: the key, the certificate, the authority.
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    const auto first = text->find(begin);
    const auto second = first == std::string::npos ? first : text->find(begin, first + begin.size());
    if (second == std::string::npos)
        return make_error(ErrorKind::invalid, path + " is damaged: enrol this worker again");
    auto key = trust::PrivateKey::parse(std::string_view(*text).substr(0, first));
    if (!key) return std::move(key.error()).in(path);
    auto made =
        make(state_directory, std::move(key).value(), {text->substr(first, second - first), text->substr(second)});
    if (!made) return std::move(made.error()).in(path);
    return made;
}

Status Credential::save() const {
    return write_private_file(path_, key_.pem() + certificate_.pem() + authority_.pem());
}

bool Credential::is_old(WallTime now) const {
    const auto lifetime = certificate_.valid_until() - certificate_.valid_from() - trust::clock_tolerance;
    return now >= certificate_.valid_until() - lifetime / 2;
}

std::string Credential::request_for_next() {
    if (!next_key_) next_key_ = trust::PrivateKey::make();
    return next_key_->signing_request();
}

Status Credential::take_next(const protocol::Certified& certified) {
    if (!next_key_) return make_error(ErrorKind::invalid, "a certificate came that nobody asked for");
    const std::string directory = path_.substr(0, path_.find_last_of('/'));
    WINDLASS_TRY(Credential next, make(directory, *next_key_, certified));
    if (next.certificate_.worker() != certificate_.worker())
        return make_error(ErrorKind::invalid, "the new certificate is for another worker");
    WINDLASS_TRY_STATUS(next.save());
    *this = std::move(next);
    return {};
}

}  // namespace windlass::worker
