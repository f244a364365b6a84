// The sandbox in words: what `windlass-worker --explain-sandbox` and `--check` print.
#pragma once

#include <string>

#include "worker/sandbox/sandbox.h"

namespace windlass::worker {

// The steps that make the prepared root, then those that make a box of the default limits, one a line.
Result<std::string> explain_sandbox(const SandboxSettings& settings);

// One line per finding, and a last one with the verdict.
struct Check {
    std::string text;
    bool good = false;  // nothing is missing but what allow_weaker names
};
Check check_sandbox(const SandboxSettings& settings);

}  // namespace windlass::worker
