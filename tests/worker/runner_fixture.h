// The runner without a loop: a fake sandbox, a fake connection, and time as the test says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <vector>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/fake_connection.h"
#include "tests/worker/fake_sandbox.h"
#include "worker/runner.h"

namespace windlass::worker::testing {

inline SteadyTime at(int ms) {
    return SteadyTime{Milliseconds{ms}};
}
inline AttemptRef job(int number) {
    return {JobId{number}, 1};
}

class FixedClock final : public Clock {
  public:
    explicit FixedClock(Now now) : now_(now) {}
    Now now() const override { return now_; }

  private:
    Now now_;
};

class RunnerFixture : public ::testing::Test {
  protected:
    explicit RunnerFixture(Now now) : clock_(now) {
        initialise_crypto();
        settings_.cpu_millis = 2000;
        settings_.memory_bytes = gibibyte;
        settings_.boxes = 8;
        settings_.collect.keep_bytes = 1 << 20;
        settings_.sampling.interval = Milliseconds{0};
    }
    // Made when it is first needed: until then a test may change the settings.
    Runner& runner() {
        if (!runner_)
            runner_ = std::make_unique<Runner>(
                settings_, sandbox_, BlobCache::open(scratch_ / "blobs", cache_bytes_).value(),
                [this](auto work, auto done) {
                    work();
                    if (inline_background_)
                        done();
                    else
                        background_.push_back(done);
                },
                clock_, [this](FinishedAttempt finished, SteadyTime) { finished_.push_back(std::move(finished)); });
        return *runner_;
    }
    void connect() { runner().connected(connection_, at(0)); }
    std::vector<AttemptRef> in_hand() {
        std::vector<AttemptRef> refs;
        runner().append_held(refs);
        return refs;
    }
    const protocol::AttemptFinished& result(std::size_t index = 0) const {
        return std::get<protocol::AttemptFinished>(finished_.at(index).parts.back().message);
    }

    test::TemporaryDirectory scratch_;
    std::int64_t cache_bytes_ = mebibyte;
    RunnerSettings settings_;
    FakeSandbox sandbox_;
    FixedClock clock_;
    FakeConnection connection_;
    bool inline_background_ = true;
    std::vector<std::function<void()>> background_;
    std::vector<FinishedAttempt> finished_;
    std::unique_ptr<Runner> runner_;
};

}  // namespace windlass::worker::testing
