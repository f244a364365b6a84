// For answers that go on for as long as somebody listens: whether he still may.
#pragma once

#include "api/call.h"

namespace windlass::api {

class RightsWatch {
  public:
    explicit RightsWatch(const Call& call) : call_(call), looked_at_(call.app.clock.now().steady) {}

    // Looks when it is 15 seconds since the last look. Throws RightsLost (job_stream.h) when the credential is no
    // longer good, or no longer for this route; not when the database is away: then nobody can do anything anyway.
    void look();
    const Call& call() const { return call_; }

  private:
    Call call_;
    SteadyTime looked_at_;
};

}  // namespace windlass::api
