#include "api/rights_watch.h"

#include "api/auth/credentials.h"
#include "api/authorise.h"
#include "api/job_stream.h"

namespace windlass::api {

void RightsWatch::look() {
    const SteadyTime now = call_.app.clock.now().steady;
    if (now - looked_at_ < Seconds{15}) return;
    looked_at_ = now;
    const auto principal = call_.app.credentials.require(call_.request);
    if (!principal) {
        if (principal.error().status >= 500) return;
        throw RightsLost("the follower's credential is no longer good");
    }
    call_.principal = principal.value();
    if (refusal_of(call_.route, call_.principal)) throw RightsLost("the follower may not see this any more");
}

}  // namespace windlass::api
