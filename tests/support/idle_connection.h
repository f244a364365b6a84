// A connection of which only what is sent matters: for tests that look at it, without a loop or a socket.
#pragma once

#include <string>

#include "shared/wire/connection.h"

namespace windlass::test {

class IdleConnection : public wire::Connection {
  public:
    void set_handlers(Handlers) override {}
    std::size_t unsent_bytes() const override { return unsent; }
    void trust() override {}
    void close(const std::string&) override {}
    std::string peer() const override { return "a test"; }
    long peer_uid() const override { return -1; }
    bool peer_has_gone() const override { return false; }

    std::size_t unsent = 0;
};

}  // namespace windlass::test
