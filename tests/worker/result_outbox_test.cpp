#include "worker/result_outbox.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_directory.h"
#include "tests/worker/fake_connection.h"

namespace windlass::worker {
namespace {

using testing::FakeConnection;
using testing::only;

SteadyTime at(int ms) {
    return SteadyTime{Milliseconds{ms}};
}

class Outbox : public ::testing::Test {
  protected:
    ResultOutbox make() {
        return {ResultSpool::open(scratch_.path()).value(), [this](auto work, auto done) {
                    work();
                    done_.push_back(done);
                }};
    }
    static FinishedAttempt finished(int job, std::size_t file_bytes = 0) {
        OutputCollector out(100), err(100);
        out.add("hello");
        return make_finished({JobId{job}, 1}, {}, out, err, std::string(file_bytes, 'f'));
    }
    bool on_disk(int job) const {
        return std::filesystem::exists(scratch_ / ("results/" + std::to_string(job) + ".1"));
    }
    void finish_background() {
        for (auto& done : std::exchange(done_, {})) done();
    }

    test::TemporaryDirectory scratch_;
    std::vector<std::function<void()>> done_;
    FakeConnection connection_;
};

TEST_F(Outbox, a_small_result_that_is_acknowledged_soon_never_touches_the_disk) {
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(finished(1), at(0));
    EXPECT_EQ(only<protocol::AttemptFinished>(connection_.sent).size(), 1u);
    EXPECT_FALSE(on_disk(1));
    EXPECT_EQ(outbox.next(), at(1000));
    outbox.drop({JobId{1}, 1});
    EXPECT_TRUE(outbox.empty());
    EXPECT_FALSE(outbox.next().has_value());
}

TEST_F(Outbox, what_is_not_acknowledged_within_a_second_goes_to_disk_and_leaves_it_when_acknowledged) {
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(finished(1), at(0));
    outbox.on_time(at(999));
    EXPECT_FALSE(on_disk(1));
    outbox.on_time(at(1000));
    EXPECT_TRUE(on_disk(1));
    outbox.drop({JobId{1}, 1});
    EXPECT_FALSE(on_disk(1));
}

TEST_F(Outbox, without_a_connection_it_goes_to_disk_at_once_and_is_offered_on_the_next_one) {
    auto outbox = make();
    outbox.add(finished(1), at(0));
    EXPECT_TRUE(on_disk(1));
    EXPECT_FALSE(outbox.empty());
    outbox.connected(connection_, at(5));
    ASSERT_EQ(only<protocol::AttemptFinished>(connection_.sent).size(), 1u);
    EXPECT_EQ(connection_.sent.back().body, "hello");
}

TEST_F(Outbox, everything_not_acknowledged_is_offered_again_on_each_connection) {
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(finished(1), at(0));
    outbox.add(finished(2), at(0));
    outbox.drop({JobId{1}, 1});
    outbox.disconnected();
    FakeConnection second;
    outbox.connected(second, at(10));
    ASSERT_EQ(second.sent.size(), 1u);
    EXPECT_EQ(only<protocol::AttemptFinished>(second.sent)[0].attempt.job, JobId{2});
}

TEST_F(Outbox, chunks_that_left_while_it_ran_are_repeated_only_on_another_connection) {
    OutputCollector out(100), err(100);
    out.add("live");
    out.cut();
    out.next_unsent();
    out.add("tail");
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(make_finished({JobId{1}, 1}, {}, out, err, ""), at(0));
    EXPECT_EQ(only<protocol::AttemptOutput>(connection_.sent).size(), 0u);
    outbox.disconnected();
    FakeConnection second;
    outbox.connected(second, at(10));
    EXPECT_EQ(only<protocol::AttemptOutput>(second.sent).size(), 1u);
    EXPECT_EQ(testing::assembled(second.sent, {JobId{1}, 1}, OutputStream::standard_output), "livetail");
}

TEST_F(Outbox, a_large_result_is_written_in_the_background_and_freed) {
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(finished(1, 2 << 20), at(0));
    EXPECT_EQ(connection_.sent.size(), 1u);
    EXPECT_TRUE(on_disk(1));
    finish_background();
    outbox.disconnected();
    FakeConnection second;
    outbox.connected(second, at(10));
    ASSERT_EQ(second.sent.size(), 1u);
    EXPECT_EQ(second.sent[0].body.size(), (2u << 20) + 5);
}

TEST_F(Outbox, a_large_result_that_is_acknowledged_while_it_is_written_leaves_nothing) {
    auto outbox = make();
    outbox.connected(connection_, at(0));
    outbox.add(finished(1, 2 << 20), at(0));
    outbox.drop({JobId{1}, 1});
    EXPECT_TRUE(outbox.empty());
    std::vector<AttemptRef> held;
    outbox.append_held(held);
    EXPECT_TRUE(held.empty());
    finish_background();
    EXPECT_FALSE(on_disk(1));
}

TEST_F(Outbox, offers_pause_while_the_scheduler_does_not_read) {
    auto outbox = make();
    for (int job = 1; job <= 3; ++job) outbox.add(finished(job), at(0));
    connection_.unsent = ResultOutbox::max_unsent_bytes + 1;
    outbox.connected(connection_, at(0));
    EXPECT_TRUE(connection_.sent.empty());
    ASSERT_EQ(outbox.next(), at(20));
    connection_.unsent = 0;
    outbox.on_time(at(20));
    EXPECT_EQ(connection_.sent.size(), 3u);
    EXPECT_FALSE(outbox.next().has_value());
}

TEST_F(Outbox, a_large_result_goes_piece_by_piece_as_the_scheduler_reads_it) {
    OutputCollector out(40 << 20), err(100);
    out.add(std::string(40 << 20, 'x'));
    auto outbox = make();
    connection_.peer_reads = false;
    outbox.connected(connection_, at(0));
    outbox.add(make_finished({JobId{1}, 1}, {}, out, err, ""), at(0));
    EXPECT_LT(connection_.unsent, ResultOutbox::max_unsent_bytes + (1 << 20));
    EXPECT_TRUE(only<protocol::AttemptFinished>(connection_.sent).empty());
    for (int ms = 20; outbox.next() && ms < 1000; ms += 20) {
        connection_.unsent = 0;
        outbox.on_time(at(ms));
    }
    EXPECT_EQ(only<protocol::AttemptFinished>(connection_.sent).size(), 1u);
    EXPECT_EQ(testing::assembled(connection_.sent, {JobId{1}, 1}, OutputStream::standard_output).size(), 40u << 20);
}

TEST_F(Outbox, the_next_life_offers_what_this_one_could_not_hand_over) {
    {
        auto outbox = make();
        outbox.connected(connection_, at(0));
        outbox.add(finished(1), at(0));
        outbox.save_all();
    }
    auto outbox = make();
    std::vector<AttemptRef> held;
    outbox.append_held(held);
    EXPECT_EQ(held, (std::vector<AttemptRef>{{JobId{1}, 1}}));
    EXPECT_TRUE(outbox.holds({JobId{1}, 1}));
    FakeConnection second;
    outbox.connected(second, at(0));
    EXPECT_EQ(second.sent.size(), 1u);
}

TEST_F(Outbox, a_damaged_file_is_dropped_and_the_others_are_offered) {
    scratch_.make_directory("results");
    scratch_.write("results/1.1", "rubbish");
    make().add(finished(2), at(0));
    auto outbox = make();
    outbox.connected(connection_, at(0));
    EXPECT_EQ(connection_.sent.size(), 1u);
    EXPECT_FALSE(on_disk(1));
    EXPECT_FALSE(outbox.holds({JobId{1}, 1}));
}

TEST_F(Outbox, a_disk_that_refuses_costs_nothing_but_the_copy) {
    auto outbox = make();
    std::filesystem::remove(scratch_ / "results");
    outbox.add(finished(1), at(0));
    EXPECT_FALSE(on_disk(1));
    outbox.connected(connection_, at(5));
    EXPECT_EQ(connection_.sent.size(), 1u);
}

}  // namespace
}  // namespace windlass::worker
