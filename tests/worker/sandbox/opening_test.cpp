// Opening a sandbox: what is missing, wrong, or already in use.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;

TEST(Opening, examine_finds_one_thing_per_protection_in_order) {
    const TemporaryDirectory directory;
    const std::vector<Finding> findings = Sandbox::examine(test_settings(directory.path()));
    ASSERT_EQ(findings.size(), 7U);
    for (std::size_t i = 0; i < findings.size(); i++) {
        EXPECT_EQ(static_cast<std::size_t>(findings[i].protection), i);
        EXPECT_FALSE(findings[i].how.empty()) << name(findings[i].protection);
        EXPECT_EQ(findings[i].fix.empty(), findings[i].present) << name(findings[i].protection);
    }
}

TEST(Opening, missing_protection_is_refused_by_name_unless_allowed) {
    if (!rootless()) GTEST_SKIP() << "root has all of them here";
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path());
    settings.allow_weaker.clear();
    const auto opened = Sandbox::open(settings);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, ErrorKind::denied);
    EXPECT_THAT(opened.error().message, HasSubstr("uid-per-job is missing: "));
    EXPECT_THAT(opened.error().message, HasSubstr("run the worker as root"));
    EXPECT_THAT(opened.error().message, HasSubstr("allow_weaker"));
}

TEST(Opening, second_worker_with_the_same_state_directory_is_refused) {
    const TemporaryDirectory directory;
    const SandboxSettings settings = test_settings(directory.path());
    const auto first = Sandbox::open(settings);
    ASSERT_TRUE(first.ok()) << first.error().message;
    const auto second = Sandbox::open(settings);
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

TEST(Opening, twice_in_a_row_works) {
    const TemporaryDirectory directory;
    const SandboxSettings settings = test_settings(directory.path());
    for (int i = 0; i < 2; i++) {
        const auto opened = Sandbox::open(settings);
        EXPECT_TRUE(opened.ok()) << opened.error().message;
    }
}

TEST(Opening, strict_file_mask_of_the_worker_does_not_lock_the_job_out) {
    const mode_t before = umask(0077);
    {
        TestBox box;
        EXPECT_EQ(box.run(script("cat /etc/hosts > /dev/null && ls / > /dev/null && echo readable")).out, "readable\n");
    }
    umask(before);
}

TEST(Opening, spawner_that_cannot_be_started_is_named) {
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path());
    settings.spawner_path = "/no/such/spawner";
    const auto opened = Sandbox::open(settings);
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error().message, HasSubstr("/no/such/spawner: No such file or directory"));
}

TEST(Opening, failing_step_of_the_set_up_is_put_into_words) {
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path());
    settings.state_directory = "/proc/self/no-such";
    const auto opened = Sandbox::open(settings);
    ASSERT_FALSE(opened.ok());
    EXPECT_THAT(opened.error().message, HasSubstr("/proc/self/no-such"));
}

TEST(Opening, unusable_settings_are_refused) {
    const TemporaryDirectory directory;
    const auto refused = [&](auto change) {
        SandboxSettings settings = test_settings(directory.path());
        change(settings);
        const auto opened = Sandbox::open(settings);
        return !opened.ok() && opened.error().kind == ErrorKind::invalid;
    };
    EXPECT_TRUE(refused([](SandboxSettings& s) { s.slots = 0; }));
    EXPECT_TRUE(refused([](SandboxSettings& s) { s.slots = 100'000; }));
    EXPECT_TRUE(refused([](SandboxSettings& s) { s.cgroup = "../elsewhere"; }));
    EXPECT_TRUE(refused([](SandboxSettings& s) { s.first_uid = 0; }));
}

}  // namespace
}  // namespace windlass::worker::testing
