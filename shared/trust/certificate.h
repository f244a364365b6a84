// A certificate of the site (X.509, RFC 5280), and what it says.
//
// Who its holder is stands in a URI among its alternative names:
//   urn:windlass:scheduler              and beside it the names and addresses at which it may be dialled
//   urn:windlass:worker:GENERATION:NAME  NAME percent-encoded (RFC 3986)
// A scheduler's is good for servers only and a worker's for clients only (extended key usage), so neither can play the
// other.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"
#include "shared/time.h"

struct x509_st;

namespace windlass::trust {

struct WorkerIdentity {
    std::string name;
    // Of the enrolment: with each one, certificates of earlier ones are worth nothing any more.
    std::int64_t generation = 0;
    bool operator==(const WorkerIdentity&) const = default;
};

class Certificate {
  public:
    // invalid: not a certificate in PEM.
    static Result<Certificate> parse(std::string_view pem);
    // Takes a reference of its own.
    static Certificate of(x509_st* certificate);

    std::string pem() const;
    std::string fingerprint() const;  // SHA-256 of its DER, 64 hex digits
    WallTime valid_from() const;
    WallTime valid_until() const;
    std::optional<WorkerIdentity> worker() const;  // nullopt: not a worker's
    std::vector<std::string> names() const;        // at which a scheduler may be dialled
    x509_st* native() const { return certificate_.get(); }

  private:
    explicit Certificate(x509_st* certificate);
    std::shared_ptr<x509_st> certificate_;
};

std::string uri_of_worker(const WorkerIdentity& worker);
std::optional<WorkerIdentity> worker_of_uri(std::string_view uri);

// "2026-11-22 14:41:06 UTC": for sentences about clocks.
std::string utc_text(WallTime time);

}  // namespace windlass::trust
