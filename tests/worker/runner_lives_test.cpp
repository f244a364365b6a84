// Attempts that a runner takes over from one that died.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/worker/runner_fixture.h"

namespace windlass::worker {
namespace {

using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::job;
using testing::only;

class RunnerLivesTest : public testing::RunnerFixture {
  protected:
    RunnerLivesTest() : RunnerFixture({at(0), {}}) { sandbox_.outlive(); }
    void run(int number, std::int64_t output_bytes = mebibyte, Milliseconds timeout = Seconds{3600}) {
        protocol::Lease lease;
        lease.attempt = job(number);
        lease.spec.running_commands = "run";
        lease.spec.limits.output_bytes = output_bytes;
        lease.spec.timeout = timeout;
        ASSERT_TRUE(runner().lease(lease, "", at(0)));
        start(static_cast<BoxId>(number));
    }
    void start(BoxId box) {
        sandbox_.say_started(box, at(0));
        runner().on_sandbox_readable(at(0));
    }
    void end(BoxId box) {
        sandbox_.say_ended(box);
        runner().on_sandbox_readable(at(10));
    }
    // kill -9, and the next process. Boxes that run say so again.
    void die(const std::vector<BoxId>& running) {
        runner_.reset();
        connection_.sent.clear();
        sandbox_.bequeath();
        for (const BoxId box : running) sandbox_.say_started(box, at(0));
        EXPECT_LE(runner().next().value_or(at(1'000'000)), at(1)) << "there is something to hear at once";
        runner().on_time(at(5));
    }
    std::string all_output(const FinishedAttempt& finished) const {
        std::string text;
        for (const auto& part : finished.parts) text += part.body;
        return text;
    }
};

TEST_F(RunnerLivesTest, what_ran_goes_on_and_is_reported_once) {
    run(1);
    sandbox_.print(1, "before ");
    runner().on_pipes_readable(at(1));
    die({1});
    EXPECT_THAT(in_hand(), ElementsAre(job(1)));
    connect();
    EXPECT_EQ(only<protocol::AttemptStarted>(connection_.sent).size(), 1U);
    sandbox_.print(1, "after");
    end(1);
    ASSERT_EQ(finished_.size(), 1U);
    EXPECT_EQ(all_output(finished_[0]), "before after");
    EXPECT_THAT(in_hand(), IsEmpty());
    EXPECT_THAT(sandbox_.forgotten(), ElementsAre(1U));
}

TEST_F(RunnerLivesTest, chunks_that_were_sent_are_the_same_for_ever) {
    run(1);
    connect();
    for (const char* text : {"one ", "two ", "three "}) {
        sandbox_.print(1, text);
        runner().on_pipes_readable(at(1000));
        runner().on_time(at(100'000));
    }
    const auto sent = only<protocol::AttemptOutput>(connection_.sent);
    ASSERT_FALSE(sent.empty());
    die({1});
    connect();
    const auto again = only<protocol::AttemptOutput>(connection_.sent);
    ASSERT_GE(again.size(), sent.size());
    for (std::size_t i = 0; i < sent.size(); i++) EXPECT_EQ(again[i].offset, sent[i].offset);
}

TEST_F(RunnerLivesTest, output_beyond_its_limit_stays_marked_as_cut) {
    run(1, 4);
    sandbox_.print(1, "12345678");
    runner().on_pipes_readable(at(1));
    die({1});
    end(1);
    EXPECT_TRUE(result().result.stdout_truncated);
    EXPECT_EQ(all_output(finished_.at(0)), "1234");
}

TEST_F(RunnerLivesTest, its_time_counts_through) {
    run(1, mebibyte, Seconds{1});
    die({1});
    runner().on_time(at(999));
    EXPECT_THAT(sandbox_.box(1).stops, IsEmpty());
    runner().on_time(at(1000));
    ASSERT_EQ(sandbox_.box(1).stops.size(), 1U);
    die({1});
    end(1);
    EXPECT_EQ(result().result.outcome.kind, OutcomeKind::out_of_time) << "why it was stopped is known to the next one";
    EXPECT_THAT(result().result.outcome.detail, HasSubstr("timeout"));
}

TEST_F(RunnerLivesTest, an_attempt_whose_result_was_kept_is_not_reported_again) {
    run(1);
    die({1});
    runner().result_is_safe(job(1));
    EXPECT_THAT(in_hand(), IsEmpty());
    ASSERT_EQ(sandbox_.box(1).stops.size(), 1U);
    end(1);
    EXPECT_THAT(finished_, IsEmpty());
    EXPECT_THAT(sandbox_.forgotten(), ElementsAre(1U));
}

TEST_F(RunnerLivesTest, a_box_that_nobody_knows_is_ended) {
    run(1);
    sandbox_.lose_record(1);
    die({});
    EXPECT_THAT(in_hand(), IsEmpty());
    ASSERT_EQ(sandbox_.box(1).stops.size(), 1U);
    EXPECT_EQ(sandbox_.box(1).stops[0], Milliseconds{0});
    end(1);
    EXPECT_THAT(finished_, IsEmpty());
    EXPECT_THAT(sandbox_.forgotten(), ElementsAre(1U));
}

TEST_F(RunnerLivesTest, what_ended_is_let_go_of_and_not_taken_over) {
    run(1);
    end(1);
    ASSERT_EQ(finished_.size(), 1U);
    runner_.reset();
    sandbox_.bequeath();
    EXPECT_THAT(in_hand(), IsEmpty());
}

}  // namespace
}  // namespace windlass::worker
