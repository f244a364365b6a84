#include "cli/submit_words.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/temporary_directory.h"

namespace windlass::cli {
namespace {

// The body that these words of a command line become; or the reason why they become none.
std::string body(std::vector<std::string> arguments) {
    CLI::App app;
    const auto words = add_words(app);
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
    const auto made = body_of(*words, {"true"});
    return made ? *made : made.error().message;
}

const std::string start = R"({"code":"","data":"","running_commands":"true")";

TEST(SubmitWords, what_is_not_said_is_not_sent) {
    EXPECT_EQ(body({}), start + "}");
}

TEST(SubmitWords, every_word_becomes_its_field) {
    EXPECT_EQ(body({"--name", "n", "--queue", "q", "--tag", "a", "--tag", "b", "--priority", "3", "--timeout", "1h"}),
              start + R"(,"name":"n","queue":"q","tags":["a","b"],"priority":3,"timeout_s":3600.0})");
    EXPECT_EQ(
        body({"--max-attempts", "4", "--retry-delay", "2s", "--retry-exit-code", "1,2", "--retry-signal", "9",
              "--retry-timeout"}),
        start +
            R"(,"max_attempts":4,"retry_delay_s":2.0,"retry_on":{"exit_codes":[1,2],"signals":[9],"timeout":true}})");
    EXPECT_EQ(
        body({"--cpus", "0.5", "--memory", "1M", "--disk", "2M", "--cpu-time", "5s", "--processes", "7"}),
        start + R"(,"limits":{"cpus":0.5,"memory_bytes":1048576,"disk_bytes":2097152,"cpu_s":5.0,"processes":7}})");
    EXPECT_EQ(
        body({"--after", "5", "--after", "failed:6", "--require", "zone=b", "--resource", "gpu=2"}),
        start +
            R"(,"after":[{"job":"5","when":"ok"},{"job":"6","when":"failed"}],"requires":{"zone":"b"},"resources":{"gpu":2}})");
    EXPECT_EQ(
        body({"--not-before", "2026-12-24T18:00:00Z", "--output", "*.png", "--network", "full", "--env", "A=b=c"}),
        start + R"(,"network":"full","env":{"A":"b=c"},"outputs":["*.png"],"not_before":"2026-12-24T18:00:00Z"})");
    EXPECT_EQ(body({"--array", "9", "--max-fails", "2"}), start + R"(,"array":{"count":9,"max_fails":2}})");
}

TEST(SubmitWords, a_file_of_parameters_is_a_list_or_an_object_a_line) {
    const test::TemporaryDirectory directory;
    const std::string path = directory.path() + "/params";
    std::ofstream(path) << "{\"X\":\"1\"}\n\n{\"X\":\"2\"}\n";
    EXPECT_EQ(body({"--array-file", path}), start + R"(,"array":[{"X":"1"},{"X":"2"}]})");
    std::ofstream(path) << " [{\"X\":\"1\"}]";
    EXPECT_EQ(body({"--array-file", path}), start + R"(,"array": [{"X":"1"}]})");
    std::ofstream(path) << "nonsense";
    EXPECT_NE(body({"--array-file", path}).find("JSON list of objects"), std::string::npos);
}

TEST(SubmitWords, what_makes_no_sense_is_said_with_its_flag) {
    EXPECT_NE(body({"--env", "A"}).find("--env A: it looks like NAME=VALUE"), std::string::npos);
    EXPECT_NE(body({"--resource", "gpu=x"}).find("--resource gpu=x"), std::string::npos);
    EXPECT_NE(body({"--memory", "much"}).find("\"much\" is no size"), std::string::npos);
    EXPECT_NE(body({"--max-fails", "1"}).find("--array"), std::string::npos);
}

}  // namespace
}  // namespace windlass::cli
