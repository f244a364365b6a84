// The keys that sign session tokens. They live in a file and never in the database: who can read the tables must not be
// able to log in as anybody.
//
// The file has one or two lines of 64 hexadecimal characters (32 random bytes each). The first signs, both are
// believed: to change keys without ending sessions, add the new one as the second line everywhere, send SIGHUP, swap
// the lines, send SIGHUP, and remove the old one when api.session_s has passed, with a last SIGHUP.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shared/result.h"

namespace windlass::api {

struct SigningKey {
    std::array<unsigned char, 32> bytes{};
    std::string header;  // of every token signed with it: base64url of {"alg":"HS256","kid":"...","typ":"JWT"}
};

class SigningKeys {
  public:
    // invalid: says which line is wrong, never what it holds.
    static Result<SigningKeys> parse(std::string_view text);
    // Gone with the process.
    static SigningKeys random();

    const SigningKey& first() const { return keys_.front(); }
    std::span<const SigningKey> all() const { return keys_; }

  private:
    std::vector<SigningKey> keys_;
};

// The ones that count now: SIGHUP replaces them while requests are on their way. Any thread.
class CurrentSigningKeys {
  public:
    explicit CurrentSigningKeys(SigningKeys keys) { replace(std::move(keys)); }
    // Good for one request.
    std::shared_ptr<const SigningKeys> get() const;
    void replace(SigningKeys keys);

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<const SigningKeys> keys_;
};

// Reads the file; makes it (0600, one key) when there is none, also when several processes start at once. denied:
// others may read it, or it belongs to somebody else.
Result<SigningKeys> load_signing_keys(const std::string& path);

}  // namespace windlass::api
