// Which program notices the absence of which layers. A row says: without all of these layers the program gets further
// than the abuse suite allows; with any one of them in place it does not. Proven by ablation_test, row by row; so the
// abuse suite may name the layers that stop a program.
#pragma once

#include <string>
#include <vector>

#include "tests/abuse/attack.h"
#include "tests/abuse/layers.h"

namespace windlass::worker::testing {

enum class Mode { both, root, rootless };

struct Row {
    Layers layers;
    const char* program;
    Mode mode = Mode::both;
};

bool applies(const Row& row);  // to the mode in which this test runs
const std::vector<Row>& evidence();

// "filter", "network or landlock, each alone"; for a program without a row what its end tells: the rights it does not
// have, the end of its box, the kernel.
std::string stopped_by(const Act& act, const Attack& result);

}  // namespace windlass::worker::testing
