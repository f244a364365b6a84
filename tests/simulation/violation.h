// A promise was broken. Ends the run; the seed is printed by the test.
#pragma once

#include <stdexcept>
#include <string>

namespace windlass::simulation {

struct Violation : std::runtime_error {
    using std::runtime_error::runtime_error;
};

inline void require(bool holds, const std::string& otherwise) {
    if (!holds) throw Violation(otherwise);
}

}  // namespace windlass::simulation
