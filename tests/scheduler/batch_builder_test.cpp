#include "scheduler/batch_builder.h"

#include <gtest/gtest.h>

namespace windlass::scheduler {
namespace {

const Now noon{{}, from_unix_us(1'700'000'000'000'000)};

StateRow row(JobState state, AttemptNumber attempt, std::int32_t seq) {
    StateRow r;
    r.state = state;
    r.attempt = attempt;
    r.event_seq = seq;
    return r;
}

std::vector<SharedPayload> two_payloads_with_the_same_code() {
    const ContentPtr code = make_content("print(1)");
    SharedPayload first{{}, code, make_content("")};
    SharedPayload second{{}, make_content("print(1)"), make_content("data")};
    return {first, second};
}

TEST(BatchBuilder, a_job_born_and_leased_in_one_turn_is_inserted_as_leased) {
    BatchBuilder builder;
    const auto payloads = two_payloads_with_the_same_code();
    Attachment attachment;
    attachment.owner = UserId{7};
    attachment.payloads = &payloads;
    builder.add({InsertJob{JobId{1}, RequestId{1}, 0, row(JobState::queued, 0, 1)},
                 ChangeState{JobId{1}, JobState::queued, 0, row(JobState::starting, 1, 2)},
                 SendLease{WorkerId{3}, {JobId{1}, 1}}},
                std::move(attachment), noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.jobs.size(), 1u);
    EXPECT_EQ(turn.batch.jobs[0].row.state, JobState::starting);
    EXPECT_EQ(turn.batch.jobs[0].owner, UserId{7});
    EXPECT_EQ(turn.batch.jobs[0].submitted, noon.wall);
    EXPECT_TRUE(turn.batch.changes.empty());
    ASSERT_EQ(turn.outgoing.size(), 1u);
    EXPECT_TRUE(builder.empty());
}

TEST(BatchBuilder, several_changes_of_one_job_keep_the_first_fence_and_the_last_row) {
    BatchBuilder builder;
    builder.add({ChangeState{JobId{1}, JobState::running, 1, row(JobState::queued, 1, 4)},
                 ChangeState{JobId{1}, JobState::queued, 1, row(JobState::starting, 2, 5)}},
                {}, noon);
    builder.add({ChangeState{JobId{1}, JobState::starting, 2, row(JobState::running, 2, 6)}}, {}, noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.changes.size(), 1u);
    EXPECT_EQ(turn.batch.changes[0].from_state, JobState::running);
    EXPECT_EQ(turn.batch.changes[0].from_attempt, 1);
    EXPECT_EQ(turn.batch.changes[0].row, row(JobState::running, 2, 6));
}

TEST(BatchBuilder, the_next_turn_starts_with_a_fence_of_its_own) {
    BatchBuilder builder;
    builder.add({ChangeState{JobId{1}, JobState::queued, 0, row(JobState::starting, 1, 2)}}, {}, noon);
    builder.take();
    builder.add({ChangeState{JobId{1}, JobState::starting, 1, row(JobState::running, 1, 3)}}, {}, noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.changes.size(), 1u);
    EXPECT_EQ(turn.batch.changes[0].from_state, JobState::starting);
}

TEST(BatchBuilder, output_that_comes_faster_than_it_is_written_waits_in_several_turns_that_keep_their_order) {
    BatchBuilder builder;
    const auto chunk = [](std::int64_t number) {
        return OutputChunk{{JobId{1}, 1}, OutputStream::standard_output, number << 16, std::string(1 << 16, 'x')};
    };
    const auto chunks_in_a_turn = static_cast<std::int64_t>(BatchBuilder::most_output_bytes >> 16);
    for (std::int64_t i = 0; i < 2 * chunks_in_a_turn + 1; ++i) builder.add_output(chunk(i));
    builder.add({ChangeState{JobId{1}, JobState::running, 1, row(JobState::succeeded, 1, 4)}}, {}, noon);
    for (std::int64_t turn = 0; turn < 2; ++turn) {
        const auto batch = builder.take().batch;
        ASSERT_EQ(static_cast<std::int64_t>(batch.output.size()), chunks_in_a_turn);
        EXPECT_EQ(batch.output[0].offset, (turn * chunks_in_a_turn) << 16);
        EXPECT_TRUE(batch.changes.empty()) << "the end comes after all that was printed before it";
        EXPECT_FALSE(builder.empty());
    }
    const auto last = builder.take().batch;
    EXPECT_EQ(last.output.size(), 1u);
    EXPECT_EQ(last.changes.size(), 1u);
    EXPECT_TRUE(builder.empty());
}

TEST(BatchBuilder, equal_bytes_are_kept_once) {
    BatchBuilder builder;
    const auto payloads = two_payloads_with_the_same_code();
    Attachment attachment;
    attachment.payloads = &payloads;
    builder.add({InsertJob{JobId{1}, RequestId{1}, 0, {}}, InsertJob{JobId{2}, RequestId{1}, 1, {}}},
                std::move(attachment), noon);
    const auto turn = builder.take();
    EXPECT_EQ(turn.batch.blobs.size(), 2u);  // the code, and the data of the second
    EXPECT_EQ(turn.batch.jobs[0].code_sha256, turn.batch.jobs[1].code_sha256);
    EXPECT_EQ(turn.batch.jobs[0].data_sha256, "");
}

TEST(BatchBuilder, output_and_files_are_kept_only_with_an_accepted_result) {
    AttemptResult result;
    result.outcome.exit_code = 4;
    const auto attached = [&] {
        Attachment attachment;
        attachment.result = &result;
        attachment.output.push_back({{JobId{1}, 1}, OutputStream::standard_output, 0, "hello"});
        attachment.files.push_back({sha256_hex("x"), "x"});
        return attachment;
    };
    BatchBuilder builder;
    builder.add({AcknowledgeFinish{WorkerId{1}, {JobId{1}, 1}, false}}, attached(), noon);
    EXPECT_TRUE(builder.take().batch.empty());
    builder.add({AcceptResult{{JobId{1}, 1}, WorkerId{1}}}, attached(), noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.results.size(), 1u);
    EXPECT_EQ(turn.batch.results[0].result.outcome.exit_code, 4);
    EXPECT_EQ(turn.batch.output.size(), 1u);
    EXPECT_EQ(turn.batch.blobs.size(), 1u);
}

TEST(BatchBuilder, a_lost_attempt_leaves_a_result_that_says_so) {
    BatchBuilder builder;
    builder.add({RecordLoss{{JobId{1}, 2}, WorkerId{1}, "its lease ran out"}}, {}, noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.results.size(), 1u);
    EXPECT_EQ(turn.batch.results[0].result.outcome.kind, OutcomeKind::worker_lost);
    EXPECT_EQ(turn.batch.results[0].result.outcome.detail, "its lease ran out");
}

}  // namespace
}  // namespace windlass::scheduler
