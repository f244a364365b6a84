// What of this machine goes into the prepared root: programs and libraries by bind, a few files of /etc as copies.
#pragma once

#include "worker/sandbox/plan.h"

namespace windlass::worker {

// Reads the host. `uid` and `gid` are those that the job's own line in passwd and group shows.
Result<HostFacts> look_at_host(uid_t uid, gid_t gid);

// Jobs with `network: full` ask their slirp4netns for names; without, the question fails at once.
void add_resolver(HostFacts& facts);

}  // namespace windlass::worker
