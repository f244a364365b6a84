// One connection to the scheduler, from its first byte to its last.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "shared/ids.h"
#include "shared/time.h"
#include "shared/wire/connection.h"

namespace windlass::scheduler {

struct Peer {
    enum class Role { stranger, worker, api };
    std::shared_ptr<wire::Connection> connection;
    Role role = Role::stranger;
    bool greeted = false;  // has said Hello
    std::string name;
    std::string instance;
    WorkerId worker;  // of role worker, as long as this is its connection
    SteadyTime last_heard{};
    // Of a worker that came over TLS: who its certificate says it is, and until when.
    std::optional<trust::WorkerIdentity> identity;
    WallTime certificate_until{};
};
using PeerPtr = std::shared_ptr<Peer>;

}  // namespace windlass::scheduler
