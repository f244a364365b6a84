// What a scheduler knows of its own leadership, with time and a database in the hands of the test.
#include "scheduler/leadership.h"

#include <gtest/gtest.h>

#include <atomic>

#include "scheduler/proofs.h"
#include "tests/support/loop.h"

namespace windlass::scheduler {
namespace {

using Said = std::vector<std::string>;

class HandClock final : public Clock {
  public:
    Now now() const override { return now_; }
    void advance(Microseconds by) {
        now_.steady += by;
        now_.wall += by;
    }

  private:
    Now now_{SteadyTime{Seconds{1000}}, WallTime{Seconds{1'800'000'000}}};
};

struct Answers {
    std::atomic<bool> away{false};
    std::atomic<bool> deposed{false};
    std::atomic<int> pings{0}, commits{0};

    Status now() const {
        if (away) return make_error(ErrorKind::unavailable, "the database is away");
        if (deposed) return make_error(ErrorKind::stale, "another scheduler has taken the lead");
        return Status();
    }
};

// Answers as it is told to, and forgets what it is given.
class AnsweringStore final : public Store {
  public:
    explicit AnsweringStore(Answers& answers) : answers_(answers) {}
    Status commit(const Batch&) override {
        ++answers_.commits;
        return answers_.now();
    }
    Status ping() override {
        ++answers_.pings;
        return answers_.now();
    }
    Result<std::int64_t> lead() override { return 1; }
    Result<StoredState> load() override { return StoredState(); }
    Result<std::vector<StoredPayload>> payloads(const std::vector<JobId>& jobs) override {
        return std::vector<StoredPayload>(jobs.size());
    }
    Result<std::string> blob(const std::string&) override { return std::string(); }
    Result<std::vector<std::optional<JobState>>> final_states(const std::vector<JobId>& jobs) override {
        return std::vector<std::optional<JobState>>(jobs.size());
    }
    Result<std::optional<KeyRecord>> submitted_with(UserId, const std::string&, const std::string&) override {
        return std::optional<KeyRecord>();
    }
    Result<std::vector<ScheduleRecord>> schedules() override { return std::vector<ScheduleRecord>(); }
    Result<std::int64_t> move_finished(std::int64_t) override { return 0; }
    Result<std::int64_t> forget_finished(WallTime, std::int64_t) override { return 0; }
    Result<std::int64_t> forget_expired(WallTime, std::int64_t) override { return 0; }

  private:
    Answers& answers_;
};

class LeadershipTest : public testing::Test {
  protected:
    LeadershipTest() {
        Turns::Hooks hooks;
        hooks.answer_renewal = [](const AnswerRenewal&) {};
        hooks.decided = [](const Effects&, const Attachment&) {};
        hooks.committed = [](const Batch&, SteadyTime) {};
        hooks.carry_out = [this](const Effects& effects, SteadyTime) { told_ += effects.size(); };
        hooks.is_urgent = [](const Effect&) { return true; };
        hooks.must_prove = [this] { return !leadership_->is_proved(); };
        hooks.idle = [] {};
        hooks.deposed = [this](const std::string& why) { deposed_ = why; };
        turns_->start(std::move(hooks), {});
    }
    ~LeadershipTest() override {
        proofs_.reset();
        leadership_.reset();
        turns_.reset();
        loop_.finish();
    }
    template <class Condition>
    bool until(Condition holds) {
        return loop_.run_until(holds);
    }
    // Asks the store and waits for its answer.
    void prove() {
        bool answered = false;
        leadership_->prove([&] { answered = true; });
        ASSERT_TRUE(until([&] { return answered || !deposed_.empty(); }));
    }
    void say(const std::string& what) {
        proofs_->before([this, what] { said_.push_back(what); });
    }

    static constexpr Seconds proof_lasts{4};
    static constexpr Milliseconds patience{20};
    test::TestLoop loop_;
    HandClock clock_;
    Answers answers_;
    std::unique_ptr<Turns> turns_ =
        std::make_unique<Turns>(loop_.get(), clock_, QueueSettings(), std::make_unique<AnsweringStore>(answers_));
    std::unique_ptr<Leadership> leadership_ =
        std::make_unique<Leadership>(loop_.get(), *turns_, proof_lasts, Milliseconds{0});
    std::unique_ptr<Proofs> proofs_ = std::make_unique<Proofs>(loop_.get(), *turns_, *leadership_, patience);
    std::size_t told_ = 0;
    Said said_;
    std::string deposed_;
};

TEST_F(LeadershipTest, a_proof_lasts_so_long_and_no_longer) {
    EXPECT_TRUE(leadership_->is_proved()) << "it has just taken the lead";
    clock_.advance(proof_lasts - Milliseconds{1});
    EXPECT_TRUE(leadership_->is_proved());
    clock_.advance(Milliseconds{1});
    EXPECT_FALSE(leadership_->is_proved());
    EXPECT_TRUE(leadership_->is_proved_within(Seconds{5}));
    prove();
    EXPECT_TRUE(leadership_->is_proved());
}

TEST_F(LeadershipTest, what_was_asked_before_a_freeze_proves_nothing_after_it) {
    bool answered = false;
    leadership_->prove([&] { answered = true; });
    clock_.advance(Seconds{60});  // it stood still while the answer was on its way
    ASSERT_TRUE(until([&] { return answered; }));
    EXPECT_FALSE(leadership_->is_proved());
    leadership_->proved(clock_.now().steady - Seconds{30});
    EXPECT_FALSE(leadership_->is_proved()) << "nor does a commit that began before it";
}

TEST_F(LeadershipTest, an_absent_database_proves_nothing_for_or_against_it) {
    clock_.advance(Seconds{60});
    answers_.away = true;
    prove();
    EXPECT_FALSE(leadership_->is_proved());
    EXPECT_EQ(deposed_, "");
    answers_.away = false;
    answers_.deposed = true;
    bool answered = false;
    leadership_->prove([&] { answered = true; });
    ASSERT_TRUE(until([&] { return !deposed_.empty(); }));
    EXPECT_FALSE(answered);
}

TEST_F(LeadershipTest, what_is_proved_is_said_at_once_and_the_rest_after_one_question_in_order) {
    say("first");
    EXPECT_EQ(said_, Said{"first"});
    EXPECT_EQ(answers_.pings, 0);
    clock_.advance(Seconds{60});
    say("second");
    say("third");
    EXPECT_EQ(said_, Said{"first"});
    ASSERT_TRUE(until([&] { return said_.size() == 3; }));
    EXPECT_EQ(said_, (Said{"first", "second", "third"}));
    EXPECT_EQ(answers_.pings, 1);
}

TEST_F(LeadershipTest, a_deposed_one_says_nothing) {
    clock_.advance(Seconds{60});
    answers_.deposed = true;
    say("lie");
    ASSERT_TRUE(until([&] { return !deposed_.empty(); }));
    say("another lie");
    EXPECT_EQ(said_, Said{});
}

TEST_F(LeadershipTest, while_the_database_is_away_it_goes_on) {
    clock_.advance(Seconds{60});
    answers_.away = true;
    say("go on");
    ASSERT_TRUE(until([&] { return !said_.empty(); }));
    // A commit is tried again and again, and keeps the question waiting.
    ASSERT_EQ(turns_->queue().counts().queued, 0U);
    turns_->feed(ConfigureQueue{RequestId{1}, {.name = "a"}});
    turns_->end_turn();
    say("and on");
    ASSERT_TRUE(until([&] { return said_.size() == 2; }));
    EXPECT_EQ(told_, 0U) << "but nothing that needs a commit";
}

// A cancel of a job that the queue does not have changes nothing: its answer comes with an empty batch.
TEST_F(LeadershipTest, an_answer_without_a_change_asks_the_store_only_when_nothing_was_proved_lately) {
    turns_->feed(CancelJobs{RequestId{1}, {JobId{7}}, {}});
    turns_->end_turn();
    EXPECT_EQ(told_, 1U);
    EXPECT_EQ(answers_.commits, 0);
    clock_.advance(Seconds{60});
    turns_->feed(CancelJobs{RequestId{2}, {JobId{7}}, {}});
    turns_->end_turn();
    EXPECT_EQ(told_, 1U);
    ASSERT_TRUE(until([&] { return told_ == 2; }));
    EXPECT_EQ(answers_.commits, 1);
    answers_.deposed = true;
    clock_.advance(Seconds{60});
    turns_->feed(CancelJobs{RequestId{3}, {JobId{7}}, {}});
    turns_->end_turn();
    ASSERT_TRUE(until([&] { return !deposed_.empty(); }));
    EXPECT_EQ(told_, 2U);
}

}  // namespace
}  // namespace windlass::scheduler
