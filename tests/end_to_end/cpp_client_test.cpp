// The C++ client against a real server, which cpp_client_test.py starts: WINDLASS_URL, WINDLASS_TOKEN.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "windlass/client.h"

namespace windlass::client {
namespace {

using testing::HasSubstr;

class CppClientTest : public testing::Test {
  protected:
    Site site_ = Site::from_environment();
};

TEST_F(CppClientTest, a_job_is_submitted_waited_for_and_its_result_read) {
    const Job job = site_.submit({.commands = "sort data; cat code >&2; echo \"$WHO\"; echo kept > 'out/a b'",
                                  .code = "from code",
                                  .data = "b\na\n",
                                  .name = "first",
                                  .env = {{"WHO", "me"}},
                                  .timeout_s = 60,
                                  .priority = 3,
                                  .more = {{"limits", R"({"memory_bytes": 268435456})"}}});
    const Result result = job.result();
    EXPECT_EQ(result.standard_output, "a\nb\nme\n");
    EXPECT_EQ(result.standard_error, "from code");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_GT(result.duration_s, 0);
    ASSERT_EQ(result.files.size(), 1u);
    EXPECT_EQ(job.read(result.files[0]), "kept\n");
    EXPECT_EQ(site_.job(job.id()).status(), "succeeded");
}

TEST_F(CppClientTest, a_job_that_fails_says_how) {
    const Job job = site_.submit({.commands = "exit 3"});
    try {
        job.result();
        FAIL() << "it did not succeed";
    } catch (const JobDidNotSucceed& error) {
        EXPECT_EQ(error.job, job.id());
        EXPECT_THAT(error.what(), HasSubstr("exit code 3"));
    }
    EXPECT_EQ(job.end().exit_code, 3);
}

TEST_F(CppClientTest, a_map_gives_the_results_in_order) {
    std::vector<std::map<std::string, std::string>> parameters;
    for (int n = 0; n < 10; ++n) parameters.push_back({{"N", std::to_string(n)}});
    const auto results = site_.map({.commands = "echo $((N * N))"}, parameters);
    ASSERT_EQ(results.size(), 10u);
    for (std::size_t n = 0; n < results.size(); ++n)
        EXPECT_EQ(results[n].standard_output, std::to_string(n * n) + "\n");
    EXPECT_TRUE(site_.map({.commands = "true"}, {}).empty());
}

TEST_F(CppClientTest, an_array_of_more_members_than_fit_on_one_page_is_whole) {
    const Job array = site_.submit(
        {.commands = "true", .more = {{"array", R"({"count": 1001})"}, {"requires", R"({"planet": "mars"})"}}});
    EXPECT_EQ(array.members().size(), 1001u);
    array.cancel();
    EXPECT_EQ(array.wait(), "cancelled");
}

TEST_F(CppClientTest, a_wait_may_be_given_up_and_a_job_cancelled) {
    const Job before = site_.submit({.commands = "sleep 600"});
    const Job job = site_.submit({.commands = "true", .after = {before.id()}});
    EXPECT_EQ(job.wait(std::chrono::milliseconds{50}), std::nullopt);
    EXPECT_THAT(job.why(), HasSubstr(before.id()));
    before.cancel();
    EXPECT_EQ(before.wait(), "cancelled");
    EXPECT_EQ(job.wait(), "cancelled") << "what it waits for did not succeed";
}

TEST_F(CppClientTest, following_tells_what_is_printed_until_the_end) {
    const Job job = site_.submit({.commands = "for n in $(seq 50); do echo line $n ä; sleep 0.01; done; echo end >&2"});
    std::string out, err;
    job.follow([&](bool standard_error, std::string_view text) { (standard_error ? err : out) += text; });
    std::string expected;
    for (int n = 1; n <= 50; ++n) expected += "line " + std::to_string(n) + " ä\n";
    EXPECT_EQ(out, expected);
    EXPECT_EQ(err, "end\n");
}

TEST_F(CppClientTest, refusals_are_exceptions_that_say_which_field) {
    try {
        site_.submit({.commands = "true", .priority = 1000});
        FAIL() << "it is refused";
    } catch (const Refused& error) {
        EXPECT_EQ(error.status, 400);
        EXPECT_THAT(error.what(), HasSubstr("/priority"));
    }
    EXPECT_THROW(site_.job("../users"), Error);
    EXPECT_THROW(site_.submit({.commands = "true", .more = {{"limits", "{"}}}), Error);
    try {
        site_.job("1").status();
        FAIL() << "there is no such job";
    } catch (const Refused& error) {
        EXPECT_EQ(error.status, 404);
    }
}

TEST_F(CppClientTest, a_server_that_is_not_there_is_said_to_be_away) {
    const Site away("http://127.0.0.1:9", "t", std::chrono::milliseconds{100});
    EXPECT_THROW(away.submit({.commands = "true"}), ServerAway);
    EXPECT_THROW(away.job("7").follow([](bool, std::string_view) {}), ServerAway);
}

}  // namespace
}  // namespace windlass::client
