// One hostile program in one box, and a look at the host before and after.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/abuse/acts.h"
#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {

// What the programs try to reach: a listener, an abstract socket, a file, a process of the same user.
class Host {
  public:
    Host();
    ~Host();
    Host(const Host&) = delete;

    std::string put_in(const std::string& argument) const;  // PORT, ABSTRACT, CANARY, HOSTNAME become what they name
    // What of it was touched since the last look, in sentences.
    void look(std::vector<std::string>& complaints) const;

  private:
    FileDescriptor tcp_;
    FileDescriptor abstract_;
    TemporaryDirectory directory_;
    std::string canary_ = directory_.path() + "/canary";
    std::string port_;
    std::string name_;
    pid_t bystander_ = -1;
};

struct Attack {
    Finished finished;
    bool refused = false;  // the program did not dare: it is root, or in no box
    std::string says;      // its last line: "stopped: Operation not permitted"
    // Empty: it was stopped as the table says, and the host and the next job are well.
    std::vector<std::string> complaints;
};
// A sandbox that breaks on the way (its spawner was killed) is a complaint.
// `image`: the box has this root instead of the prepared one.
Attack attack(TestBox& box, const Host& host, const Act& act, const std::optional<BoxImage>& image = std::nullopt);

bool has_memory_controller(TestBox& box);

}  // namespace windlass::worker::testing
