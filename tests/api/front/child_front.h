// A front in a process of its own, for what a process has: limits, an environment, descriptors.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "api/front/front.h"

namespace windlass::api::test {

class ChildFront {
  public:
    // Forks; in the child: `settings`, Front::open, `when_open`, the loop until the end of this object. The handler is
    // echo(). Call it while this process has one thread.
    explicit ChildFront(
        const std::function<Result<FrontSettings>()>& settings, const std::function<void()>& when_open = [] {});
    ~ChildFront();
    ChildFront(const ChildFront&) = delete;
    ChildFront& operator=(const ChildFront&) = delete;

    // Empty: it did not open; said() has the reason.
    const std::string& address() const { return address_; }
    // All that it has written to stderr.
    std::string said() const;

  private:
    pid_t child_ = -1;
    std::string address_;
    std::string log_path_;
};

}  // namespace windlass::api::test
