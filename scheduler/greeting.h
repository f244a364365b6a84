// Who may come in: judges a Hello. Pure.
#pragma once

#include <string>

#include "shared/protocol.h"

namespace windlass::scheduler {

struct Door {
    std::string secret;  // of the site; empty: only unix sockets, and only our own user or root
    long own_uid = 0;
};

// Empty: welcome. Otherwise the sentence that the peer gets with Refused. `peer_uid` is -1 for TCP. `certified`: it
// came over TLS with a certificate that is judged elsewhere (trust_desk.h) and stands for the secret; only workers come
// so.
std::string reason_to_refuse(const protocol::Hello& hello, long peer_uid, const Door& door, bool certified = false);

}  // namespace windlass::scheduler
