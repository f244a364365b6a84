// Where a job with `network: full` may not go, as the text of an nftables ruleset. Pure; the one place that knows the
// refused ranges. The rule is loaded in the job's own network namespace before the job exists (network_keeper.cpp), and
// the job holds no capability with which to change it.
//
// IPv6 is refused as a whole: slirp4netns hands out IPv6 addresses only by router advertisements, seconds after a job
// has started, and calls it experimental.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "shared/result.h"

namespace windlass::worker {

// The little network between a job and its slirp4netns. TEST-NET-1 (RFC 5737): nobody's real address is hidden by it.
struct JobSubnet {
    static constexpr std::string_view block = "192.0.2.0/24";
    static constexpr std::string_view resolver = "192.0.2.3";  // slirp4netns forwards to the host's first resolver
    static constexpr std::string_view device = "net0";
};

struct RefusedRange {
    std::string_view block;
    std::string_view what;
    bool exceptions;  // worker.network_allow may open parts of it
};
// For documentation and tests.
const std::vector<RefusedRange>& refused_ranges();

struct EgressSettings {
    std::vector<std::string> site;   // addresses of the site's daemons that the worker knows: no exceptions
    std::vector<std::string> deny;   // worker.network_deny: IPv4 blocks, "198.51.100.0/24" or one address
    std::vector<std::string> allow;  // worker.network_allow: exceptions from `deny` and from the table
};
// invalid: what is no IPv4 block, and an exception that reaches what has none (loopback, metadata services).
Status check_egress(const EgressSettings& settings);

// For `nft -f`. host_addresses: those of every interface of the host, in text; IPv6 among them is left out.
// Precondition: check_egress() is content.
std::string make_ruleset(const EgressSettings& settings, const std::vector<std::string>& host_addresses);

}  // namespace windlass::worker
