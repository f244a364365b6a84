// What the api counts, as Prometheus text. Counting is cheap and may be done from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "api/front/front.h"
#include "api/router.h"
#include "shared/database/session_pool.h"
#include "shared/protocol.h"
#include "shared/time.h"

namespace windlass::api {

class Metrics {
  public:
    explicit Metrics(std::span<const Route> routes);
    ~Metrics();

    static constexpr std::size_t no_route = static_cast<std::size_t>(-1);
    void count_request(std::size_t route, int status, Microseconds took);

    // Asked at every collection; set before the first request.
    void set_front(std::function<FrontStatistics()> statistics);
    void set_password_queue(std::function<std::size_t()> waiting);
    void set_sessions(const SessionPool& pool);  // outlives this

    // `scheduler`: nullopt when it did not answer.
    std::string text(const std::optional<protocol::Statistics>& scheduler) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace windlass::api
