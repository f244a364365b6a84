// How boxes end: stopped, abandoned by their worker, robbed of their spawner; and that nothing is left.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/files_below.h"
#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* stubborn =
    "trap '' TERM INT HUP; (trap '' TERM; setsid sleep 1000) & echo up; while :; do sleep 1000; done";

std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

std::string first_line(const std::string& path) {
    std::string line;
    std::getline(std::ifstream(path), line);
    return line;
}

std::size_t mounts() {
    std::ifstream in("/proc/self/mounts");
    std::size_t count = 0;
    for (std::string line; std::getline(in, line);) count++;
    return count;
}

std::vector<std::string> groups_named(const std::string& name) {
    std::vector<std::string> found;
    for (const std::string& path : test::files_below("/sys/fs/cgroup"))
        if (std::filesystem::path(path).filename() == name) found.push_back(path);
    return found;
}

class Stop : public SharedBox {};

TEST_F(Stop, lets_a_job_that_handles_TERM_finish) {
    const BoxId id = box->start(script("trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.02; done"));
    box->wait_for_output(id, "up");
    box->sandbox().stop(id, Milliseconds(15'000));
    const Finished finished = box->finish(id);
    EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 3, 0, ""}));
    EXPECT_THAT(finished.out, HasSubstr("bye"));
}

TEST_F(Stop, kills_a_job_that_ignores_everything_after_the_grace) {
    const BoxId id = box->start(script(stubborn));
    box->wait_for_output(id, "up");
    const auto start = std::chrono::steady_clock::now();
    box->sandbox().stop(id, Milliseconds(150));
    const Finished finished = box->finish(id);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::signalled);
    EXPECT_EQ(finished.outcome.signal, SIGKILL);
    EXPECT_GE(since(start).count(), 140);
    EXPECT_GT(finished.usage.cpu_user + finished.usage.cpu_system, Microseconds(0)) << "PID 1 lived to count it";
}

TEST_F(Stop, without_grace_kills_at_once) {
    const BoxId id = box->start(script(stubborn));
    box->wait_for_output(id, "up");
    box->sandbox().stop(id, Milliseconds(0));
    EXPECT_EQ(box->finish(id).outcome.signal, SIGKILL);
}

TEST_F(Stop, later_call_shortens_the_grace_but_never_lengthens_it) {
    const BoxId id = box->start(script(stubborn));
    box->wait_for_output(id, "up");
    box->sandbox().stop(id, Milliseconds(3'600'000));
    box->sandbox().stop(id, Milliseconds(50));
    box->sandbox().stop(id, Milliseconds(3'600'000));
    EXPECT_EQ(box->finish(id).outcome.signal, SIGKILL);
}

TEST_F(Stop, before_the_start_ends_the_box_too) {
    const BoxId id = box->start(script(stubborn));
    box->sandbox().stop(id, Milliseconds(0));
    EXPECT_NE(box->finish(id).outcome.kind, OutcomeKind::exited);
}

TEST_F(Stop, of_an_unknown_or_ended_box_is_ignored) {
    const BoxId id = box->start(script("true"));
    box->finish(id);
    box->sandbox().stop(id, Milliseconds(0));
    box->sandbox().stop(12345, Milliseconds(0));
    box->sandbox().stop(0, Milliseconds(0));
    EXPECT_EQ(box->run(script("echo on")).out, "on\n");
}

TEST_F(Stop, comes_even_if_the_callers_loop_stands_still) {
    const BoxId id = box->start(script(stubborn));
    box->wait_for_output(id, "up");
    std::vector<pid_t> first_processes;
    for (const pid_t pid : other_processes()) {
        if (first_line(fmt::format("/proc/{}/comm", pid)) == "box 7.1") first_processes.push_back(pid);
    }
    ASSERT_EQ(first_processes.size(), 1U);
    box->sandbox().stop(id, Milliseconds(30));
    EXPECT_TRUE(all_end(first_processes)) << "nobody called take_events() meanwhile";
    EXPECT_EQ(box->finish(id).outcome.signal, SIGKILL);
}

TEST(Ending, daemons_that_forked_twice_are_gone_and_do_not_delay_it) {
    TestBox box;
    const std::vector<pid_t> before = other_processes();
    const Finished finished = box.run(script("(setsid sh -c 'sleep 1000 & exec sleep 1000' &) ; echo done"));
    EXPECT_EQ(finished.out, "done\n") << "although a grandchild still held stdout";
    EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
    EXPECT_EQ(other_processes(), before);
}

TEST(Ending, hundred_boxes_leave_no_processes_mounts_or_cgroups) {
    std::string cgroup;
    const std::size_t mounts_before = mounts();
    {
        TestBox box;
        cgroup = box.settings().cgroup;
        const std::vector<pid_t> processes = other_processes();
        const std::size_t open_files = static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
        for (int i = 0; i < 50; i++) {
            const BoxId one = box.start(script("echo one; sleep 1000 &"));
            const BoxId two = box.start(program({"/bin/true"}));
            EXPECT_EQ(box.finish(one).out, "one\n");
            EXPECT_EQ(box.finish(two).outcome.kind, OutcomeKind::exited);
        }
        EXPECT_EQ(other_processes(), processes);
        EXPECT_EQ(static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                                         std::filesystem::directory_iterator())),
                  open_files);
    }
    EXPECT_EQ(mounts(), mounts_before);
    EXPECT_THAT(other_processes(), IsEmpty());
    EXPECT_THAT(groups_named(cgroup), IsEmpty());
}

TEST(Weight, of_all_jobs_together_is_less_than_that_of_one_process_beside_them) {
    TestBox box;
    std::string shares;
    for (const std::string& group : groups_named(box.settings().cgroup))
        if (const std::string found = first_line(group + "/cpu.shares"); !found.empty()) shares = found;
    if (shares.empty()) GTEST_SKIP() << "no cgroup v1 with a processor controller here";
    EXPECT_EQ(shares, "512");
}

TEST(Ending, closing_the_sandbox_kills_every_box) {
    std::vector<pid_t> processes;
    {
        TestBox box;
        box.wait_for_output(box.start(script(stubborn)), "up");
        processes = other_processes();
        EXPECT_GE(processes.size(), 5U);
    }
    EXPECT_THAT(other_processes(), IsEmpty());
}

// A worker of its own: starts two boxes, says so, and waits to be killed.
[[noreturn]] void be_a_worker(const SandboxSettings& settings, int say) {
    auto sandbox = Sandbox::open(settings);
    if (!sandbox) _exit(1);
    for (int i = 0; i < 2; i++) {
        if (!(*sandbox)->start(script(stubborn))) _exit(1);
    }
    for (int started = 0; started < 2;) {
        for (const BoxEvent& event : (*sandbox)->take_events())
            started += std::holds_alternative<BoxStarted>(event) ? 1 : 0;
    }
    if (write(say, "up", 2) != 2) _exit(1);
    for (;;) pause();
}

TEST(Ending, worker_killed_with_SIGKILL_leaves_nothing_and_the_next_one_cleans_up) {
    const TemporaryDirectory directory;
    const SandboxSettings settings = test_settings(directory.path());
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
    const FileDescriptor listen(pipe[0]);
    const pid_t worker = fork();
    if (worker == 0) be_a_worker(settings, pipe[1]);
    close(pipe[1]);
    std::array<char, 2> up{};
    ASSERT_EQ(read(listen.get(), up.data(), up.size()), 2);
    const std::vector<pid_t> processes = other_processes();
    EXPECT_GE(processes.size(), 7U) << "worker, guard, spawner, two of PID 1, two jobs at least";
    kill(worker, SIGKILL);
    waitpid(worker, nullptr, 0);
    EXPECT_TRUE(all_end(processes));
    EXPECT_THAT(other_processes(), IsEmpty());

    auto next = Sandbox::open(settings);
    ASSERT_TRUE(next.ok()) << next.error().message;
    next->reset();
    EXPECT_THAT(groups_named(settings.cgroup), IsEmpty());
}

TEST(Ending, sandbox_survives_the_end_of_the_thread_that_opened_it) {
    std::unique_ptr<TestBox> box;
    std::thread([&] { box = std::make_unique<TestBox>(); }).join();
    EXPECT_EQ(box->run(script("echo still here")).out, "still here\n");
}

TEST(Ending, death_of_the_spawner_ends_every_box_and_is_told) {
    TestBox box;
    const BoxId id = box.start(script(stubborn));
    box.wait_for_output(id, "up");
    const std::vector<pid_t> processes = other_processes();
    for (const pid_t pid : processes) {
        if (first_line(fmt::format("/proc/{}/comm", pid)) == "windlass-spawn") kill(pid, SIGKILL);
    }
    box.wait_until_broken();
    EXPECT_THAT(box.sandbox().broken(), HasSubstr("spawner"));
    EXPECT_EQ(box.finish(id).outcome.kind, OutcomeKind::worker_lost);
    EXPECT_TRUE(all_end(processes));
    EXPECT_FALSE(box.sandbox().start(script("true")).ok());
}

}  // namespace
}  // namespace windlass::worker::testing
