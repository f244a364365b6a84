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

std::vector<SubmittedItem> two_items_with_the_same_code() {
    const ContentPtr code = make_content("print(1)");
    std::vector<SubmittedItem> items(2);
    items[0].payload = {{}, code, make_content(""), 0, false};
    items[1].payload = {{}, make_content("print(1)"), make_content("data"), 0, false};
    return items;
}

TEST(BatchBuilder, a_job_born_and_leased_in_one_turn_is_inserted_as_leased) {
    BatchBuilder builder;
    const auto items = two_items_with_the_same_code();
    Attachment attachment;
    attachment.owner = UserId{7};
    attachment.items = &items;
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

TEST(BatchBuilder, a_turn_begins_with_its_first_effect_however_often_nothing_was_decided_before) {
    BatchBuilder builder;
    builder.add({}, {}, noon);
    EXPECT_TRUE(builder.empty());
    const Now later{noon.steady + Seconds{36}, noon.wall + Seconds{36}};
    builder.add({SendLease{WorkerId{3}, {JobId{1}, 1}}}, {}, later);
    builder.add({SendLease{WorkerId{3}, {JobId{2}, 1}}}, {}, {later.steady + Seconds{1}, later.wall});
    EXPECT_EQ(builder.take().begun, later.steady);
}

TEST(BatchBuilder, equal_bytes_are_kept_once) {
    BatchBuilder builder;
    const auto items = two_items_with_the_same_code();
    Attachment attachment;
    attachment.items = &items;
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

TEST(BatchBuilder, a_member_of_an_array_born_and_leased_in_one_turn_is_one_row) {
    BatchBuilder builder;
    StateRow leased = row(JobState::starting, 1, 2);
    leased.array = JobId{1};
    builder.add(
        {InsertMember{JobId{2}, row(JobState::queued, 0, 1)}, ChangeState{JobId{2}, JobState::queued, 0, leased},
         ChangeArray{JobId{1}, {.count = 5, .next_member = 1}}, ChangeArray{JobId{1}, {.count = 5, .next_member = 2}}},
        {}, noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.members.size(), 1u);
    EXPECT_EQ(turn.batch.members[0].row, leased);
    EXPECT_TRUE(turn.batch.changes.empty());
    ASSERT_EQ(turn.batch.arrays.size(), 1u);
    EXPECT_EQ(turn.batch.arrays[0].row.next_member, 2);
}

TEST(BatchBuilder, what_a_job_of_a_submit_waits_for_gets_its_id) {
    BatchBuilder builder;
    auto items = two_items_with_the_same_code();
    items[0].after = {{JobId{}, 1, DependencyCondition::any, std::nullopt}, {JobId{7}, 0, {}, JobState::succeeded}};
    Attachment attachment;
    attachment.items = &items;
    builder.add({InsertJob{JobId{10}, RequestId{1}, 0, row(JobState::blocked, 0, 1)},
                 InsertJob{JobId{11}, RequestId{1}, 1, row(JobState::queued, 0, 1)}},
                std::move(attachment), noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.jobs.size(), 2u);
    ASSERT_EQ(turn.batch.jobs[0].after.size(), 2u);
    EXPECT_EQ(turn.batch.jobs[0].after[0].job, JobId{11});
    EXPECT_EQ(turn.batch.jobs[0].after[1].job, JobId{7});
}

TEST(BatchBuilder, a_key_is_kept_with_the_ids_only_when_jobs_came_into_being) {
    BatchBuilder builder;
    const auto key = [] {
        Attachment attachment;
        attachment.key = KeyRecord{UserId{1}, "r", "k", "00", noon.wall, {}};
        return attachment;
    };
    builder.add({RefuseSubmit{RequestId{1}, RefuseSubmit::Why::queued_quota, "", {}}}, key(), noon);
    builder.add({AnswerSubmit{RequestId{2}, {JobId{5}, JobId{6}}}}, key(), noon);
    const auto turn = builder.take();
    ASSERT_EQ(turn.batch.keys.size(), 1u);
    EXPECT_EQ(turn.batch.keys[0].jobs, (std::vector<JobId>{JobId{5}, JobId{6}}));
}

TEST(BatchBuilder, use_of_a_day_is_added_up_and_batches_are_numbered) {
    BatchBuilder builder;
    builder.add({AddUsage{UserId{1}, 5, Microseconds{3}}, AddUsage{UserId{2}, 5, Microseconds{1}},
                 AddUsage{UserId{1}, 5, Microseconds{4}}, AddUsage{UserId{1}, 6, Microseconds{9}}},
                {}, noon);
    const auto first = builder.take();
    ASSERT_EQ(first.batch.usage.size(), 3u);
    EXPECT_EQ(first.batch.usage[0].cpu, Microseconds{7});
    const auto second = builder.take();
    EXPECT_GT(second.batch.number, first.batch.number);
    EXPECT_GT(first.batch.number, 0);
}

}  // namespace
}  // namespace windlass::scheduler
