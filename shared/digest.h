// Hashes, random tokens and their text forms; libsodium underneath. initialise() once per process before anything else.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace windlass {

// Starts libsodium; aborts if the machine has no source of randomness. Cheap to call again; thread-safe.
void initialise_crypto();

std::string to_hex(std::string_view bytes);  // lower case
std::string sha256_hex(std::string_view bytes);
// The same, of bytes that come in pieces.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void add(std::string_view bytes);
    std::string hex();  // once, at the end

  private:
    struct State;
    std::unique_ptr<State> state_;
};
// BLAKE2b-256: what is stored of a token, so that a stolen database holds no usable one.
std::string token_hash_hex(std::string_view token);
// 32 random bytes, base64url without padding: 43 characters.
std::string random_token();
std::string random_hex(std::size_t bytes);
// HMAC-SHA-256 (RFC 2104), lower case hex.
std::string hmac_sha256_hex(std::string_view key, std::string_view text);
// Compares in constant time for equal lengths.
bool equal_secret(std::string_view a, std::string_view b);

}  // namespace windlass
