#include "api/auth/signing_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "api/auth/base64url.h"
#include "shared/digest.h"
#include "shared/private_file.h"

namespace windlass::api {
namespace {

SigningKey key_of(std::array<unsigned char, 32> bytes) {
    // The id must tell keys apart and nothing about them.
    const std::string_view raw(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const std::string id = token_hash_hex("windlass signing key " + std::string(raw)).substr(0, 16);
    return {bytes, to_base64url(fmt::format(R"({{"alg":"HS256","kid":"{}","typ":"JWT"}})", id))};
}

std::string_view trimmed(std::string_view line) {
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
    return line;
}

// Complete under its name or not there at all, and never in place of another's: link() fails when the name is taken.
Status make_file(const std::string& path) {
    const std::string fresh = path + "." + random_hex(4);
    const int file = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return errno_error("creating " + fresh, errno);
    const std::string line = random_hex(32) + "\n";
    const bool written = write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && fsync(file) == 0;
    int failure = written ? 0 : errno;
    close(file);
    if (written && link(fresh.c_str(), path.c_str()) != 0 && errno != EEXIST) failure = errno;
    unlink(fresh.c_str());
    return failure == 0 ? Status() : Status(errno_error("writing " + path, failure));
}

}  // namespace

Result<SigningKeys> SigningKeys::parse(std::string_view text) {
    SigningKeys keys;
    int number = 0;
    while (!text.empty()) {
        ++number;
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = trimmed(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        std::array<unsigned char, 32> bytes{};
        std::size_t length = 0;
        if (line.size() != 2 * bytes.size() ||
            sodium_hex2bin(bytes.data(), bytes.size(), line.data(), line.size(), nullptr, &length, nullptr) != 0 ||
            length != bytes.size())
            return make_error(ErrorKind::invalid,
                              fmt::format("line {} is not a key: 64 hexadecimal characters, as made by openssl rand "
                                          "-hex 32",
                                          number));
        keys.keys_.push_back(key_of(bytes));
    }
    if (keys.keys_.empty()) return make_error(ErrorKind::invalid, "there is no key; remove the file to have one made");
    if (keys.keys_.size() > 2) return make_error(ErrorKind::invalid, "there are more than two keys");
    return keys;
}

SigningKeys SigningKeys::random() {
    std::array<unsigned char, 32> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    SigningKeys keys;
    keys.keys_.push_back(key_of(bytes));
    return keys;
}

Result<SigningKeys> load_signing_keys(const std::string& path) {
    const std::string where = "api.signing_key_file " + path;
    if (access(path.c_str(), F_OK) != 0 && errno == ENOENT) WINDLASS_TRY_STATUS(make_file(path));
    WINDLASS_TRY(const auto text, read_private_file("api.signing_key_file", path));
    auto keys = SigningKeys::parse(text);
    if (!keys) return std::move(keys).error().in(where);
    return keys;
}

std::shared_ptr<const SigningKeys> CurrentSigningKeys::get() const {
    const std::lock_guard lock(mutex_);
    return keys_;
}

void CurrentSigningKeys::replace(SigningKeys keys) {
    auto fresh = std::make_shared<const SigningKeys>(std::move(keys));
    const std::lock_guard lock(mutex_);
    keys_.swap(fresh);
}

}  // namespace windlass::api
