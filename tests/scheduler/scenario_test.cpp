// Plays every file of scenarios/ (the language: scenario.h).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/scheduler/scenario.h"

namespace windlass::scheduler {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(WINDLASS_SCENARIOS))
        if (entry.path().extension() == ".txt") found.push_back(entry.path());
    std::sort(found.begin(), found.end());
    return found;
}

class Scenarios : public testing::TestWithParam<fs::path> {};

TEST_P(Scenarios, lead_to_what_they_say) {
    std::ifstream in(GetParam());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    std::vector<ScenarioStep> steps = parse_scenario(text);
    ASSERT_FALSE(steps.empty());
    Scenario scenario;
    const bool rewrite = std::getenv("WINDLASS_REWRITE") != nullptr;
    for (ScenarioStep& step : steps) {
        std::vector<std::string> got = scenario.run(step.command);
        if (got.empty()) got.emplace_back("(nothing)");
        if (rewrite)
            step.expected = got;
        else
            ASSERT_EQ(got, step.expected) << GetParam().filename() << ":" << step.line << ": " << step.command;
    }
    if (rewrite) std::ofstream(GetParam()) << render_scenario(steps);
}

INSTANTIATE_TEST_SUITE_P(Queue, Scenarios, testing::ValuesIn(files()),
                         [](const auto& each) { return each.param.stem().string(); });

}  // namespace
}  // namespace windlass::scheduler
