// One entry of the audit, and the chain that ties each to the one before it: whoever changes, removes or inserts an
// entry has to change every hash after it, and the last hash is what an admin notes down elsewhere.
//
//   hash = SHA-256 over  previous_hash, number, at (microseconds), account ("" for none), actor, credential, address,
//                        action, object, status, request_id, detail
//          each written as its length in decimal, ":", its bytes
//
// Pure. Used by the api, which writes the chain, and by the command, which checks it from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/ids.h"
#include "shared/time.h"

namespace windlass {

struct AuditEntry {
    std::int64_t number = 0;  // from 1, without a gap
    WallTime at{};
    std::optional<UserId> account;  // none: nobody who is known here
    std::string actor;              // its username then; "" for nobody
    std::string credential;         // "session …", "token 7", "link"; "" for none. Never a secret
    std::string address;            // where the request came from
    std::string action;             // method and route: "POST /api/jobs/submit/"
    std::string object;             // what it was about: a path
    int status = 0;                 // of the answer
    std::string request_id;
    std::string detail;
    std::string previous_hash;  // "" for the first
    std::string hash;
};

std::string audit_hash(const AuditEntry& entry);

// Walks a chain from one entry to the next. Not thread-safe.
class AuditChain {
  public:
    // nullopt: fits. Else a sentence that names the entry and what is wrong with it. The first entry given may be any
    // of the chain; from there on none may be missing.
    std::optional<std::string> check(const AuditEntry& entry);

    std::int64_t last_number() const { return number_; }
    const std::string& last_hash() const { return hash_; }
    std::int64_t checked() const { return checked_; }

  private:
    std::int64_t checked_ = 0;
    std::int64_t number_ = 0;
    std::string hash_;
};

}  // namespace windlass
