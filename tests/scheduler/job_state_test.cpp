// The table of allowed moves against the drawing at the top of shared/job_state.h, copied here as a list.
#include "shared/job_state.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <tuple>

namespace windlass {
namespace {

using S = JobState;
using M = JobMove;
using Triple = std::tuple<S, M, S>;

const std::set<Triple> drawing = {
    {S::blocked, M::release, S::queued},
    {S::queued, M::lease, S::starting},
    {S::starting, M::start, S::running},
    // The end of an attempt. Its start may have gone unheard.
    {S::starting, M::finish, S::succeeded},
    {S::starting, M::finish, S::failed},
    {S::starting, M::finish, S::timed_out},
    {S::running, M::finish, S::succeeded},
    {S::running, M::finish, S::failed},
    {S::running, M::finish, S::timed_out},
    // Back into the queue.
    {S::starting, M::retry, S::queued},
    {S::running, M::retry, S::queued},
    {S::starting, M::requeue, S::queued},
    {S::running, M::requeue, S::queued},
    // Cancel, from any state that is not final; where a worker has it, first asked for.
    {S::starting, M::request_cancel, S::starting},
    {S::running, M::request_cancel, S::running},
    {S::queued, M::request_cancel, S::queued},  // an array whose members run
    {S::blocked, M::cancel, S::cancelled},
    {S::queued, M::cancel, S::cancelled},
    {S::starting, M::cancel, S::cancelled},
    {S::running, M::cancel, S::cancelled},
    // The crash limit.
    {S::starting, M::give_up, S::lost},
    {S::running, M::give_up, S::lost},
    // The deadline of what waits.
    {S::blocked, M::expire, S::timed_out},
    {S::queued, M::expire, S::timed_out},
    // The last member of an array ended.
    {S::queued, M::settle, S::succeeded},
    {S::queued, M::settle, S::failed},
    {S::queued, M::settle, S::cancelled},
    // Its service answered.
    {S::running, M::ready, S::running},
};

TEST(JobState, allows_exactly_the_moves_of_the_drawing) {
    for (const S from : all_job_states)
        for (const M move : all_job_moves)
            for (const S to : all_job_states)
                EXPECT_EQ(allowed(from, move, to), drawing.contains({from, move, to}))
                    << name(from) << " --" << name(move) << "--> " << name(to);
}

TEST(JobState, nothing_leaves_a_final_state) {
    for (const auto& [from, move, to] : drawing) EXPECT_FALSE(is_final(from)) << name(from) << " " << name(move);
}

TEST(JobState, every_state_can_be_reached_and_every_job_can_end) {
    std::set<S> reached;
    for (const S state : all_job_states)
        if (allowed_at_birth(state)) reached.insert(state);
    EXPECT_EQ(reached, (std::set{S::blocked, S::queued}));
    for (std::size_t before = 0; before != reached.size();) {
        before = reached.size();
        for (const auto& [from, move, to] : drawing)
            if (reached.contains(from)) reached.insert(to);
    }
    EXPECT_EQ(reached.size(), all_job_states.size());
    for (const S state : all_job_states) {
        if (!is_final(state)) {
            EXPECT_TRUE(allowed(state, M::cancel, S::cancelled)) << name(state);
        }
    }
}

TEST(JobState, names_are_distinct_and_read_back) {
    std::set<std::string_view> names;
    for (const S state : all_job_states) {
        names.insert(name(state));
        EXPECT_EQ(job_state_named(name(state)), state);
    }
    EXPECT_EQ(names.size(), all_job_states.size());
    EXPECT_EQ(job_state_named("unknown"), std::nullopt);
    EXPECT_EQ(job_state_named(""), std::nullopt);
    std::set<std::string_view> moves;
    for (const M move : all_job_moves) moves.insert(name(move));
    EXPECT_EQ(moves.size(), all_job_moves.size());
}

}  // namespace
}  // namespace windlass
