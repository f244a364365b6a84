#include "worker/bounded_command.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

BoundedCommand shell(const std::string& commands) {
    BoundedCommand command;
    command.argv = {"/bin/sh", "-c", commands};
    command.environment = {"GIVEN=yes"};
    command.deadline = Seconds{60};
    return command;
}

TEST(BoundedCommand, gives_what_was_said_on_both_streams_and_the_exit_code) {
    const auto said = run_bounded(shell("echo out; echo err >&2; exit 7"));
    ASSERT_TRUE(said) << said.error().message;
    EXPECT_EQ(said->out, "out\n");
    EXPECT_EQ(said->err, "err\n");
    EXPECT_EQ(said->status, 7);
    EXPECT_EQ(run_bounded(shell("kill -9 $$"))->status, 128 + 9);
}

TEST(BoundedCommand, has_the_given_environment_and_nothing_to_read) {
    EXPECT_EQ(run_bounded(shell("echo \"$GIVEN${HOME-none}\"; cat"))->out, "yesnone\n");
}

TEST(BoundedCommand, that_does_not_end_is_killed_with_its_children) {
    BoundedCommand command = shell("sleep 1000 & sleep 1000");
    command.deadline = Milliseconds{50};
    const auto said = run_bounded(command);
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().message, "it gave no answer in time");
}

TEST(BoundedCommand, that_closed_its_output_and_does_not_end_is_killed) {
    BoundedCommand command = shell("exec >&- 2>&-; sleep 1000");
    command.deadline = Milliseconds{50};
    EXPECT_FALSE(run_bounded(command));
}

TEST(BoundedCommand, that_says_too_much_is_killed) {
    BoundedCommand command = shell("while :; do echo y; done");
    command.most_bytes = 10'000;
    const auto said = run_bounded(command);
    ASSERT_FALSE(said);
    EXPECT_EQ(said.error().message, "it says too much");
}

TEST(BoundedCommand, that_is_not_there_is_an_error) {
    BoundedCommand command;
    command.argv = {"/no/such/program"};
    EXPECT_FALSE(run_bounded(command));
}

}  // namespace
}  // namespace windlass::worker
