// GET /api/ping: is somebody there, and what is the time there?
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "api/monitoring/handlers.h"
#include "api/monitoring/text_reply.h"

namespace windlass::api {

OrProblem<Reply> ping(const Call& call) {
    const std::time_t seconds = to_unix_us(call.app.clock.now().wall) / 1'000'000;
    return text_reply(fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::gmtime(seconds)), 202);
}

}  // namespace windlass::api
