// The merging of tables and live news, against a job that prints at random, a connection that breaks at random and
// followers that are slow at random: whatever happens, everybody has seen every byte once and in order.
#include "api/job_following.h"

#include <gtest/gtest.h>

#include <random>

#include "api/sse.h"

namespace windlass::api {
namespace {

constexpr auto out_stream = OutputStream::standard_output;
constexpr auto err_stream = OutputStream::standard_error;

// What is durable of one job, and what the scheduler says of it.
class PretendJob {
  public:
    struct Piece {
        AttemptNumber attempt;
        OutputStream stream;
        std::int64_t offset;
        std::string bytes;
    };

    // Each is one commit; gives the news of it, in the order of the scheduler.
    std::vector<JobNews> happen(JobMove move, JobState now) {
        if (move == JobMove::lease) {
            ++attempt;
            offsets = {};
        }
        state = now;
        JobEvent event{static_cast<std::int64_t>(events.size()) + 1, {}, move, now, attempt, "node-1", ""};
        events.push_back(event);
        return {protocol::JobHappened{JobId{1}, event.seq, {}, move, now, attempt, "node-1", ""}};
    }
    std::vector<JobNews> print(OutputStream stream, std::string bytes) {
        auto& offset = offsets[LogPosition::index(stream)];
        pieces.push_back({attempt, stream, offset, bytes});
        Printed told{attempt, stream, offset, std::make_shared<const std::string>(bytes)};
        offset += static_cast<std::int64_t>(bytes.size());
        whole[{attempt, stream}] += bytes;
        return {told};
    }

    LogFollowing::Table look(const LogPosition& from, std::optional<OutputStream> only, std::size_t most) const {
        LogFollowing::Table table;
        table.state = state;
        table.attempt = attempt;
        for (const auto stream : {out_stream, err_stream}) {
            if (from.attempt == 0 || (only && *only != stream)) continue;
            auto& found = table.pieces[LogPosition::index(stream)];
            for (const auto& piece : pieces) {
                if (piece.attempt != from.attempt || piece.stream != stream) continue;
                if (piece.offset + static_cast<std::int64_t>(piece.bytes.size()) < from.of(stream)) continue;
                if (found.size() == most) break;
                found.push_back({piece.offset, piece.bytes});
            }
            table.more = table.more || found.size() == most;
        }
        return table;
    }

    JobState state = JobState::queued;
    AttemptNumber attempt = 0;
    std::array<std::int64_t, 2> offsets{};
    std::vector<Piece> pieces;
    std::vector<JobEvent> events;
    std::map<std::pair<AttemptNumber, OutputStream>, std::string> whole;
};

using Heard = std::map<std::pair<AttemptNumber, OutputStream>, std::string>;

class Ear final : public LogSink {
  public:
    explicit Ear(Heard& heard) : heard_(heard) {}
    void output(AttemptNumber attempt, OutputStream stream, std::int64_t offset, std::string_view bytes) override {
        auto& text = heard_[{attempt, stream}];
        ASSERT_EQ(offset, static_cast<std::int64_t>(text.size())) << "a gap or a repetition";
        ASSERT_FALSE(bytes.empty());
        text += bytes;
    }

  private:
    Heard& heard_;
};

// One follower with its own subscription, which now and then comes back from where it was.
struct Follower {
    FollowBuffer buffer{2'000};
    LogFollowing log;
    LogPosition began;
    Heard heard;
    bool listens = false;  // the scheduler tells it

    explicit Follower(LogPosition from, std::optional<OutputStream> only) : log(from, only), began(from) {}

    void pull(const PretendJob& job, std::size_t most, bool database_away,
              const std::function<void()>& meanwhile = {}) {
        Ear ear(heard);
        const auto taken = buffer.take();
        const auto status = log.pull(
            taken,
            [&](const LogPosition& from, std::optional<OutputStream> only) -> Result<LogFollowing::Table> {
                if (database_away) return make_error(ErrorKind::unavailable, "away");
                auto table = job.look(from, only, most);
                if (meanwhile) meanwhile();
                return table;
            },
            ear);
        EXPECT_TRUE(status.ok() || database_away);
    }
};

class RandomFollowing : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomFollowing, every_byte_is_seen_once_whatever_happens) {
    std::mt19937 random(GetParam());
    const auto below = [&](unsigned n) { return random() % n; };
    PretendJob job;
    std::vector<std::unique_ptr<Follower>> followers;
    const auto tell = [&](const std::vector<JobNews>& news) {
        for (const auto& follower : followers)
            for (const auto& one : news)
                if (follower->listens) follower->buffer.add(one);
    };
    const auto commit = [&] {
        if (is_final(job.state)) return;
        switch (job.state) {
            case JobState::queued:
                return tell(job.happen(JobMove::lease, JobState::starting));
            case JobState::starting:
                return tell(job.happen(JobMove::start, JobState::running));
            default:
                break;
        }
        const auto dice = below(40);
        if (dice == 0 && job.attempt < 4) return tell(job.happen(JobMove::requeue, JobState::queued));
        if (dice == 1 && job.pieces.size() > 60) return tell(job.happen(JobMove::finish, JobState::failed));
        std::string bytes;
        for (auto left = 1 + below(below(10) == 0 ? 900 : 30); left > 0; --left) bytes += static_cast<char>(below(256));
        tell(job.print(below(3) == 0 ? err_stream : out_stream, std::move(bytes)));
    };
    const auto join = [&](const LogPosition& from, std::optional<OutputStream> only, Heard heard) {
        followers.push_back(std::make_unique<Follower>(from, only));
        followers.back()->heard = std::move(heard);
    };
    for (int i = 0; i < 3; ++i) {
        join({}, std::nullopt, {});
        join({}, out_stream, {});
        join({}, err_stream, {});
    }
    for (int step = 0; step < 4000; ++step) {
        const auto which = below(static_cast<unsigned>(followers.size()));
        auto& follower = *followers[which];
        switch (below(12)) {
            case 0:  // the scheduler has heard of it, perhaps again
                follower.listens = true;
                follower.buffer.lose();
                break;
            case 1:
                if (below(4) == 0) follower.listens = false;  // the connection broke: from now on nothing is told
                break;
            case 2: {  // the client comes back, from where it was, to another process perhaps
                if (below(4) != 0) break;
                const auto only = which % 3 == 0   ? std::nullopt
                                  : which % 3 == 1 ? std::optional(out_stream)
                                                   : std::optional(err_stream);
                auto again = std::make_unique<Follower>(*LogPosition::parse(follower.log.position().text()), only);
                again->heard = std::move(follower.heard);
                followers[which] = std::move(again);
                break;
            }
            case 3:
                // Looking takes time: things become durable, and are told, after the look and before its use.
                follower.pull(job, 1 + below(4), false, commit);
                break;
            case 4:
                follower.pull(job, 1 + below(4), true);
                break;
            case 5:
            case 6:
            case 7:
                follower.pull(job, 1 + below(4), false);
                break;
            default:
                commit();
        }
    }
    while (!is_final(job.state)) commit();
    for (std::size_t i = 0; i < followers.size(); ++i) {
        auto& follower = *followers[i];
        follower.buffer.lose();  // the heartbeat
        for (int rounds = 0; !follower.log.ended() && rounds < 10'000; ++rounds) follower.pull(job, 3, false);
        ASSERT_TRUE(follower.log.ended());
        EXPECT_EQ(follower.log.final_state(), job.state);
        Heard expected;
        for (const auto& [key, bytes] : job.whole)
            if (i % 3 == 0 || (key.second == out_stream) == (i % 3 == 1)) expected[key] = bytes;
        EXPECT_EQ(follower.heard, expected) << "follower " << i;
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFollowing, ::testing::Range(1u, 41u));

// ---- one by one

TEST(LogFollowing, listening_needs_no_table_while_nothing_is_lost) {
    PretendJob job;
    job.happen(JobMove::lease, JobState::starting);
    Follower follower({1, {}, false}, std::nullopt);
    follower.pull(job, 4, false);
    ASSERT_FALSE(follower.log.must_read());
    for (int i = 0; i < 3; ++i)
        for (const auto& news : job.print(out_stream, "line\n")) follower.buffer.add(news);
    for (const auto& news : job.happen(JobMove::finish, JobState::succeeded)) follower.buffer.add(news);
    follower.pull(job, 4, true);
    EXPECT_TRUE(follower.log.ended());
    EXPECT_EQ((follower.heard[{1, out_stream}]), "line\nline\nline\n");
}

TEST(LogFollowing, full_buffer_is_thrown_away_and_the_tables_read_instead) {
    PretendJob job;
    job.happen(JobMove::lease, JobState::starting);
    Follower follower({1, {}, false}, std::nullopt);
    follower.pull(job, 4, false);
    std::size_t most = 0;
    for (int i = 0; i < 1000; ++i) {
        for (const auto& news : job.print(out_stream, std::string(300, 'x'))) follower.buffer.add(news);
        most = std::max(most, follower.buffer.bytes());
    }
    EXPECT_LE(most, 2'000u);
    for (int i = 0; i < 1000; ++i) follower.pull(job, 4, false);
    EXPECT_EQ((follower.heard[{1, out_stream}].size()), 300'000u);
}

TEST(LogFollowing, empty_job_ends_without_output) {
    PretendJob job;
    job.happen(JobMove::cancel, JobState::cancelled);
    Follower follower({}, std::nullopt);
    follower.pull(job, 4, false);
    EXPECT_TRUE(follower.log.ended());
    EXPECT_EQ(follower.log.final_state(), JobState::cancelled);
    EXPECT_TRUE(follower.heard.empty());
}

class Listed final : public EventSink {
  public:
    void event(const JobEvent& event) override { seqs.push_back(event.seq); }
    std::vector<std::int64_t> seqs;
};

TEST(EventFollowing, each_event_is_told_once_and_a_hole_is_looked_up) {
    PretendJob job;
    Listed listed;
    EventFollowing following({1, false});
    int looks = 0;
    const auto pull = [&](std::vector<JobNews> news, bool lost = false) {
        const auto status = following.pull(
            {std::move(news), lost},
            [&](const EventPosition& from) -> Result<EventFollowing::Table> {
                ++looks;
                EventFollowing::Table table{job.state, {}};
                for (const auto& event : job.events)
                    if (event.seq > from.seq) table.events.push_back(event);
                return table;
            },
            listed);
        EXPECT_TRUE(status);
    };
    job.happen(JobMove::submit, JobState::queued);
    auto second = job.happen(JobMove::lease, JobState::starting);
    pull(second);
    EXPECT_EQ(listed.seqs, (std::vector<std::int64_t>{2}));
    EXPECT_EQ(looks, 1);
    pull(second);  // comes again
    auto third = job.happen(JobMove::start, JobState::running);
    pull(third);
    EXPECT_EQ(looks, 1);
    job.happen(JobMove::retry, JobState::queued);
    pull(job.happen(JobMove::lease, JobState::starting));  // 5, and 4 never came
    EXPECT_EQ(looks, 2);
    EXPECT_EQ(listed.seqs, (std::vector<std::int64_t>{2, 3, 4, 5}));
    EXPECT_FALSE(following.ended());
    pull(job.happen(JobMove::finish, JobState::succeeded));
    EXPECT_TRUE(following.ended());
    EXPECT_EQ(following.position().text(), "6");
}

// ---- positions

TEST(LogPosition, is_read_back_as_it_was_written) {
    for (const auto& position : {LogPosition{}, LogPosition{2, {4711, 12}, false}, LogPosition{1, {0, 9}, true}})
        EXPECT_EQ(LogPosition::parse(position.text()), position);
    EXPECT_EQ((LogPosition{2, {4711, 12}, false}).text(), "2:out:4711:err:12");
    EXPECT_EQ(EventPosition::parse("17:end"), (EventPosition{17, true}));
}

TEST(LogPosition, what_was_never_given_out_is_refused) {
    for (const char* text :
         {"", "2", "2:out:1", "2:out:1:err", "2:out:1:err:", "2:out:-1:err:0", "2:out:1:err:2:", "2:out:1:err:2:END",
          " 2:out:1:err:2", "02:out:1:err:2", "2:out:99999999999999999999:err:2", "9999999999:out:1:err:2",
          "2:err:1:out:2", "2:out:1:err:2\n"})
        EXPECT_FALSE(LogPosition::parse(text)) << text;
    for (const char* text : {"", "x", "-1", "1:", "1 ", "1.0", "99999999999999999"})
        EXPECT_FALSE(EventPosition::parse(text)) << text;
}

}  // namespace
}  // namespace windlass::api
