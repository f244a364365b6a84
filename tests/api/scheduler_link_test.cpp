// The link over a real socket, to a scheduler that does what the test says.
#include "api/scheduler_link.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "shared/digest.h"

namespace windlass::api {
namespace {

using namespace std::chrono_literals;

// Runs on the same loop as the link; both belong to the test's loop thread.
class SchedulerLinkTest : public ::testing::Test {
  protected:
    SchedulerLinkTest() {
        initialise_crypto();
        std::string path = (std::filesystem::temp_directory_path() / "windlass-link-test-XXXXXX").string();
        EXPECT_NE(mkdtemp(path.data()), nullptr);
        directory_ = path;
        endpoint_.unix_path = directory_ + "/s.sock";
        uv_loop_init(&loop_);
        uv_async_init(&loop_, &async_,
                      [](uv_async_t* handle) { static_cast<SchedulerLinkTest*>(handle->data)->run_work(); });
        async_.data = this;
        thread_ = std::thread([this] { uv_run(&loop_, UV_RUN_DEFAULT); });
    }
    ~SchedulerLinkTest() override {
        on_loop([this] {
            link_.reset();
            if (listener_) listener_->close();
            for (auto& peer : peers_) peer->close("the test ends");
            uv_close(reinterpret_cast<uv_handle_t*>(&async_), nullptr);
        });
        thread_.join();
        listener_.reset();
        peers_.clear();
        EXPECT_EQ(uv_loop_close(&loop_), 0) << "a handle was left open";
        std::filesystem::remove_all(directory_);
    }

    void on_loop(std::function<void()> work) {
        std::unique_lock lock(mutex_);
        work_ = std::move(work);
        uv_async_send(&async_);
        changed_.wait(lock, [this] { return !work_; });
    }
    // Waits for the event itself.
    template <class Condition>
    bool eventually(Condition condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, 10s, [&] { return condition(); });
    }
    void listen() {
        on_loop([this] {
            auto opened = wire::Listener::open(
                &loop_, endpoint_, [this](std::shared_ptr<wire::Connection> peer) { greet(std::move(peer)); });
            ASSERT_TRUE(opened) << opened.error().message;
            listener_ = std::move(opened).value();
        });
    }
    void make_link() {
        on_loop([this] {
            SchedulerLinkSettings settings;
            settings.endpoints = {endpoint_};
            if (!other_.unix_path.empty()) settings.endpoints.insert(settings.endpoints.begin(), other_);
            settings.secret = "a shared secret";
            settings.first_retry = Milliseconds{5};
            settings.longest_retry = Milliseconds{20};
            settings.answer_within = settings.welcome_within = Milliseconds{300};
            link_ = std::make_unique<SchedulerLink>(&loop_, settings,
                                                    [this](bool up) { note([&] { up ? ++ups_ : ++downs_; }); });
        });
    }
    void start() {
        listen();
        make_link();
        ASSERT_TRUE(eventually([this] { return ups_ == 1; }));
    }
    void drop_peers() {
        on_loop([this] {
            for (auto& peer : peers_) peer->close("dropped by the test");
            peers_.clear();
        });
    }
    void note(const std::function<void()>& change) {
        const std::lock_guard lock(mutex_);
        change();
        changed_.notify_all();
    }
    struct Got {
        std::optional<Scheduler::Answer> answer;
    };
    std::shared_ptr<Got> ask(protocol::Message message, std::string body = {}) {
        auto got = std::make_shared<Got>();
        link_->ask(std::move(message), std::move(body),
                   [this, got](Scheduler::Answer answer) { note([&] { got->answer = std::move(answer); }); });
        return got;
    }

    std::optional<protocol::Hello> hello_;  // these under the mutex
    std::vector<std::pair<protocol::Message, std::string>> received_;
    int ups_ = 0, downs_ = 0, hellos_ = 0;
    bool refuse_ = false;
    bool frozen_ = false;     // accepts, and says nothing; on the loop
    std::int64_t epoch_ = 1;  // on the loop
    wire::Endpoint endpoint_;
    wire::Endpoint other_;  // where nobody listens; tried first
    std::function<std::optional<protocol::Message>(const protocol::Message&)> reply_;  // on the loop

    std::vector<std::shared_ptr<wire::Connection>> peers_;  // the loop's
    std::unique_ptr<SchedulerLink> link_;

  private:
    void run_work() {
        std::function<void()> work;
        {
            const std::lock_guard lock(mutex_);
            work = std::exchange(work_, {});
        }
        if (work) work();
        const std::lock_guard lock(mutex_);
        ++turns_;
        changed_.notify_all();
    }
    void greet(std::shared_ptr<wire::Connection> peer) {
        auto* raw = peer.get();
        raw->set_handlers({[this, raw](protocol::Message message, std::string body) {
                               heard(*raw, std::move(message), std::move(body));
                           },
                           [](const std::string&) {}});
        peers_.push_back(std::move(peer));
    }
    void heard(wire::Connection& peer, protocol::Message message, std::string body) {
        if (const auto* hello = std::get_if<protocol::Hello>(&message)) {
            note([&] {
                hello_ = *hello;
                ++hellos_;
            });
            if (refuse_) {
                peer.send(protocol::Refused{"wrong secret"});
                return peer.close("refused");
            }
            peer.trust();
            if (frozen_) return;
            protocol::Welcome welcome;
            welcome.epoch = epoch_;
            return peer.send(welcome);
        }
        if (frozen_) return;
        if (const auto* alive = std::get_if<protocol::AskStatistics>(&message); alive && !other_.unix_path.empty()) {
            protocol::Statistics statistics;
            statistics.request = alive->request;
            return peer.send(statistics);
        }
        if (reply_) {
            if (auto reply = reply_(message)) peer.send(*reply);
        }
        note([&] { received_.emplace_back(std::move(message), std::move(body)); });
    }

    uv_loop_t loop_{};
    uv_async_t async_{};
    std::thread thread_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> work_;
    int turns_ = 0;
    std::string directory_;
    std::unique_ptr<wire::Listener> listener_;
};

std::optional<protocol::Message> helpful(const protocol::Message& message) {
    if (const auto* submit = std::get_if<protocol::SubmitJobs>(&message))
        return protocol::JobsSubmitted{submit->request, {JobId{7}}};
    if (const auto* explain = std::get_if<protocol::ExplainJob>(&message))
        return protocol::JobExplained{explain->request, "because of " + explain->job.text()};
    if (const auto* watch = std::get_if<protocol::WatchJob>(&message); watch && watch->job.value == 1)
        return protocol::JobEnded{watch->job, true};
    return std::nullopt;
}

TEST_F(SchedulerLinkTest, says_who_it_is_and_hands_back_the_answer) {
    reply_ = helpful;
    start();
    EXPECT_EQ(hello_->role, "api");
    EXPECT_EQ(hello_->secret, "a shared secret");
    EXPECT_TRUE(link_->connected());
    protocol::SubmitJobs submit;
    submit.owner = UserId{5};
    submit.jobs.push_back({{}, 4, 0});
    const auto got = ask(submit, "code");
    ASSERT_TRUE(eventually([&] { return got->answer.has_value(); }));
    ASSERT_TRUE(*got->answer);
    EXPECT_EQ(std::get<protocol::JobsSubmitted>(got->answer->value()).jobs, std::vector{JobId{7}});
    ASSERT_TRUE(eventually([&] { return received_.size() == 1; }));
    EXPECT_EQ(received_[0].second, "code");
}

TEST_F(SchedulerLinkTest, many_questions_at_once_get_their_own_answers) {
    reply_ = helpful;
    start();
    std::vector<std::thread> askers;
    std::atomic<int> right = 0;
    for (int t = 0; t < 4; ++t)
        askers.emplace_back([&, t] {
            for (int i = 0; i < 100; ++i) {
                const JobId job{t * 1000 + i + 1};
                link_->ask(protocol::ExplainJob{{}, job}, {}, [&, job](Scheduler::Answer answer) {
                    if (answer && std::get<protocol::JobExplained>(*answer).text == "because of " + job.text()) ++right;
                    note([] {});
                });
            }
        });
    for (auto& asker : askers) asker.join();
    EXPECT_TRUE(eventually([&] { return right == 400; })) << right;
}

TEST_F(SchedulerLinkTest, more_submits_than_the_scheduler_can_take_are_refused_at_once) {
    std::vector<RequestId> asked;  // on the loop
    reply_ = [&](const protocol::Message& message) -> std::optional<protocol::Message> {
        if (const auto* submit = std::get_if<protocol::SubmitJobs>(&message)) asked.push_back(submit->request);
        return std::nullopt;  // for now
    };
    start();
    std::vector<std::shared_ptr<Got>> taken;
    for (int i = 0; i < 1024; ++i) taken.push_back(ask(protocol::SubmitJobs{}));
    const auto refused = ask(protocol::SubmitJobs{});
    ASSERT_TRUE(refused->answer) << "answered before ask() returned";
    EXPECT_EQ(refused->answer->error().kind, ErrorKind::unavailable);
    EXPECT_NE(refused->answer->error().message.find("more submits"), std::string::npos);
    EXPECT_FALSE(ask(protocol::AskStatistics{})->answer) << "other questions are no submits";
    ASSERT_TRUE(eventually([&] { return received_.size() == 1025; }));
    EXPECT_FALSE(taken.front()->answer);
    on_loop([&] { peers_.front()->send(protocol::JobsSubmitted{asked.front(), {JobId{7}}}); });
    ASSERT_TRUE(eventually([&] { return taken.front()->answer.has_value(); }));
    EXPECT_FALSE(ask(protocol::SubmitJobs{})->answer) << "one has been answered, so there is room for one";
    EXPECT_TRUE(ask(protocol::SubmitJobs{})->answer);
    ASSERT_TRUE(eventually([&] { return received_.size() == 1026; }));
    drop_peers();
    ASSERT_TRUE(eventually([&] { return ups_ == 2; }));
    EXPECT_FALSE(ask(protocol::SubmitJobs{})->answer) << "what was open went with the connection";
}

TEST_F(SchedulerLinkTest, without_a_scheduler_nobody_hangs) {
    make_link();
    EXPECT_FALSE(link_->connected());
    const auto got = ask(protocol::AskStatistics{});
    ASSERT_TRUE(got->answer) << "answered before ask() returned";
    EXPECT_EQ(got->answer->error().kind, ErrorKind::unavailable);
}

TEST_F(SchedulerLinkTest, a_break_answers_what_was_open_and_it_comes_back_by_itself) {
    start();
    const auto open = ask(protocol::AskStatistics{});
    ASSERT_TRUE(eventually([&] { return received_.size() == 1; }));
    drop_peers();
    ASSERT_TRUE(eventually([&] { return open->answer.has_value(); }));
    EXPECT_EQ(open->answer->error().kind, ErrorKind::unavailable);
    EXPECT_NE(open->answer->error().message.find("may have been done or not"), std::string::npos);
    ASSERT_TRUE(eventually([&] { return ups_ == 2 && downs_ == 1; }));
    on_loop([this] { reply_ = helpful; });
    const auto again = ask(protocol::ExplainJob{{}, JobId{3}});
    ASSERT_TRUE(eventually([&] { return again->answer.has_value(); }));
    EXPECT_TRUE(*again->answer);
}

TEST_F(SchedulerLinkTest, starts_before_the_scheduler_and_finds_it_later) {
    make_link();
    listen();
    EXPECT_TRUE(eventually([this] { return ups_ == 1; }));
}

TEST_F(SchedulerLinkTest, a_refusal_leaves_it_down_and_trying) {
    refuse_ = true;
    listen();
    make_link();
    ASSERT_TRUE(eventually([this] { return hello_.has_value(); }));
    EXPECT_FALSE(link_->connected());
    EXPECT_FALSE(*ask(protocol::AskStatistics{})->answer);
    on_loop([this] { refuse_ = false; });
    EXPECT_TRUE(eventually([this] { return ups_ == 1; })) << "the operator has put it right";
}

TEST_F(SchedulerLinkTest, unavailable_is_passed_on_with_its_reason) {
    reply_ = [](const protocol::Message& message) -> std::optional<protocol::Message> {
        return protocol::Unavailable{std::get<protocol::CancelJobs>(message).request, "The database is away.", 1000};
    };
    start();
    const auto got = ask(protocol::CancelJobs{{}, {JobId{4}}, {}});
    ASSERT_TRUE(eventually([&] { return got->answer.has_value(); }));
    EXPECT_EQ(got->answer->error().message, "The database is away.");
}

TEST_F(SchedulerLinkTest, a_watch_is_told_once) {
    reply_ = helpful;
    start();
    int told = 0;
    const Watch ended = link_->watch(JobId{1}, [&] { note([&] { ++told; }); });
    const Watch other = link_->watch(JobId{2}, [&] { ADD_FAILURE() << "job 2 goes on"; });
    EXPECT_TRUE(eventually([&] { return told == 1; }));
}

TEST_F(SchedulerLinkTest, two_watches_of_one_job_ask_once_and_are_both_told) {
    start();
    int told = 0;
    const Watch one = link_->watch(JobId{9}, [&] { note([&] { ++told; }); });
    const Watch two = link_->watch(JobId{9}, [&] { note([&] { ++told; }); });
    ASSERT_TRUE(eventually([&] { return !received_.empty(); }));
    on_loop([this] { peers_.back()->send(protocol::JobEnded{JobId{9}, true}); });
    EXPECT_TRUE(eventually([&] { return told == 2; }));
    EXPECT_EQ(received_.size(), 1u);
}

TEST_F(SchedulerLinkTest, a_watch_survives_a_reconnect) {
    start();
    int told = 0;
    const Watch watch = link_->watch(JobId{9}, [&] { note([&] { ++told; }); });
    ASSERT_TRUE(eventually([&] { return received_.size() == 1; }));
    drop_peers();
    ASSERT_TRUE(eventually([&] { return ups_ == 2 && received_.size() == 2; })) << "asked again";
    on_loop([this] { peers_.back()->send(protocol::JobEnded{JobId{9}, false}); });
    EXPECT_TRUE(eventually([&] { return told == 1; }));
}

TEST_F(SchedulerLinkTest, a_watch_that_was_dropped_is_not_told) {
    start();
    int told = 0;
    {
        const Watch watch = link_->watch(JobId{9}, [&] { note([&] { told += 100; }); });
        ASSERT_TRUE(eventually([&] { return received_.size() == 1; }));
    }
    const Watch other = link_->watch(JobId{10}, [&] { note([&] { ++told; }); });
    ASSERT_TRUE(eventually([&] { return received_.size() == 2; }));
    on_loop([this] {
        peers_.back()->send(protocol::JobEnded{JobId{9}, true});
        peers_.back()->send(protocol::JobEnded{JobId{10}, true});
    });
    EXPECT_TRUE(eventually([&] { return told == 1; }));
}

// Everything a listener is told, in words.
class Noting final : public JobListener {
  public:
    explicit Noting(std::function<void(std::string)> note) : note_(std::move(note)) {}
    void happened(const protocol::JobHappened& event) override { note_("happened " + std::to_string(event.seq)); }
    void printed(const protocol::JobPrinted& piece, std::shared_ptr<const std::string> bytes) override {
        note_("printed " + std::to_string(piece.offset) + " " + *bytes);
    }
    void read_again() override { note_("read again"); }

  private:
    std::function<void(std::string)> note_;
};
using Told = std::vector<std::string>;

TEST_F(SchedulerLinkTest, followers_of_one_job_share_a_subscription_and_are_all_told) {
    reply_ = [](const protocol::Message& message) -> std::optional<protocol::Message> {
        if (const auto* follow = std::get_if<protocol::FollowJob>(&message)) return protocol::JobFollowed{follow->job};
        return std::nullopt;
    };
    start();
    Told told[2];
    const auto listener = [&](Told& to) {
        return std::make_shared<Noting>(
            [this, &to](std::string text) { note([&] { to.push_back(std::move(text)); }); });
    };
    Watch one = link_->follow(JobId{9}, listener(told[0]));
    ASSERT_TRUE(eventually([&] { return told[0] == Told{"read again"}; }));
    Watch two = link_->follow(JobId{9}, listener(told[1]));
    on_loop([this] {
        peers_.back()->send(protocol::JobPrinted{{JobId{9}, 1}, OutputStream::standard_output, 4}, "bytes");
        protocol::JobHappened event;
        event.job = JobId{9};
        event.seq = 3;
        peers_.back()->send(event);
        event.job = JobId{10};
        peers_.back()->send(event);
    });
    ASSERT_TRUE(eventually([&] { return told[0].size() == 3 && told[1].size() == 2; }));
    EXPECT_EQ(told[1], (Told{"printed 4 bytes", "happened 3"}));
    EXPECT_EQ(received_.size(), 1u) << "followed once";
    one = Watch();
    two = Watch();
    ASSERT_TRUE(eventually([&] { return received_.size() == 2; }));
    EXPECT_TRUE(std::holds_alternative<protocol::UnfollowJob>(received_[1].first));
    const Watch three = link_->follow(JobId{9}, listener(told[1]));
    ASSERT_TRUE(eventually([&] { return received_.size() == 3 && told[1].back() == "read again"; }));
}

TEST_F(SchedulerLinkTest, following_survives_a_reconnect_and_says_that_something_may_be_missing) {
    reply_ = [](const protocol::Message& message) -> std::optional<protocol::Message> {
        if (const auto* follow = std::get_if<protocol::FollowJob>(&message)) return protocol::JobFollowed{follow->job};
        return std::nullopt;
    };
    start();
    Told told;
    const Watch follow = link_->follow(
        JobId{9}, std::make_shared<Noting>([&](std::string text) { note([&] { told.push_back(std::move(text)); }); }));
    ASSERT_TRUE(eventually([&] { return told.size() == 1; }));
    drop_peers();
    ASSERT_TRUE(eventually([&] { return told.size() == 2; }));
    EXPECT_EQ(told, (Told{"read again", "read again"}));
}

TEST_F(SchedulerLinkTest, following_begins_when_the_scheduler_comes_and_who_left_before_is_forgotten) {
    make_link();
    Told told;
    const auto listener =
        std::make_shared<Noting>([&](std::string text) { note([&] { told.push_back(std::move(text)); }); });
    { const Watch left = link_->follow(JobId{8}, listener); }
    const Watch follow = link_->follow(JobId{9}, listener);
    listen();
    ASSERT_TRUE(eventually([&] { return !received_.empty(); }));
    on_loop([this] { peers_.back()->send(protocol::JobFollowed{JobId{9}}); });
    ASSERT_TRUE(eventually([&] { return !told.empty(); }));
    EXPECT_EQ(received_.size(), 1u);
    EXPECT_EQ(std::get<protocol::FollowJob>(received_[0].first).job, JobId{9});
}

TEST_F(SchedulerLinkTest, stopping_answers_what_was_open) {
    start();
    const auto open = ask(protocol::AskStatistics{});
    ASSERT_TRUE(eventually([&] { return received_.size() == 1; }));
    on_loop([this] { link_->stop(); });
    ASSERT_TRUE(open->answer);
    EXPECT_EQ(open->answer->error().kind, ErrorKind::unavailable);
    EXPECT_EQ(ask(protocol::AskStatistics{})->answer->error().kind, ErrorKind::unavailable);
}

TEST_F(SchedulerLinkTest, tries_one_address_after_the_other) {
    other_.unix_path = endpoint_.unix_path + ".nobody";
    start();
    EXPECT_TRUE(link_->connected());
}

TEST_F(SchedulerLinkTest, leaves_a_scheduler_that_is_frozen_and_answers_what_was_asked) {
    other_.unix_path = endpoint_.unix_path + ".nobody";
    start();
    on_loop([this] { frozen_ = true; });
    const auto got = ask(protocol::ExplainJob{{}, JobId{1}});
    ASSERT_TRUE(eventually([&] { return got->answer.has_value() && downs_ == 1; }));
    EXPECT_EQ(got->answer->error().kind, ErrorKind::unavailable);
    on_loop([this] { frozen_ = false; });
    EXPECT_TRUE(eventually([&] { return ups_ == 2; })) << "also after one that accepted and said no Welcome";
}

TEST_F(SchedulerLinkTest, does_not_go_back_to_one_that_led_before) {
    other_.unix_path = endpoint_.unix_path + ".nobody";
    on_loop([this] { epoch_ = 5; });
    start();
    on_loop([this] { epoch_ = 4; });
    drop_peers();
    ASSERT_TRUE(eventually([&] { return downs_ == 1; }));
    const int before = hellos_;
    ASSERT_TRUE(eventually([&] { return hellos_ >= before + 3; }));
    EXPECT_EQ(ups_, 1);
    on_loop([this] { epoch_ = 6; });
    EXPECT_TRUE(eventually([&] { return ups_ == 2; }));
}

}  // namespace
}  // namespace windlass::api
