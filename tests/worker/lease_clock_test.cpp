#include "worker/lease_clock.h"

#include <gtest/gtest.h>

namespace windlass::worker {
namespace {

SteadyTime at(int seconds) {
    return SteadyTime{Seconds{seconds}};
}

LeaseClock welcomed_at_zero() {
    LeaseClock clock;
    clock.welcomed(at(0), Seconds{5}, Seconds{10});
    return clock;
}

TEST(LeaseClock, before_the_first_welcome_nothing_is_due) {
    const LeaseClock clock;
    EXPECT_FALSE(clock.renewal_due(at(1000)));
    EXPECT_FALSE(clock.expired(at(1000)));
    EXPECT_FALSE(clock.next().has_value());
}

TEST(LeaseClock, a_renewal_is_due_every_renew_every) {
    auto clock = welcomed_at_zero();
    EXPECT_FALSE(clock.renewal_due(at(4)));
    EXPECT_EQ(clock.next(), at(5));
    EXPECT_TRUE(clock.renewal_due(at(5)));
    clock.renewal_sent(at(6));
    EXPECT_FALSE(clock.renewal_due(at(10)));
    EXPECT_TRUE(clock.renewal_due(at(11)));
}

TEST(LeaseClock, expires_when_nothing_is_answered) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    EXPECT_FALSE(clock.expired(at(9)));
    EXPECT_TRUE(clock.expired(at(10)));
}

TEST(LeaseClock, an_answer_counts_from_the_sending_of_its_question_not_from_its_arrival) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    clock.renewal_answered();  // at 9, say
    EXPECT_FALSE(clock.expired(at(14)));
    EXPECT_TRUE(clock.expired(at(15)));
}

TEST(LeaseClock, answers_belong_to_questions_in_order) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    clock.renewal_sent(at(9));
    clock.renewal_answered();
    EXPECT_TRUE(clock.expired(at(15))) << "the answer was to the question of second 5";
    clock.renewal_answered();
    EXPECT_FALSE(clock.expired(at(15)));
}

TEST(LeaseClock, an_answer_to_no_question_confirms_nothing) {
    auto clock = welcomed_at_zero();
    clock.renewal_answered();
    EXPECT_TRUE(clock.expired(at(10)));
}

TEST(LeaseClock, goes_on_while_the_connection_is_down) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    clock.disconnected();
    EXPECT_FALSE(clock.renewal_due(at(9))) << "nobody to ask";
    EXPECT_EQ(clock.next(), at(10));
    EXPECT_TRUE(clock.expired(at(10)));
}

TEST(LeaseClock, questions_of_a_lost_connection_are_never_answered) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    clock.disconnected();
    clock.welcomed(at(7), Seconds{5}, Seconds{10});
    clock.renewal_answered();
    EXPECT_TRUE(clock.expired(at(17)));
    EXPECT_FALSE(clock.expired(at(16)));
}

TEST(LeaseClock, a_welcome_counts_from_the_sending_of_hello) {
    LeaseClock clock;
    clock.welcomed(at(100), Seconds{5}, Seconds{10});
    EXPECT_TRUE(clock.expired(at(110)));
}

TEST(LeaseClock, once_lost_nothing_is_due_until_the_next_welcome) {
    auto clock = welcomed_at_zero();
    ASSERT_TRUE(clock.expired(at(10)));
    clock.lost();
    EXPECT_FALSE(clock.expired(at(100)));
    EXPECT_FALSE(clock.next().has_value());
    clock.welcomed(at(100), Seconds{5}, Seconds{10});
    EXPECT_TRUE(clock.expired(at(110)));
}

TEST(LeaseClock, a_peer_that_says_zero_does_not_make_it_spin) {
    LeaseClock clock;
    clock.welcomed(at(0), Milliseconds{0}, Milliseconds{0});
    EXPECT_GT(*clock.next(), at(0));
}

TEST(LeaseClock, with_another_scheduler_to_go_to_asks_twice_as_often_and_does_not_wait_long_for_an_answer) {
    LeaseClock clock(true);
    clock.welcomed(at(0), Seconds{6}, Seconds{12});
    EXPECT_EQ(clock.next(), at(3));
    EXPECT_TRUE(clock.renewal_due(at(3)));
    clock.renewal_sent(at(3));
    EXPECT_FALSE(clock.unanswered(at(5)));
    EXPECT_EQ(clock.next(), at(6));
    EXPECT_TRUE(clock.unanswered(at(6)));
    clock.renewal_answered();
    EXPECT_FALSE(clock.unanswered(at(6)));
    clock.renewal_sent(at(6));
    clock.disconnected();
    EXPECT_FALSE(clock.unanswered(at(100)));
}

TEST(LeaseClock, with_one_scheduler_alone_never_gives_it_up_for_its_silence) {
    auto clock = welcomed_at_zero();
    clock.renewal_sent(at(5));
    EXPECT_FALSE(clock.unanswered(at(1000)));
}

}  // namespace
}  // namespace windlass::worker
