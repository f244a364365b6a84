// The program itself: what it answers to a scheduler, to signals and to a wrong configuration, told by how it exits.
#include <gtest/gtest.h>

#include <csignal>

#include "shared/digest.h"
#include "tests/support/temporary_directory.h"
#include "tests/worker/sandbox/test_box.h"
#include "tests/worker/scripted_scheduler.h"

namespace windlass::worker::testing {
namespace {

class Process : public ::testing::Test {
  protected:
    Process() : scheduler_(loop_, scratch_ / "socket") { std::signal(SIGPIPE, SIG_IGN); }
    ~Process() override {
        if (running_ && !exit_) {
            uv_process_kill(&process_, SIGKILL);
            loop_.until([&] { return exit_.has_value(); });
        }
        if (running_) uv_close(reinterpret_cast<uv_handle_t*>(&process_), nullptr);
        scheduler_.cut();
        scheduler_.stop_listening();
        uv_run(loop_.get(), UV_RUN_DEFAULT);
    }
    void start(std::vector<std::string> more = {}) {
        const auto sandbox = test_settings(scratch_ / "state/sandbox");
        std::vector<std::string> words = {"windlass-worker",
                                          "--scheduler-listen=unix:" + (scratch_ / "socket"),
                                          "--worker-name=node-1",
                                          "--worker-slots=2",
                                          "--worker-state-directory=" + (scratch_ / "state"),
                                          "--worker-spawner=" + sandbox.spawner_path,
                                          "--worker-cgroup=" + sandbox.cgroup,
                                          "--worker-first-uid=" + std::to_string(sandbox.first_uid),
                                          "--worker-adopt=false",  // what a test kills is to leave nothing
                                          "--worker-kill-grace-ms=200"};
        for (const Protection missing : sandbox.allow_weaker)
            words.push_back("--worker-allow-weaker=" + std::string(name(missing)));
        words.insert(words.end(), more.begin(), more.end());
        std::vector<char*> arguments;
        for (auto& word : words) arguments.push_back(word.data());
        arguments.push_back(nullptr);
        uv_stdio_container_t streams[3] = {};
        for (auto& stream : streams) stream.flags = UV_IGNORE;
        streams[2].flags = UV_INHERIT_FD;
        streams[2].data.fd = 2;
        uv_process_options_t options{};
        options.file = WORKER_PATH;
        options.args = arguments.data();
        options.stdio = streams;
        options.stdio_count = 3;
        options.exit_cb = [](uv_process_t* process, int64_t code, int signal) {
            *static_cast<std::optional<std::pair<int64_t, int>>*>(process->data) = {code, signal};
        };
        process_.data = &exit_;
        ASSERT_EQ(uv_spawn(loop_.get(), &process_, &options), 0);
        running_ = true;
    }
    bool greeted() {
        return loop_.until([&] { return scheduler_.hellos.size() == 1 || exit_; }) && !exit_;
    }
    // -1: it does not end, or by a signal.
    int64_t exit_code() {
        loop_.until([&] { return exit_.has_value(); });
        return exit_ && exit_->second == 0 ? exit_->first : -1;
    }

    test::TemporaryDirectory scratch_;
    TestLoop loop_;
    ScriptedScheduler scheduler_;
    uv_process_t process_{};
    bool running_ = false;
    std::optional<std::pair<int64_t, int>> exit_;
};

TEST_F(Process, runs_a_job_and_ends_with_0_when_told) {
    start();
    ASSERT_TRUE(greeted());
    scheduler_.lease({JobId{1}, 1}, "exit 9");
    ASSERT_TRUE(loop_.until([&] { return scheduler_.finished({JobId{1}, 1}) != nullptr; }));
    EXPECT_EQ(scheduler_.finished({JobId{1}, 1})->result.outcome, (Outcome{OutcomeKind::exited, 9, 0, ""}));
    uv_process_kill(&process_, SIGTERM);
    EXPECT_EQ(exit_code(), 0);
    EXPECT_EQ(scheduler_.count<protocol::WorkerDraining>(), 1u);
}

TEST_F(Process, a_second_signal_does_not_wait_for_jobs) {
    start();
    ASSERT_TRUE(greeted());
    scheduler_.lease({JobId{1}, 1}, "sleep 1000");
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptStarted>() == 1; }));
    uv_process_kill(&process_, SIGTERM);
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::WorkerDraining>() == 1; }));
    uv_process_kill(&process_, SIGINT);
    EXPECT_EQ(exit_code(), 0);
}

TEST_F(Process, jobs_that_outlast_the_drain_are_handed_over_to_other_workers) {
    start({"--worker-drain-ms=100"});
    ASSERT_TRUE(greeted());
    scheduler_.lease({JobId{1}, 1}, "sleep 1000");
    ASSERT_TRUE(loop_.until([&] { return scheduler_.count<protocol::AttemptStarted>() == 1; }));
    uv_process_kill(&process_, SIGTERM);
    EXPECT_EQ(exit_code(), 0);
    ASSERT_NE(scheduler_.finished({JobId{1}, 1}), nullptr);
    EXPECT_EQ(scheduler_.finished({JobId{1}, 1})->result.outcome.kind, OutcomeKind::worker_lost);
}

TEST_F(Process, ends_with_1_when_it_is_refused) {
    scheduler_.refuse = "the secret is wrong";
    start();
    EXPECT_EQ(exit_code(), 1);
}

TEST_F(Process, ends_with_1_before_it_says_anything_when_it_cannot_be_configured) {
    start({"--worker-allow-weaker=everything"});
    EXPECT_EQ(exit_code(), 1);
    EXPECT_TRUE(scheduler_.hellos.empty());
}

TEST_F(Process, is_alone_in_its_state_directory) {
    start();
    ASSERT_TRUE(greeted());
    const auto sandbox = test_settings(scratch_ / "state/sandbox");
    const auto second = Sandbox::open(sandbox);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::conflict);
}

}  // namespace
}  // namespace windlass::worker::testing
