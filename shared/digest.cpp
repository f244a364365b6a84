#include "shared/digest.h"

#include <sodium.h>

#include <array>
#include <vector>

#include "shared/result.h"

namespace windlass {
namespace {
const unsigned char* raw(std::string_view s) {
    return reinterpret_cast<const unsigned char*>(s.data());
}
}  // namespace

void initialise_crypto() {
    WINDLASS_CHECK(sodium_init() >= 0, "libsodium could not be initialised");
}

std::string to_hex(std::string_view bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 15]);
    }
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256(hash.data(), raw(bytes), bytes.size());
    return to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

struct Sha256::State {
    crypto_hash_sha256_state hash;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    crypto_hash_sha256_init(&state_->hash);
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
    crypto_hash_sha256_update(&state_->hash, raw(bytes), bytes.size());
}

std::string Sha256::hex() {
    std::array<unsigned char, crypto_hash_sha256_BYTES> hash{};
    crypto_hash_sha256_final(&state_->hash, hash.data());
    return to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string token_hash_hex(std::string_view token) {
    std::array<unsigned char, 32> hash{};
    crypto_generichash(hash.data(), hash.size(), raw(token), token.size(), nullptr, 0);
    return to_hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::string random_token() {
    std::array<unsigned char, 32> bytes{};
    randombytes_buf(bytes.data(), bytes.size());
    std::array<char, sodium_base64_ENCODED_LEN(32, sodium_base64_VARIANT_URLSAFE_NO_PADDING)> text{};
    sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return text.data();
}

std::string random_hex(std::size_t bytes) {
    std::string raw_bytes(bytes, '\0');
    randombytes_buf(raw_bytes.data(), raw_bytes.size());
    return to_hex(raw_bytes);
}

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
    crypto_auth_hmacsha256_state state;
    std::array<unsigned char, crypto_auth_hmacsha256_BYTES> mac{};
    crypto_auth_hmacsha256_init(&state, raw(key), key.size());
    crypto_auth_hmacsha256_update(&state, raw(text), text.size());
    crypto_auth_hmacsha256_final(&state, mac.data());
    return to_hex({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

bool equal_secret(std::string_view a, std::string_view b) {
    return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace windlass
