// How long a test waits for what must come. A right program is never waited for so long; a wrong one fails instead of
// hanging. Long enough for a machine on which everything else runs at the same time, and longer still where the
// environment says so: WINDLASS_SLOWNESS, how many times as long (scripts/sanitize). Never a part of what is checked.
#pragma once

#include <chrono>
#include <cstdlib>

namespace windlass::test {

inline std::chrono::seconds patience() {
    static const double slowness = [] {
        const char* text = std::getenv("WINDLASS_SLOWNESS");
        const double factor = text == nullptr ? 1 : std::strtod(text, nullptr);
        return factor >= 1 ? factor : 1;
    }();
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::duration<double>(60 * slowness));
}

}  // namespace windlass::test
