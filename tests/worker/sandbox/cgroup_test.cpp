// The cgroup v2 backend, against a directory of plain files (what is written where, when a group is recycled) and, as
// root on a machine that mounts cgroup2, against the kernel (killing, counting processor time).
#include "worker/sandbox/cgroup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "worker/sandbox/cgroup_backends.h"
#include "worker/sandbox/cgroup_files.h"

namespace windlass::worker {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class PretendCgroup : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = "/tmp/windlass-cgroup-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        base = name;
        put(base / "cgroup.subtree_control", "");
        put(base / "windlass-worker" / "cgroup.procs", "");
        put(base / "boxes" / "cgroup.subtree_control", "");
        for (const char* group : {"slot-0.0", "slot-0.1"}) {
            for (const char* file : {"cgroup.procs", "cpu.stat", "memory.current", "memory.events", "memory.peak",
                                     "memory.max", "memory.swap.max", "memory.oom.group", "pids.max", "cpu.max",
                                     "pids.peak", "pids.events", "io.stat", "cpu.pressure", "memory.pressure"}) {
                put(base / "boxes" / group / file, "");
            }
        }
    }
    void TearDown() override {
        groups.reset();
        fs::remove_all(base);
    }

    void open() {
        CgroupSupport support;
        support.version = 2;
        support.top = support.base = base.string();
        support.worker_moves = true;
        auto opened = Cgroups::open(support, "boxes", 1);
        ASSERT_TRUE(opened.ok()) << opened.error().message;
        groups = std::move(opened).value();
    }
    static void put(const fs::path& path, const std::string& text) {
        fs::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    std::string get(const std::string& file) const { return read_small((base / "boxes" / file).string()); }

    fs::path base;
    std::unique_ptr<Cgroups> groups;
};

TEST_F(PretendCgroup, worker_moves_into_a_leaf_and_the_controllers_are_passed_down) {
    open();
    EXPECT_EQ(read_small((base / "windlass-worker/cgroup.procs").string()), std::to_string(getpid()));
    EXPECT_EQ(read_small((base / "cgroup.subtree_control").string()), "+memory +pids +cpu ");
    EXPECT_EQ(get("cgroup.subtree_control"), "+memory +pids +cpu ");
}

TEST_F(PretendCgroup, limits_are_written_and_swap_is_off) {
    open();
    Limits limits;
    limits.memory_bytes = 64 * mebibyte;
    limits.processes = 20;
    limits.cpu_millis = 1500;
    ASSERT_TRUE(groups->prepare(0, limits).ok());
    EXPECT_EQ(get("slot-0.0/memory.max"), "67108864");
    EXPECT_EQ(get("slot-0.0/memory.swap.max"), "0");
    EXPECT_EQ(get("slot-0.0/memory.oom.group"), "1");
    EXPECT_EQ(get("slot-0.0/pids.max"), "21") << "one more for PID 1";
    EXPECT_EQ(get("slot-0.0/cpu.max"), "150000 100000");
}

TEST_F(PretendCgroup, only_what_changed_is_written_again) {
    open();
    const Limits limits;
    ASSERT_TRUE(groups->prepare(0, limits).ok());
    put(base / "boxes/slot-0.0/memory.max", "untouched");
    ASSERT_TRUE(groups->prepare(0, limits).ok());
    EXPECT_EQ(get("slot-0.0/memory.max"), "untouched");
}

TEST_F(PretendCgroup, group_is_recycled_while_it_is_clean) {
    open();
    EXPECT_TRUE(*groups->prepare(0, Limits{})) << "first use: the spawner needs its entrance";
    put(base / "boxes/slot-0.0/memory.current", "1000000");
    EXPECT_FALSE(*groups->prepare(0, Limits{}));
    EXPECT_THAT(get("slot-0.0/memory.peak"), HasSubstr("reset"));
}

TEST_F(PretendCgroup, group_still_charged_with_memory_is_replaced) {
    open();
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());
    put(base / "boxes/slot-0.0/memory.current", "500000000");
    EXPECT_TRUE(*groups->prepare(0, Limits{}));
    EXPECT_EQ(get("slot-0.1/memory.max"), std::to_string(Limits{}.memory_bytes));
}

TEST_F(PretendCgroup, counters_are_told_as_differences) {
    open();
    put(base / "boxes/slot-0.0/memory.events", "low 0\nmax 9\noom 1\noom_kill 4\n");
    put(base / "boxes/slot-0.0/cpu.stat", "usage_usec 700\nuser_usec 500\nsystem_usec 200\n");
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());
    put(base / "boxes/slot-0.0/memory.events", "low 0\nmax 9\noom 2\noom_kill 6\n");
    put(base / "boxes/slot-0.0/cpu.stat", "usage_usec 2700\nuser_usec 1500\nsystem_usec 1200\n");
    put(base / "boxes/slot-0.0/memory.peak", "123456\n");
    const CgroupReading reading = groups->collect(0);
    EXPECT_EQ(reading.memory_kills, 2);
    EXPECT_EQ(reading.peak_memory_bytes, 123456);
    EXPECT_EQ(reading.cpu_user, Microseconds(1000));
    EXPECT_EQ(reading.cpu_system, Microseconds(1000));
}

TEST_F(PretendCgroup, refused_forks_io_and_stalls_are_told_as_differences) {
    open();
    put(base / "boxes/slot-0.0/pids.events", "max 3\n");
    put(base / "boxes/slot-0.0/io.stat", "8:0 rbytes=4096 wbytes=100 rios=1 wios=1 dbytes=0 dios=0\n");
    put(base / "boxes/slot-0.0/cpu.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n");
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());
    put(base / "boxes/slot-0.0/pids.events", "max 15\n");
    put(base / "boxes/slot-0.0/io.stat",
        "8:0 rbytes=8192 wbytes=150 rios=2 wios=2 dbytes=0 dios=0\n8:16 rbytes=1000 wbytes=7 rios=1 wios=1\n");
    put(base / "boxes/slot-0.0/cpu.pressure", "some avg10=9.00 avg60=0.00 avg300=0.00 total=51000\n");
    put(base / "boxes/slot-0.0/memory.pressure",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=777\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=20\n");
    put(base / "boxes/slot-0.0/pids.peak", "9\n");
    const CgroupReading reading = groups->collect(0);
    EXPECT_EQ(reading.process_refusals, 12);
    EXPECT_EQ(reading.peak_processes, 8) << "without PID 1";
    EXPECT_EQ(reading.read_bytes, 8192 + 1000 - 4096);
    EXPECT_EQ(reading.written_bytes, 57);
    EXPECT_EQ(reading.cpu_stall, Microseconds(50'000));
    EXPECT_EQ(reading.memory_stall, Microseconds(20));
}

TEST_F(PretendCgroup, processor_time_so_far_is_of_this_run) {
    open();
    put(base / "boxes/slot-0.0/cpu.stat", "usage_usec 700\nuser_usec 500\nsystem_usec 200\n");
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());
    put(base / "boxes/slot-0.0/cpu.stat", "usage_usec 2700\nuser_usec 1500\nsystem_usec 1200\n");
    EXPECT_EQ(groups->cpu_used(0), Microseconds(2000));
}

TEST_F(PretendCgroup, group_of_a_job_with_many_processes_is_replaced_because_its_mark_stays) {
    open();
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());
    put(base / "boxes/slot-0.0/pids.peak", "5\n");
    EXPECT_FALSE(*groups->prepare(0, Limits{}));
    put(base / "boxes/slot-0.0/pids.peak", "6\n");
    EXPECT_TRUE(*groups->prepare(0, Limits{}));
    EXPECT_EQ(get("slot-0.1/memory.max"), std::to_string(Limits{}.memory_bytes));
}

TEST_F(PretendCgroup, what_holds_a_told_group_open_moves_into_a_leaf_and_the_worker_stays_where_it_is) {
    put(base / "cgroup.procs", "4711\n");
    put(base / "holder" / "cgroup.procs", "");
    CgroupSupport support;
    support.version = 2;
    support.top = support.base = base.string();
    support.is_told = true;
    auto opened = Cgroups::open(support, "boxes", 1);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    groups = std::move(opened).value();
    EXPECT_EQ(read_small((base / "holder/cgroup.procs").string()), "4711");
    EXPECT_EQ(read_small((base / "windlass-worker/cgroup.procs").string()), "");
    EXPECT_EQ(read_small((base / "cgroup.subtree_control").string()), "+memory +pids +cpu ");
    ASSERT_TRUE(groups->prepare(0, Limits{}).ok());

    fs::remove_all(base / "boxes");
    const auto gone = groups->prepare(0, Limits{});
    ASSERT_FALSE(gone.ok());
    EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
    EXPECT_THAT(gone.error().message, HasSubstr("windlass-boxes"));
}

// A hierarchy of directories as systemd makes it, in which the worker and the boxes are units of one slice.
class PretendHierarchy : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name = "/tmp/windlass-hierarchy-XXXXXX";
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        mount = name;
        add("");
        add("windlass.slice");
        add("windlass.slice/jobs.slice");
        add("windlass.slice/jobs.slice/worker.service");
        add("windlass.slice/jobs.slice/boxes.service");
    }
    void TearDown() override { fs::remove_all(mount); }
    void add(const std::string& group, const std::string& controllers = "cpu io memory pids\n") {
        const fs::path directory = mount / group;
        fs::create_directories(directory);
        for (const char* file : {"cgroup.procs", "cgroup.subtree_control"}) std::ofstream(directory / file) << "";
        std::ofstream(directory / "cgroup.controllers") << controllers;
        if (!group.empty()) std::ofstream(directory / "cgroup.type") << "domain\n";
    }
    void put_in(const std::string& group, pid_t process) {
        std::ofstream(mount / group / "cgroup.procs", std::ios::app) << process << "\n";
    }
    CgroupSupport examine(const std::string& told, const std::string& place = worker) const {
        return examine_cgroups_v2(mount.string(), place, told);
    }
    std::string at(const std::string& group) const { return (mount / group).string(); }

    static constexpr const char* worker = "/windlass.slice/jobs.slice/worker.service";
    fs::path mount;
};

TEST_F(PretendHierarchy, a_group_beside_the_workers_is_named_from_there) {
    const CgroupSupport support = examine("../boxes.service");
    EXPECT_EQ(support.version, 2);
    EXPECT_EQ(support.base, at("windlass.slice/jobs.slice/boxes.service"));
    EXPECT_TRUE(support.is_told);
    EXPECT_FALSE(support.worker_moves);
    EXPECT_TRUE(support.counts_io);
    EXPECT_EQ(support.missing_memory + support.missing_processes + support.missing_cpu, "");
}

TEST_F(PretendHierarchy, a_worker_in_a_leaf_of_its_own_finds_the_same_group) {
    EXPECT_EQ(examine("../boxes.service", std::string(worker) + worker_leaf).base,
              at("windlass.slice/jobs.slice/boxes.service"));
}

TEST_F(PretendHierarchy, a_group_is_named_from_the_root_on_wherever_the_worker_is) {
    EXPECT_EQ(examine("/windlass.slice/jobs.slice/boxes.service", "/user.slice").base,
              at("windlass.slice/jobs.slice/boxes.service"));
}

TEST_F(PretendHierarchy, a_group_that_is_not_there_is_no_reason_to_take_another_one) {
    for (const char* told : {"../nothing.service", "/nothing.slice/boxes.service", "../../../../../etc"}) {
        const CgroupSupport support = examine(told);
        EXPECT_EQ(support.version, 0);
        EXPECT_THAT(support.missing_memory, HasSubstr(std::string("worker.cgroup is ") + told));
        EXPECT_THAT(support.fix, HasSubstr("systemctl start windlass-boxes"));
    }
    EXPECT_THAT(examine("../nothing.service").missing_cpu, HasSubstr(at("windlass.slice/jobs.slice/nothing.service")));
}

TEST_F(PretendHierarchy, where_version_1_holds_the_controllers_nothing_is_said_about_a_told_group) {
    add("", "hugetlb\n");
    const CgroupSupport support = examine("../boxes.service");
    EXPECT_EQ(support.version, 0);
    EXPECT_EQ(support.missing_memory, "") << "version 1 is looked at";
}

TEST_F(PretendHierarchy, without_a_word_the_worker_moves_out_of_a_group_that_is_its_own) {
    put_in(worker + 1, getpid());
    const CgroupSupport support = examine("");
    EXPECT_EQ(support.base, at(worker + 1));
    EXPECT_TRUE(support.worker_moves);
    EXPECT_FALSE(support.is_told);
}

TEST_F(PretendHierarchy, without_a_word_the_slice_above_is_taken_from_a_group_that_is_shared) {
    put_in(worker + 1, getpid());
    put_in(worker + 1, getppid());
    const CgroupSupport support = examine("");
    EXPECT_EQ(support.base, at("windlass.slice/jobs.slice"));
    EXPECT_FALSE(support.worker_moves);
}

std::string cgroup2_mount() {
    std::ifstream in("/proc/self/mounts");
    for (std::string source, where, type, rest; in >> source >> where >> type && std::getline(in, rest);) {
        if (type == "cgroup2" && access((where + "/cgroup.procs").c_str(), W_OK) == 0) return where;
    }
    return "";
}

// In a child: opening moves the process into a leaf.
int kill_what_is_left(const std::string& base) {
    CgroupSupport support;
    support.version = 2;
    support.top = support.base = base;
    support.worker_moves = true;
    support.missing_memory = support.missing_processes = support.missing_cpu = "held by v1, perhaps";
    auto opened = Cgroups::open(support, "boxes", 1);
    if (!opened) return 1;
    Cgroups& groups = **opened;
    if (!groups.prepare(0, Limits{}).ok()) return 2;
    const pid_t stubborn = fork();
    if (stubborn == 0) {
        if (!write_file(base + "/boxes/slot-0.0/cgroup.procs", "0").ok()) _exit(1);
        signal(SIGTERM, SIG_IGN);
        for (;;) getppid();
    }
    while (value_of(read_small(base + "/boxes/slot-0.0/cgroup.events"), "populated") == 0) {
        if (waitpid(stubborn, nullptr, WNOHANG) != 0) return 3;
    }
    while (value_of(read_small(base + "/boxes/slot-0.0/cpu.stat"), "user_usec") < 1000) {
    }
    const CgroupReading reading = groups.collect(0);
    int status = 0;
    if (waitpid(stubborn, &status, 0) != stubborn || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) return 4;
    if (reading.cpu_user.value_or(Microseconds(0)) < Microseconds(1000)) return 5;
    opened->reset();
    return access((base + "/boxes").c_str(), F_OK) == 0 ? 6 : 0;
}

TEST(KernelCgroup, processes_left_in_a_group_are_killed_and_counted) {
    const std::string mount = cgroup2_mount();
    if (mount.empty()) GTEST_SKIP() << "no cgroup2 that may be written";
    const std::string base = mount + "/windlass-test-" + std::to_string(getpid());
    ASSERT_EQ(mkdir(base.c_str(), 0755), 0);
    const pid_t child = fork();
    if (child == 0) _exit(kill_what_is_left(base));
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_TRUE(remove_group(base));
}

// In a child, whose filter ends with it: every call is allowed but clone3, as systemd's RestrictNamespaces= has it.
TEST(BirthInAGroup, is_missed_at_the_start_where_a_filter_refuses_it) {
    const pid_t child = fork();
    if (child == 0) {
        sock_filter program[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        };
        const sock_fprog filter{std::size(program), program};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
            _exit(2);
        const Status refused = check_birth_in_group();
        _exit(!refused && refused.error().message.find("RestrictNamespaces=") != std::string::npos ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace windlass::worker
