#include "scheduler/followers.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/support/idle_connection.h"

namespace windlass::scheduler {
namespace {

class FakePeer final : public windlass::test::IdleConnection {
  public:
    void send(const protocol::Message& message, std::string_view body) override {
        if (const auto* printed = std::get_if<protocol::JobPrinted>(&message))
            heard.push_back("printed " + std::to_string(printed->offset) + " " + std::string(body.substr(0, 20)));
        else if (const auto* happened = std::get_if<protocol::JobHappened>(&message))
            heard.push_back("happened " + std::to_string(happened->seq) + " " + happened->worker);
        else if (const auto* followed = std::get_if<protocol::JobFollowed>(&message))
            heard.push_back("followed " + followed->job.text());
        unsent += body.size();
        most_unsent = std::max(most_unsent, unsent);
    }

    std::vector<std::string> heard;
    std::size_t most_unsent = 0;
};

using List = std::vector<std::string>;

OutputChunk chunk(std::int64_t job, std::int64_t offset, std::string bytes) {
    return {{JobId{job}, 1}, OutputStream::standard_output, offset, std::move(bytes)};
}

RecordEvent event(std::int64_t job, std::int32_t seq, std::int64_t worker = 0) {
    RecordEvent out;
    out.job = JobId{job};
    out.seq = seq;
    out.worker = WorkerId{worker};
    return out;
}

class FollowersTest : public ::testing::Test {
  protected:
    Followers followers_;
    std::shared_ptr<FakePeer> one_ = std::make_shared<FakePeer>();
    std::shared_ptr<FakePeer> two_ = std::make_shared<FakePeer>();
    int names_asked_ = 0;

    void commit(const Batch& batch) {
        followers_.committed(batch, [this](WorkerId worker) {
            ++names_asked_;
            return "node-" + worker.text();
        });
    }
};

TEST_F(FollowersTest, output_is_told_before_what_happened_and_only_of_followed_jobs) {
    followers_.follow(one_, JobId{5});
    Batch batch;
    batch.events = {event(5, 3, 9), event(6, 1, 9)};
    batch.output = {chunk(5, 0, "hello"), chunk(6, 0, "other"), chunk(5, 5, " world")};
    commit(batch);
    EXPECT_EQ(one_->heard, (List{"followed 5", "printed 0 hello", "printed 5  world", "happened 3 node-9"}));
    EXPECT_EQ(names_asked_, 1);
}

TEST_F(FollowersTest, each_of_several_is_told_and_following_twice_tells_once) {
    followers_.follow(one_, JobId{5});
    followers_.follow(one_, JobId{5});
    followers_.follow(two_, JobId{5});
    Batch batch;
    batch.events = {event(5, 1)};
    commit(batch);
    EXPECT_EQ(one_->heard, (List{"followed 5", "followed 5", "happened 1 "}));
    EXPECT_EQ(two_->heard, (List{"followed 5", "happened 1 "}));
    EXPECT_EQ(names_asked_, 0) << "nobody is named by it";
}

TEST_F(FollowersTest, nothing_is_told_after_unfollow_or_leaving) {
    followers_.follow(one_, JobId{5});
    followers_.follow(one_, JobId{6});
    followers_.follow(two_, JobId{6});
    followers_.unfollow(one_, JobId{5});
    followers_.unfollow(one_, JobId{77});
    EXPECT_EQ(followers_.jobs(), 1u);
    followers_.left(one_);
    Batch batch;
    batch.events = {event(5, 1), event(6, 1)};
    commit(batch);
    EXPECT_EQ(one_->heard, (List{"followed 5", "followed 6"}));
    EXPECT_EQ(two_->heard, (List{"followed 6", "happened 1 "}));
    followers_.left(two_);
    EXPECT_EQ(followers_.jobs(), 0u);
}

TEST_F(FollowersTest, slow_api_is_pointed_to_the_tables_once_per_commit_and_costs_a_bounded_amount) {
    followers_.follow(one_, JobId{5});
    one_->heard.clear();
    const std::string piece(64 * 1024, 'x');
    for (int i = 0; i < 200; ++i) {
        Batch batch;
        for (int j = 0; j < 4; ++j) batch.output.push_back(chunk(5, i, piece));
        commit(batch);
    }
    EXPECT_LE(one_->most_unsent, 4u << 20);
    EXPECT_EQ(one_->heard.size(), 64u + 200u - 16u);
    EXPECT_EQ(one_->heard.back(), "followed 5");
    one_->unsent = 0;
    Batch batch;
    batch.output = {chunk(5, 9, "live again")};
    batch.events = {event(5, 2)};
    commit(batch);
    EXPECT_EQ(one_->heard.at(one_->heard.size() - 2), "printed 9 live again");
}

}  // namespace
}  // namespace windlass::scheduler
