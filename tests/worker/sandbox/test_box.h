// Boxes for tests: opens a sandbox in a temporary directory, runs programs, waits for what happens.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/temporary_directory.h"
#include "worker/sandbox/cgroup_files.h"
#include "worker/sandbox/sandbox.h"

namespace windlass::worker::testing {

using test::TemporaryDirectory;

// --rootless was given (or nobody is root here): the sandbox runs without privileges.
bool rootless();
// What a test program prepares in the private namespaces while it is still root: set before main().
std::function<void(const std::string& directory)>& preparation();
// The spawner, where also an unprivileged test can execute it.
const std::string& spawner_path();
std::string keeper_path();  // windlass-network, beside it
// A directory of /usr that holds what an administrator should not have left there: `writable`, `setuid-id`, `zero`.
const std::string& traps();

// Fit for this machine: what cannot be had here is allowed to be weaker. Unique names and uids for this process.
SandboxSettings test_settings(const std::string& directory, int slots = 2);

BoxSpec program(std::vector<std::string> argv);
BoxSpec script(const std::string& text);  // by /bin/sh

struct Finished {
    bool started = false;
    Outcome outcome;
    Usage usage;
    std::string out;
    std::string err;
    FileDescriptor work_directory;
};

class TestBox {
  public:
    // why_not: gets the reason if the sandbox does not open, and nothing else may be called then. Without it that fails
    // the test.
    explicit TestBox(int slots = 2, const std::function<void(SandboxSettings&)>& change = {},
                     std::string* why_not = nullptr);

    Sandbox& sandbox() { return *sandbox_; }
    const SandboxSettings& settings() const { return settings_; }

    BoxId start(const BoxSpec& spec);  // fails the test, and returns 0, if it cannot
    Finished finish(BoxId box);        // waits for its end; what it printed
    Finished run(const BoxSpec& spec) { return finish(start(spec)); }
    void wait_for_output(BoxId box, const std::string& text);
    void wait_until_broken();
    std::string wait_until_stuck(BoxId box);  // why it is
    bool has_ended(BoxId box) { return boxes_[box].ended; }

  private:
    struct Running {
        FileDescriptor out;
        FileDescriptor err;
        Finished finished;
        bool ended = false;
        std::string stuck;
    };
    // Until done() or the deadline, which fails the test.
    void wait(const std::string& what, const std::function<bool()>& done);
    void turn(int timeout_ms);
    static void drain(const FileDescriptor& pipe, std::string& text);

    TemporaryDirectory directory_;
    SandboxSettings settings_;
    std::unique_ptr<Sandbox> sandbox_;
    std::map<BoxId, Running> boxes_;
};

// One box for all tests of a suite.
class SharedBox : public ::testing::Test {
  protected:
    static void SetUpTestSuite() { box = std::make_unique<TestBox>(); }
    static void TearDownTestSuite() { box.reset(); }
    static bool has(Protection protection) {
        return box->sandbox().findings()[static_cast<std::size_t>(protection)].present;
    }
    static inline std::unique_ptr<TestBox> box;
};

// Every living process that this one can see, beside itself and PID 1 of the private namespace.
std::vector<pid_t> other_processes();
// Waits until these processes have ended. False: one of them still lives after the deadline.
bool all_end(const std::vector<pid_t>& processes);

std::string read_in(const FileDescriptor& directory, const std::string& name);

}  // namespace windlass::worker::testing
