// What a launch is in Kubernetes: a Deployment of one pod, a Service in front of it, and a NetworkPolicy that lets
// nobody in but this worker, and nothing out. Pure: from a job to the JSON of the API (apps/v1, v1,
// networking.k8s.io/v1 of Kubernetes 1.27; the fields used here have not changed since 1.19).
//
// The pod meets the "restricted" Pod Security Standard: no root, no capability, no privilege, the runtime's seccomp
// filter, volumes of its own alone; and no token of a service account.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "shared/ids.h"
#include "shared/job.h"
#include "shared/protocol.h"
#include "shared/result.h"

namespace windlass::worker::kubernetes {

struct Site {
    std::string url;  // of the API server, without a slash at the end
    std::string namespace_prefix;
    std::string token_file;
    std::string ca_file;
    std::string worker_cidr;                      // from where this worker reaches pods
    std::map<std::string, std::string> images;    // name -> reference
    std::map<std::string, std::string> datasets;  // name -> claim
    std::string identity;                         // of this worker, unique in the cluster, fit for a label: [a-z0-9]
    std::int64_t grace_s = 5;
};

inline constexpr std::string_view worker_label = "windlass.worker";
inline constexpr std::string_view attempt_label = "windlass.attempt";
// Of the Deployment: what the next life of this worker needs of the lease to go on with it.
inline constexpr std::string_view lease_annotation = "windlass.lease";

std::string namespace_of(const Site& site, UserId owner);
std::string object_name(AttemptRef ref);  // of all three: "windlass-100000042-1"

struct Launch {
    AttemptRef ref;
    UserId owner;
    JobSpec spec;
};
// Why this worker cannot launch it, as a sentence; empty: it can.
std::string fault_of(const Site& site, const Launch& launch);

std::string deployment(const Site& site, const Launch& launch);
std::string service(const Site& site, const Launch& launch);
std::string network_policy(const Site& site, const Launch& launch);

// The lease of a launch, without what its pod was told already (command, environment); and back. nullopt: it is none.
std::string kept_lease(const Launch& launch);
std::optional<protocol::Lease> parse_kept_lease(std::string_view text);

}  // namespace windlass::worker::kubernetes
