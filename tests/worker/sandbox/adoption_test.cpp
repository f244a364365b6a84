// Boxes that outlive the worker that started them, and those that must not.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

SteadyTime in_seconds(int seconds) {
    return SystemClock().now().steady + Seconds(seconds);
}

// A worker of its own: opens the sandbox, starts a box for each script, waits until they run, says so, and waits to be
// killed. What it is told to write down goes along.
class FormerLife {
  public:
    FormerLife(SandboxSettings settings, const std::vector<std::string>& scripts, Microseconds good_for,
               const std::function<void(Sandbox&, const std::set<BoxId>&)>& then = {}) {
        std::array<int, 2> pipe{};
        if (pipe2(pipe.data(), O_CLOEXEC) != 0) std::abort();
        settings.outlive = true;
        settings.about = "life-1";
        pid_ = fork();
        if (pid_ == 0) be(settings, scripts, good_for, then, pipe[1]);
        close(pipe[1]);
        const FileDescriptor listen(pipe[0]);
        std::array<char, 2> up{};
        EXPECT_EQ(read(listen.get(), up.data(), up.size()), 2) << "the former worker did not come up";
    }
    ~FormerLife() { die(); }
    void die() {
        if (pid_ <= 0) return;
        kill(pid_, SIGKILL);
        waitpid(std::exchange(pid_, -1), nullptr, 0);
    }

  private:
    [[noreturn]] static void be(const SandboxSettings& settings, const std::vector<std::string>& scripts,
                                Microseconds good_for,
                                const std::function<void(Sandbox&, const std::set<BoxId>&)>& then, int say) {
        auto sandbox = Sandbox::open(settings);
        if (!sandbox) {
            fmt::print(stderr, "{}\n", sandbox.error().message);
            _exit(1);
        }
        (*sandbox)->good_until(SystemClock().now().steady + good_for);
        for (const std::string& text : scripts) {
            BoxSpec spec = script(text);
            spec.record = record_entry('x', text);
            if (!(*sandbox)->start(spec)) _exit(1);
        }
        std::set<BoxId> ended;
        for (std::size_t started = 0; started < scripts.size();) {
            pollfd ready{(*sandbox)->fd(), POLLIN, 0};
            poll(&ready, 1, 1000);
            for (const BoxEvent& event : (*sandbox)->take_events()) {
                started += std::holds_alternative<BoxStarted>(event) ? 1 : 0;
                if (const auto* end = std::get_if<BoxEnded>(&event)) ended.insert(end->box);
            }
        }
        if (then) then(**sandbox, ended);
        if (write(say, "up", 2) != 2) _exit(1);
        for (;;) pause();
    }
    pid_t pid_ = -1;
};

// In the end: the guard of a spawner that was taken over is nobody's child here.
bool nobody_is_left() {
    return all_end(other_processes()) && other_processes().empty();
}

class Adoption : public ::testing::Test {
  protected:
    Adoption() : settings_(test_settings(directory_.path())) { settings_.outlive = true; }
    void open() {
        auto opened = Sandbox::open(settings_);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        sandbox_ = std::move(opened).value();
        inherited_ = sandbox_->take_inherited();
        for (const auto& one : inherited_) sandbox_->adopt(one.launched.box, "7.1", Limits{});
        sandbox_->good_until(in_seconds(60));
    }
    template <class Event>
    std::optional<Event> wait_for(BoxId box) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < until) {
            for (BoxEvent& event : sandbox_->take_events()) {
                if (auto* ended = std::get_if<BoxEnded>(&event)) directories_.emplace_back(ended->work_directory_fd);
                events_.push_back(std::move(event));
            }
            for (const BoxEvent& event : events_) {
                const auto* one = std::get_if<Event>(&event);
                if (one != nullptr && one->box == box) return *one;
            }
            pollfd ready{sandbox_->fd(), POLLIN, 0};
            poll(&ready, 1, 1000);
        }
        return std::nullopt;
    }
    template <class Event>
    int told(BoxId box) const {
        int count = 0;
        for (const BoxEvent& event : events_) {
            const auto* one = std::get_if<Event>(&event);
            count += one != nullptr && one->box == box ? 1 : 0;
        }
        return count;
    }
    static std::string read_all(int fd) {
        std::string text;
        std::array<char, 4096> buffer;
        for (ssize_t size = 0; (size = read(fd, buffer.data(), buffer.size())) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(size));
        return text;
    }

    TemporaryDirectory directory_;
    SandboxSettings settings_;
    std::unique_ptr<Sandbox> sandbox_;
    std::vector<Sandbox::Inherited> inherited_;
    std::vector<BoxEvent> events_;
    std::vector<FileDescriptor> directories_;
};

TEST_F(Adoption, of_a_running_box_shows_its_start_its_output_and_its_end) {
    FormerLife former(settings_, {"echo before; echo left > out/file; sleep 0.2; exit 3", "sleep 1000"}, Seconds(60));
    former.die();
    open();
    ASSERT_EQ(inherited_.size(), 2U);
    EXPECT_EQ(sandbox_->inherited_about(), "life-1");
    ASSERT_TRUE(sandbox_->inherited_until().has_value());
    EXPECT_GT(*sandbox_->inherited_until(), in_seconds(30));
    const auto& first = inherited_[0];
    EXPECT_EQ(first.record.back(), (RecordEntry{'x', "echo before; echo left > out/file; sleep 0.2; exit 3"}));
    const auto started = wait_for<BoxStarted>(first.launched.box);
    ASSERT_TRUE(started.has_value());
    EXPECT_LE(started->at, SystemClock().now().steady);
    const auto ended = wait_for<BoxEnded>(first.launched.box);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->outcome, (Outcome{OutcomeKind::exited, 3, 0, ""}));
    EXPECT_GT(ended->usage.wall, Microseconds(0));
    EXPECT_THAT(read_all(first.launched.stdout_fd), HasSubstr("before\n"));
    ASSERT_FALSE(directories_.empty());
    EXPECT_EQ(read_in(directories_[0], "out/file"), "left\n");
    EXPECT_EQ(told<BoxStarted>(first.launched.box), 1);
    EXPECT_EQ(told<BoxEnded>(first.launched.box), 1);
    sandbox_->forget(first.launched.box);

    const BoxId second = inherited_[1].launched.box;
    EXPECT_FALSE(sandbox_->processes(second).empty());
    EXPECT_GE(sandbox_->work_directory(second), 0);
    sandbox_->stop(second, Milliseconds(0));
    const auto killed = wait_for<BoxEnded>(second);
    ASSERT_TRUE(killed.has_value());
    EXPECT_EQ(killed->outcome.signal, SIGKILL);
    sandbox_->forget(second);

    const auto next = sandbox_->start(script("echo new"));
    ASSERT_TRUE(next.ok()) << next.error().message;
    EXPECT_GT(next->box, second) << "a number is never used twice";
    ASSERT_TRUE(wait_for<BoxEnded>(next->box).has_value());
    EXPECT_EQ(read_all(next->stdout_fd), "new\n");
    sandbox_.reset();
    EXPECT_TRUE(nobody_is_left());
}

// Its job waits for a file that the test makes when the worker is dead.
constexpr const char* waits_for_go = "echo up; while [ ! -e go ]; do sleep 0.01; done; echo late; exit 5";

TEST_F(Adoption, finds_a_box_that_ended_while_no_worker_was_there) {
    FormerLife former(settings_, {"echo early; sleep 0.2; echo late; exit 5"}, Seconds(60));
    former.die();
    const auto gone = [&] {  // the job and PID 1 of its box; guard and spawner stay
        return other_processes().size() == 2;
    };
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!gone() && std::chrono::steady_clock::now() < until) {
    }
    ASSERT_TRUE(gone());
    open();
    ASSERT_EQ(inherited_.size(), 1U);
    const BoxId box = inherited_[0].launched.box;
    const auto ended = wait_for<BoxEnded>(box);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->outcome, (Outcome{OutcomeKind::exited, 5, 0, ""}));
    EXPECT_EQ(told<BoxStarted>(box), 1);
    EXPECT_EQ(told<BoxEnded>(box), 1);
    EXPECT_GE(ended->work_directory_fd, 0);
    EXPECT_GE(ended->usage.wall, Milliseconds(200));
    EXPECT_EQ(read_all(inherited_[0].launched.stdout_fd), "early\nlate\n");
}

TEST_F(Adoption, of_one_box_may_happen_again_and_again) {
    { FormerLife former(settings_, {waits_for_go}, Seconds(60)); }
    BoxId box = 0;
    for (int life = 0; life < 3; life++) {
        std::array<int, 2> pipe{};
        ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
        const pid_t worker = fork();
        if (worker == 0) {
            auto sandbox = Sandbox::open(settings_);
            if (!sandbox) _exit(1);
            const auto inherited = (*sandbox)->take_inherited();
            const BoxId found = inherited.size() == 1 ? inherited[0].launched.box : 0;
            // What it was told, or was not told yet, makes no difference to the next one.
            if (life % 2 == 0) (*sandbox)->take_events();
            if (write(pipe[1], &found, sizeof found) != sizeof found) _exit(1);
            for (;;) pause();
        }
        close(pipe[1]);
        const FileDescriptor listen(pipe[0]);
        BoxId found = 0;
        ASSERT_EQ(read(listen.get(), &found, sizeof found), static_cast<ssize_t>(sizeof found));
        EXPECT_NE(found, 0U);
        EXPECT_TRUE(life == 0 || found == box);
        box = found;
        kill(worker, SIGKILL);
        waitpid(worker, nullptr, 0);
    }
    open();
    ASSERT_EQ(inherited_.size(), 1U);
    ASSERT_TRUE(wait_for<BoxStarted>(box).has_value());
    { const FileDescriptor go(openat(sandbox_->work_directory(box), "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)); }
    const auto ended = wait_for<BoxEnded>(box);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->outcome, (Outcome{OutcomeKind::exited, 5, 0, ""}));
    EXPECT_EQ(read_all(inherited_[0].launched.stdout_fd), "up\nlate\n");
}

TEST_F(Adoption, keeps_limits_and_what_was_counted_before) {
    FormerLife former(settings_, {"while [ ! -e go ]; do sleep 0.01; done; exec perl -e '$x = \"x\" x (1 << 30)'"},
                      Seconds(60));
    former.die();
    open();
    ASSERT_EQ(inherited_.size(), 1U);
    const BoxId box = inherited_[0].launched.box;
    ASSERT_TRUE(wait_for<BoxStarted>(box).has_value());
    EXPECT_TRUE(sandbox_->cpu_used(box).has_value());
    { const FileDescriptor go(openat(sandbox_->work_directory(box), "go", O_CREAT | O_WRONLY | O_CLOEXEC, 0644)); }
    const auto ended = wait_for<BoxEnded>(box);
    ASSERT_TRUE(ended.has_value());
    const bool counted = sandbox_->findings()[static_cast<std::size_t>(Protection::memory_limit)].present;
    EXPECT_EQ(ended->outcome.kind, counted ? OutcomeKind::out_of_memory : OutcomeKind::exited);
    EXPECT_GT(ended->usage.cpu_user + ended->usage.cpu_system, Microseconds(0));
}

TEST_F(Adoption, is_not_waited_for_longer_than_the_leases_are_good) {
    FormerLife former(settings_, {waits_for_go, waits_for_go}, Milliseconds(300));
    const std::vector<pid_t> processes = other_processes();
    former.die();
    EXPECT_TRUE(all_end(processes));
    EXPECT_TRUE(nobody_is_left());
    open();
    EXPECT_THAT(inherited_, IsEmpty());
    EXPECT_EQ(sandbox_->inherited_about(), std::nullopt);
}

TEST_F(Adoption, is_not_waited_for_without_leases_or_without_anything_to_keep) {
    for (const auto good_for : {Seconds(0), Seconds(3600)}) {
        FormerLife former(settings_,
                          good_for == Seconds(0) ? std::vector<std::string>{waits_for_go} : std::vector<std::string>{},
                          good_for);
        const std::vector<pid_t> processes = other_processes();
        former.die();
        EXPECT_TRUE(all_end(processes));
    }
}

TEST_F(Adoption, ends_what_other_settings_cannot_take_over) {
    FormerLife former(settings_, {waits_for_go}, Seconds(60));
    const std::vector<pid_t> processes = other_processes();
    former.die();
    settings_.slots = 3;
    open();
    EXPECT_TRUE(all_end(processes));
    EXPECT_THAT(inherited_, IsEmpty());
    const auto next = sandbox_->start(script("echo new"));
    ASSERT_TRUE(next.ok()) << next.error().message;
    EXPECT_TRUE(wait_for<BoxEnded>(next->box).has_value());
}

TEST_F(Adoption, of_what_was_forgotten_does_not_happen) {
    FormerLife former(settings_, {waits_for_go, "exit 0"}, Seconds(60),
                      [](Sandbox& sandbox, const std::set<BoxId>& ended) {
                          for (bool over = !ended.empty(); !over;) {
                              pollfd ready{sandbox.fd(), POLLIN, 0};
                              poll(&ready, 1, 1000);
                              for (const BoxEvent& event : sandbox.take_events())
                                  over |= std::holds_alternative<BoxEnded>(event);
                          }
                          sandbox.forget(2);
                      });
    former.die();
    open();
    ASSERT_EQ(inherited_.size(), 1U);
    EXPECT_EQ(inherited_[0].record.back(), (RecordEntry{'x', waits_for_go}));
}

TEST_F(Adoption, finds_what_was_added_to_a_record_and_to_files_in_memory) {
    FormerLife former(settings_, {waits_for_go}, Seconds(60), [](Sandbox& sandbox, const std::set<BoxId>&) {
        sandbox.add_to_record(1, 'y', "one");
        sandbox.add_to_record(1, 'z', "two");
        if (write(sandbox.journals()[0], "kept", 4) != 4) _exit(1);
    });
    former.die();
    open();
    ASSERT_EQ(inherited_.size(), 1U);
    const auto& record = inherited_[0].record;
    ASSERT_GE(record.size(), 3U);
    EXPECT_EQ(record[record.size() - 2], (RecordEntry{'y', "one"}));
    EXPECT_EQ(record[record.size() - 1], (RecordEntry{'z', "two"}));
    std::array<char, 8> journal{};
    EXPECT_EQ(pread(sandbox_->journals()[0], journal.data(), journal.size(), 0), 4);
    EXPECT_EQ(std::string(journal.data()), "kept");
}

TEST_F(Adoption, of_a_spawner_that_dies_is_noticed) {
    FormerLife former(settings_, {waits_for_go}, Seconds(60));
    former.die();
    open();
    for (const pid_t pid : other_processes()) {
        if (read_small(fmt::format("/proc/{}/comm", pid)) == "windlass-spawn\n") kill(pid, SIGKILL);
    }
    const auto ended = wait_for<BoxEnded>(inherited_.at(0).launched.box);
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->outcome.kind, OutcomeKind::worker_lost);
    EXPECT_THAT(sandbox_->broken(), HasSubstr("spawner"));
    sandbox_.reset();
    EXPECT_TRUE(nobody_is_left());
}

TEST_F(Adoption, is_left_alone_by_an_end_in_peace) {
    {
        auto sandbox = Sandbox::open(settings_);
        ASSERT_TRUE(sandbox.ok()) << sandbox.error().message;
        (*sandbox)->good_until(in_seconds(3600));
        ASSERT_TRUE((*sandbox)->start(script("sleep 1000")).ok());
    }
    EXPECT_THAT(other_processes(), IsEmpty()) << "who ends its sandbox ends its boxes";
}

}  // namespace
}  // namespace windlass::worker::testing
