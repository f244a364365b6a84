#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/abuse/attack.h"
#include "tests/abuse/layers.h"

namespace windlass::worker::testing {
namespace {

TEST(Ablation, survey) {
    const Host host;
    for (const Layer layer : all_layers()) {
        if (layer == Layer::user && !rootless()) continue;
        leave_out({layer});
        const TemporaryDirectory directory;
        SandboxSettings settings = test_settings(directory.path(), 1);
        {
            auto opened = Sandbox::open(settings);
            if (!opened) {
                fmt::print("SURVEY {} : DOES NOT OPEN {}\n", name(layer), opened.error().message);
                continue;
            }
        }
        auto box = std::make_unique<TestBox>(1);
        int count = 0;
        box->run(script("true"));
        if (left_out().empty()) {
            fmt::print("SURVEY {} : not there\n", name(layer));
            continue;
        }
        for (const Act& act : all_acts()) {
            if (act.needs_memory_controller && !has_memory_controller(*box)) continue;
            Attack result = attack(*box, host, act);
            if (result.complaints.empty()) continue;
            count++;
            fmt::print("SURVEY {} : {} : {}\n", name(layer), act.program, fmt::join(result.complaints, "; "));
            std::fflush(stdout);
            if (!box->sandbox().broken().empty()) box = std::make_unique<TestBox>(1);
            if (count > 25) break;
        }
        if (count == 0) fmt::print("SURVEY {} : NOTHING NOTICES\n", name(layer));
    }
}

}  // namespace
}  // namespace windlass::worker::testing
