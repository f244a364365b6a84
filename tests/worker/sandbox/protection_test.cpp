#include "worker/sandbox/protection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Machine machine_without(std::vector<Protection> missing) {
    Machine machine;
    for (int i = 0; i < 7; i++) {
        const auto protection = static_cast<Protection>(i);
        const bool present = std::find(missing.begin(), missing.end(), protection) == missing.end();
        machine.findings.push_back({protection, present, present ? "here" : "off", present ? "" : "sysctl -w x=1"});
    }
    return machine;
}

TEST(Protections, have_names_that_can_be_read_back) {
    for (int i = 0; i < 7; i++) {
        const auto protection = static_cast<Protection>(i);
        const auto read = protection_named(name(protection));
        ASSERT_TRUE(read.ok()) << name(protection);
        EXPECT_EQ(*read, protection);
    }
    EXPECT_EQ(name(Protection::memory_limit), "memory-limit");
}

TEST(Protections, unknown_name_is_answered_with_the_known_ones) {
    const auto read = protection_named("memory");
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.error().message, HasSubstr("memory-limit, process-limit"));
}

TEST(Protections, complete_machine_passes) {
    EXPECT_TRUE(check_protections(machine_without({}), {}).ok());
}

TEST(Protections, each_missing_one_is_named_with_its_cure) {
    const Status status = check_protections(machine_without({Protection::memory_limit, Protection::landlock}), {});
    ASSERT_FALSE(status.ok());
    Status copy = status;
    EXPECT_EQ(copy.error().kind, ErrorKind::denied);
    EXPECT_THAT(copy.error().message, HasSubstr("memory-limit is missing: off (to get it: sysctl -w x=1)"));
    EXPECT_THAT(copy.error().message, HasSubstr("landlock is missing"));
    EXPECT_THAT(copy.error().message, Not(HasSubstr("cpu-limit")));
}

TEST(Protections, allowed_weakness_passes) {
    EXPECT_TRUE(check_protections(machine_without({Protection::cpu_limit}), {Protection::cpu_limit}).ok());
    EXPECT_FALSE(check_protections(machine_without({Protection::cpu_limit}), {Protection::landlock}).ok());
}

TEST(Protections, without_user_namespaces_no_rootless_box_can_be_built_whatever_is_allowed) {
    EXPECT_FALSE(check_protections(machine_without({Protection::user_namespace}), {Protection::user_namespace}).ok());
}

}  // namespace
}  // namespace windlass::worker
