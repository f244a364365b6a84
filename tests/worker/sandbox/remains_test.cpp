// What is left of a job: on the host, for the next job of the slot, and when the kernel itself cannot end a process.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/support/files_below.h"
#include "tests/support/patience.h"
#include "tests/worker/sandbox/test_box.h"
#include "worker/sandbox/stuck.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string bytes_of(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(bytes).str();
}

std::set<std::string> files_below(const std::string& directory) {
    const auto files = test::files_below(directory);
    return {files.begin(), files.end()};
}

// Only what the job could have made: others use the machine too.
std::set<std::string> ours_in(const std::string& directory) {
    std::set<std::string> files = files_below(directory);
    std::erase_if(files, [](const std::string& file) { return file.find("left") == std::string::npos; });
    return files;
}

// The names of what a namespace of its own shows: its inode. Every process of the host that we may look at.
std::set<std::string> network_namespaces() {
    std::set<std::string> found;
    for (const pid_t pid : other_processes()) {
        std::error_code ignored;
        found.insert(std::filesystem::read_symlink(fmt::format("/proc/{}/ns/net", pid), ignored).string());
    }
    return found;
}

// Every noun of "nothing of a job stays on the host".
struct Inventory {
    explicit Inventory(const SandboxSettings& settings)
        : processes(other_processes()),
          mounts(bytes_of("/proc/self/mountinfo")),
          state_files(files_below(settings.state_directory)),
          temporary_files(ours_in("/dev/shm")),
          memory(bytes_of("/proc/sysvipc/shm") + bytes_of("/proc/sysvipc/msg") + bytes_of("/proc/sysvipc/sem")),
          keys(bytes_of("/proc/keys")),
          networks(network_namespaces()),
          unix_sockets(bytes_of("/proc/net/unix").find("@left") != std::string::npos),
          udp(bytes_of("/proc/net/udp")),
          tcp(bytes_of("/proc/net/tcp")) {}
    std::vector<pid_t> processes;
    std::string mounts;
    std::set<std::string> state_files;
    std::set<std::string> temporary_files;
    std::string memory;
    std::string keys;
    std::set<std::string> networks;
    bool unix_sockets;
    std::string udp;
    std::string tcp;
};

constexpr const char* litter =
    "echo x > left; echo x > /tmp/left; echo x > /dev/shm/left; mkdir -p out/a/b; echo x > out/a/b/left\n"
    "ipcmk -M 4096 > /dev/null 2>&1; ipcmk -Q > /dev/null 2>&1; ipcmk -S 2 > /dev/null 2>&1\n"
    "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack(\"Sa*\", AF_UNIX, \"\\0left\")); listen(S, 1);"
    "  socket(U, PF_INET, SOCK_DGRAM, 0); bind(U, sockaddr_in(7777, INADDR_ANY)); "
    "print \"up\\n\"; $| = 1; close STDOUT; sleep 1000' &\n"
    "(setsid sh -c 'trap \"\" TERM HUP; (sleep 1000 &) ; kill -STOP $$' &)\n"
    "exec 9< /usr/bin/env; flock -n 9; while ! grep -q left /proc/net/unix; do :; done\n";

void expect_nothing_left(const SandboxSettings& settings, const Inventory& before) {
    const Inventory after(settings);
    EXPECT_EQ(after.processes, before.processes);
    EXPECT_EQ(after.mounts, before.mounts);
    EXPECT_EQ(after.state_files, before.state_files);
    EXPECT_EQ(after.temporary_files, before.temporary_files);
    EXPECT_EQ(after.memory, before.memory);
    EXPECT_EQ(after.keys, before.keys);
    EXPECT_EQ(after.networks, before.networks);
    EXPECT_EQ(after.unix_sockets, before.unix_sockets);
    EXPECT_EQ(after.udp, before.udp);
    EXPECT_EQ(after.tcp, before.tcp);
}

TEST(Remains, of_a_job_that_ended_there_are_none_on_the_host) {
    TestBox box(1);
    const Inventory before(box.settings());
    for (int i = 0; i < 3; i++) {
        const Finished finished = box.run(script(std::string(litter) + "exit 0"));
        EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""})) << finished.err;
    }
    expect_nothing_left(box.settings(), before);
}

TEST(Remains, of_a_job_that_was_killed_there_are_none_on_the_host) {
    TestBox box(1);
    const Inventory before(box.settings());
    const BoxId id = box.start(script(std::string(litter) + "echo ready; while :; do sleep 1000; done"));
    box.wait_for_output(id, "ready");
    box.sandbox().stop(id, Milliseconds(0));
    EXPECT_EQ(box.finish(id).outcome.signal, SIGKILL);
    expect_nothing_left(box.settings(), before);
}

// Waits for it: between fork and exec it has another name. 0: it never came.
pid_t process_named(const std::string& name) {
    const auto deadline = std::chrono::steady_clock::now() + windlass::test::patience();
    while (std::chrono::steady_clock::now() < deadline) {
        for (const pid_t pid : other_processes()) {
            if (bytes_of(fmt::format("/proc/{}/comm", pid)) == name + "\n") return pid;
        }
    }
    return 0;
}

// What the collector may rely on: when the directory is handed over nobody is left who could change it.
TEST(Remains, nobody_writes_into_the_working_directory_any_more_when_it_is_handed_over) {
    TestBox box(1);
    for (int i = 0; i < 20; i++) {
        const Finished finished = box.run(script(
            "for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM HUP; while :; do date +%N > out/changing; done' &); "
            "done; while [ ! -s out/changing ]; do :; done"));
        const std::string first = read_in(finished.work_directory, "out/changing");
        struct stat one {};
        struct stat two {};
        ASSERT_EQ(fstatat(finished.work_directory.get(), "out/changing", &one, 0), 0);
        EXPECT_EQ(box.run(script("date +%N")).outcome.kind, OutcomeKind::exited) << "time passes: a whole job";
        ASSERT_EQ(fstatat(finished.work_directory.get(), "out/changing", &two, 0), 0);
        EXPECT_EQ(one.st_mtim.tv_nsec, two.st_mtim.tv_nsec);
        EXPECT_EQ(read_in(finished.work_directory, "out/changing"), first);
    }
}

// PID 1 with only what it needs; and no descriptor in it, so that nothing is left to steal or to keep open.
TEST(Remains, pid_one_keeps_no_descriptor_and_one_capability) {
    TestBox box(1);
    const BoxId id = box.start(script("echo up; while :; do sleep 1000; done"));
    box.wait_for_output(id, "up");
    const pid_t pid = process_named("box 7.1");
    ASSERT_GT(pid, 0);
    const std::string status_file = fmt::format("/proc/{}/status", pid);
    const std::string only_kill = "CapPrm:\t0000000000000020\n";
    const auto deadline = std::chrono::steady_clock::now() + windlass::test::patience();
    // The job may print before PID 1, which waited for its exec, goes on to give up the rest.
    while (bytes_of(status_file).find(only_kill) == std::string::npos && std::chrono::steady_clock::now() < deadline) {
    }
    const std::string status = bytes_of(status_file);
    EXPECT_THAT(status, HasSubstr(only_kill));
    EXPECT_THAT(status, HasSubstr("CapEff:\t0000000000000020\n"));
    EXPECT_THAT(status, HasSubstr("CapInh:\t0000000000000000\n"));
    EXPECT_THAT(status, HasSubstr("CapBnd:\t0000000000000000\n"));
    if (!rootless()) {  // there it is hidden even from its own user
        const std::string descriptors = fmt::format("/proc/{}/fd", pid);
        while (!std::filesystem::is_empty(descriptors) && std::chrono::steady_clock::now() < deadline) {
        }
        EXPECT_TRUE(std::filesystem::is_empty(descriptors));
    }
    box.sandbox().stop(id, Milliseconds(0));
    box.finish(id);
}

// ---- processes that the kernel does not end

// A process frozen by cgroup v1 does not die of SIGKILL before it is thawed (Documentation/admin-guide/cgroup-v1/
// freezer-subsystem.rst): as unkillable as one that waits for a dead disk, and it can be set free again.
class Freezer {
  public:
    static constexpr const char* hierarchy = "/sys/fs/cgroup/freezer";
    static bool available() {
        return access((std::string(hierarchy) + "/freezer.state").c_str(), F_OK) == 0 || access(hierarchy, W_OK) == 0;
    }

    explicit Freezer(const std::string& name) : directory_(std::string(hierarchy) + "/" + name) {
        EXPECT_TRUE(make_group(directory_).ok());
    }
    ~Freezer() {
        thaw();
        remove_group(directory_);
    }
    void freeze(pid_t pid) {
        EXPECT_TRUE(write_file(directory_ + "/cgroup.procs", std::to_string(pid)).ok());
        EXPECT_TRUE(write_file(directory_ + "/freezer.state", "FROZEN").ok());
        while (read_small(directory_ + "/freezer.state") != "FROZEN\n") {  // which tells nobody when it has frozen
        }
    }
    void thaw() const { EXPECT_TRUE(write_file(directory_ + "/freezer.state", "THAWED").ok()); }

  private:
    std::string directory_;
};

class Stuck : public ::testing::Test {
  protected:
    void SetUp() override {
        if (rootless() || !Freezer::available() || access(Freezer::hierarchy, W_OK) != 0)
            GTEST_SKIP() << "no freezer of cgroup v1 that may be written: nothing here can make a process unkillable";
    }
};

TEST_F(Stuck, box_is_told_with_the_process_and_where_it_waits_and_keeps_its_slot_until_it_ends) {
    TestBox box(2);
    Freezer freezer(box.settings().cgroup);
    const BoxId id = box.start(script("sleep 4711 & echo up; wait"));
    box.wait_for_output(id, "up");
    const pid_t frozen = process_named("sleep");
    ASSERT_GT(frozen, 0);
    freezer.freeze(frozen);
    box.sandbox().stop(id, Milliseconds(0));
    const std::string why = box.wait_until_stuck(id);
    EXPECT_THAT(why,
                HasSubstr(fmt::format("process {} (sleep) of box 7.1 was killed and does not end: state D", frozen)));
    EXPECT_EQ(box.sandbox().stuck_boxes(), 1);
    EXPECT_FALSE(box.has_ended(id)) << "not before the last process is gone";

    const Finished other = box.run(script("echo the other slot is well"));
    EXPECT_EQ(other.out, "the other slot is well\n");
    const BoxId second = box.start(script("while :; do sleep 1000; done"));
    EXPECT_FALSE(box.sandbox().start(script("true")).ok()) << "the slot of the stuck box is not used again";
    box.sandbox().stop(second, Milliseconds(0));
    box.finish(second);

    freezer.thaw();
    EXPECT_EQ(box.finish(id).outcome.kind, OutcomeKind::signalled);
    EXPECT_EQ(box.sandbox().stuck_boxes(), 0);
    EXPECT_THAT(stuck_processes(), IsEmpty());
    for (int i = 0; i < 3; i++) EXPECT_EQ(box.run(script("echo again")).out, "again\n");
}

TEST_F(Stuck, box_whose_main_process_has_ended_is_told_without_being_stopped) {
    TestBox box(1);
    Freezer freezer(box.settings().cgroup);
    const BoxId id = box.start(script("mkfifo f; (sleep 4711 > /dev/null 2>&1 &); echo up; read nothing < f; exit 3"));
    box.wait_for_output(id, "up");
    const pid_t frozen = process_named("sleep");
    ASSERT_GT(frozen, 0);
    freezer.freeze(frozen);
    const pid_t main_process = process_named("sh");
    ASSERT_GT(main_process, 0);
    kill(main_process, SIGKILL);
    EXPECT_THAT(box.wait_until_stuck(id), HasSubstr(fmt::format("process {} (sleep)", frozen)));
    freezer.thaw();
    EXPECT_EQ(box.finish(id).outcome.signal, SIGKILL);
}

TEST_F(Stuck, past_life_does_not_keep_the_next_worker_from_starting) {
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path(), 1);
    Freezer freezer(settings.cgroup);
    const pid_t worker = fork();
    if (worker == 0) {
        auto sandbox = Sandbox::open(settings);
        if (!sandbox || !(*sandbox)->start(script("exec sleep 4711"))) _exit(1);
        for (;;) pause();
    }
    const pid_t frozen = process_named("sleep");
    ASSERT_GT(frozen, 0);
    freezer.freeze(frozen);
    kill(worker, SIGKILL);
    waitpid(worker, nullptr, 0);
    auto next = Sandbox::open(settings);
    ASSERT_TRUE(next.ok()) << next.error().message;
    EXPECT_EQ(kill(frozen, 0), 0) << "it is still there, in its old group";
    EXPECT_THAT(in_words(stuck_processes().at(0)), HasSubstr("was killed and does not end"));
    EXPECT_TRUE((*next)->start(script("true")).ok());
    freezer.thaw();
    next->reset();
}

}  // namespace
}  // namespace windlass::worker::testing
