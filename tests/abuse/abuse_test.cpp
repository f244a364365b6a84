// Each hostile program of programs/ in a box: it must be stopped, and the host must look as before.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

enum class End {
    stopped,        // the program itself saw that it could not: exit status 10
    out_of_memory,  // the box was ended; without a memory controller: stopped
    out_of_disk,
    when_asked,  // goes on until the box is stopped, and is gone then
    harmless,    // exit status 0: what matters is what the host looks like
};

struct Act {
    const char* program;
    End end;
    const char* argument = "";
    bool needs_memory_controller = false;
};

constexpr Act acts[] = {
    {"accounting", End::stopped},
    {"aio_contexts", End::stopped},
    {"become_neighbour", End::stopped},
    {"become_root", End::stopped},
    {"bpf_program", End::stopped},
    {"broadcast", End::stopped},
    {"change_attributes", End::stopped},
    {"climb_out", End::stopped},
    {"close_output", End::when_asked},
    {"compare_pointers", End::stopped},
    {"configure_network", End::stopped},
    {"connect_abstract", End::stopped, "ABSTRACT"},
    {"connect_fast_open", End::stopped, "PORT"},
    {"connect_other_transports", End::stopped, "PORT"},
    {"connect_services", End::stopped},
    {"connect_tcp", End::stopped, "PORT"},
    {"connect_tcp6", End::stopped, "PORT"},
    {"core_dump", End::stopped},
    {"daemon", End::harmless},
    {"deep_directories", End::out_of_disk},
    {"descriptor_bomb", End::stopped},
    {"device_nodes", End::stopped},
    {"disk_quota", End::stopped},
    {"epoll_nest", End::stopped},
    {"every_family", End::stopped},
    {"exec_loop", End::when_asked},
    {"fake_executable", End::stopped},
    {"file_capabilities", End::stopped},
    {"file_handles", End::stopped},
    {"fill_disk", End::out_of_disk, "/job"},
    {"fill_disk", End::out_of_disk, "/tmp"},
    {"fill_disk", End::out_of_disk, "/dev/shm"},
    {"filter_bomb", End::stopped},
    {"find_abstract", End::stopped, "ABSTRACT"},
    {"find_canary", End::stopped, "CANARY"},
    {"foreign_calls", End::stopped},
    {"forge_credentials", End::stopped},
    {"forge_signals", End::stopped},
    {"fork_bomb", End::stopped},
    {"fork_tree", End::when_asked},
    {"fork_when_asked", End::when_asked},
    {"freeze_file_system", End::stopped},
    {"guess_processes", End::stopped},
    {"host_files", End::stopped},
    {"huge_arguments", End::stopped},
    {"ignore_signals", End::when_asked},
    {"inode_bomb", End::out_of_disk},
    {"inotify_bomb", End::stopped},
    {"interpreter_loop", End::stopped},
    {"join_group", End::stopped},
    {"join_namespaces", End::stopped},
    {"kernel_addresses", End::stopped},
    {"kernel_knobs", End::stopped},
    {"kernel_log", End::stopped},
    {"keyrings", End::stopped},
    {"kill_everything", End::stopped},
    {"kill_pid_one", End::stopped},
    {"large_pipe", End::stopped},
    {"leaked_descriptors", End::stopped},
    {"lease_host_file", End::stopped},
    {"leave_threads", End::when_asked},
    {"limit_pid_one", End::harmless},
    {"link_by_descriptor", End::stopped},
    {"link_loop", End::harmless},
    {"load_kernel", End::stopped},
    {"load_module", End::stopped},
    {"lock_directory", End::harmless},
    {"lock_memory", End::stopped},
    {"loosen_filter", End::stopped},
    {"loosen_landlock", End::stopped},
    {"mail_descriptors", End::stopped},
    {"make_setuid", End::stopped},
    {"map_for_writing", End::stopped},
    {"map_ids", End::stopped},
    {"map_page_zero", End::stopped},
    {"mapping_bomb", End::stopped},
    {"memfd_bomb", End::out_of_memory},
    {"memory_bomb", End::out_of_memory},
    {"memory_nodes", End::stopped},
    {"message_bomb", End::out_of_memory, "", true},
    {"mount_attributes", End::stopped},
    {"mount_things", End::stopped},
    {"new_mount_calls", End::stopped},
    {"new_namespaces", End::stopped},
    {"odd_names", End::harmless},
    {"old_calls", End::stopped},
    {"open_terminal", End::stopped},
    {"output_flood", End::when_asked},
    {"overwrite_executable", End::stopped},
    {"page_faults", End::stopped},
    {"page_table_bomb", End::out_of_memory, "", true},
    {"paired_families", End::stopped},
    {"perf_counters", End::stopped},
    {"personalities", End::stopped},
    {"pipe_bomb", End::stopped},
    {"plant_results", End::harmless},
    {"port_access", End::stopped},
    {"posix_queues", End::stopped},
    {"privileged_instructions", End::stopped},
    {"raise_capabilities", End::stopped},
    {"raise_ceilings", End::stopped},
    {"raise_limits", End::stopped},
    {"raw_packets", End::stopped},
    {"read_pid_one", End::stopped},
    {"real_time", End::stopped},
    {"reboot_switch", End::stopped},
    {"release_agent", End::stopped},
    {"remove_everything", End::harmless},
    {"reopen_for_writing", End::stopped},
    {"replace_out", End::harmless},
    {"reserve_file", End::stopped},
    {"secret_memory", End::stopped},
    {"secure_bits", End::stopped},
    {"see_processes", End::stopped},
    {"semaphore_bomb", End::out_of_memory, "", true},
    {"send_udp", End::stopped},
    {"set_clock", End::stopped},
    {"shared_memory_bomb", End::out_of_memory, "", true},
    {"shift_time", End::stopped},
    {"sibling", End::harmless},
    {"signal_bomb", End::stopped},
    {"signal_by_descriptor", End::stopped},
    {"signal_by_pidfd", End::stopped},
    {"socket_options", End::stopped},
    {"sparse_file", End::stopped},
    {"spin", End::when_asked},
    {"spin_threads", End::when_asked},
    {"steal_descriptor", End::stopped},
    {"stop_itself", End::when_asked},
    {"stopped_children", End::harmless},
    {"submission_ring", End::stopped},
    {"subreaper", End::harmless},
    {"swap_file", End::stopped},
    {"sysv_memory_bomb", End::out_of_memory},
    {"thread_bomb", End::stopped},
    {"timer_bomb", End::stopped},
    {"trace_others", End::stopped},
    {"type_into_terminal", End::stopped},
    {"unnamed_files", End::stopped},
    {"unusual_sockets", End::stopped},
    {"vfork_chain", End::when_asked},
    {"wake_machine", End::stopped},
    {"watch_file_system", End::stopped},
    {"wide_interfaces", End::stopped},
    {"write_into_others", End::stopped},
    {"zombie_farm", End::stopped},
};

std::string bytes_of(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(bytes).str();
}

// What of the machine nobody may have changed. The clock: how far the time of day is ahead of the time since boot.
struct Settings {
    std::string name = bytes_of("/proc/sys/kernel/hostname");
    std::string core_pattern = bytes_of("/proc/sys/kernel/core_pattern");
    std::string mounts = bytes_of("/proc/self/mountinfo");
    std::string queues = bytes_of("/proc/sysvipc/msg") + bytes_of("/proc/sysvipc/sem") + bytes_of("/proc/sysvipc/shm");
    time_t clock = [] {
        timespec day{};
        timespec boot{};
        clock_gettime(CLOCK_REALTIME, &day);
        clock_gettime(CLOCK_BOOTTIME, &boot);
        return day.tv_sec - boot.tv_sec;
    }();
};

void expect_same(const Settings& before, const Settings& after) {
    EXPECT_EQ(after.name, before.name);
    EXPECT_EQ(after.core_pattern, before.core_pattern);
    EXPECT_EQ(after.mounts, before.mounts);
    EXPECT_EQ(after.queues, before.queues) << "something was left in the kernel's own memory";
    EXPECT_NEAR(static_cast<double>(after.clock), static_cast<double>(before.clock), 2) << "the clock was set";
}

// What the programs try to reach: a listener, an abstract socket, a file, a process of the same user.
class Host {
  public:
    Host()
        : tcp_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)),
          abstract_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        EXPECT_EQ(bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
        EXPECT_EQ(listen(tcp_.get(), 8), 0);
        getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
        port_ = std::to_string(ntohs(address.sin_port));

        sockaddr_un local{};
        local.sun_family = AF_UNIX;
        name_ = "windlass-abuse-" + port_;
        std::copy(name_.begin(), name_.end(), local.sun_path + 1);
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
        EXPECT_EQ(bind(abstract_.get(), reinterpret_cast<sockaddr*>(&local), length), 0);
        EXPECT_EQ(listen(abstract_.get(), 8), 0);

        std::ofstream(canary_) << "alive";
        chmod(canary_.c_str(), 0666);

        bystander_ = fork();
        if (bystander_ == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) pause();
        }
    }
    ~Host() {
        kill(bystander_, SIGKILL);
        waitpid(bystander_, nullptr, 0);
    }

    std::string put_in(const std::string& argument) const {
        return argument == "PORT" ? port_ : argument == "ABSTRACT" ? name_ : argument == "CANARY" ? canary_ : argument;
    }
    void expect_untouched() const {
        EXPECT_LT(accept(tcp_.get(), nullptr, nullptr), 0) << "somebody connected to the host's port";
        EXPECT_LT(accept(abstract_.get(), nullptr, nullptr), 0) << "somebody connected to the host's abstract socket";
        EXPECT_EQ(bytes_of(canary_), "alive") << "a file of the host was changed";
        struct stat status {};
        EXPECT_EQ(stat(canary_.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777U, 0666U) << "the rights of a file of the host were changed";
        EXPECT_EQ(waitpid(bystander_, nullptr, WNOHANG), 0) << "a process of the host was killed";
    }

  private:
    File tcp_;
    File abstract_;
    TemporaryDirectory directory_;
    std::string canary_ = directory_.path() + "/canary";
    std::string port_;
    std::string name_;
    pid_t bystander_ = -1;
};

class Abuse : public ::testing::TestWithParam<Act> {
  protected:
    static void SetUpTestSuite() {
        host = std::make_unique<Host>();
        box = std::make_unique<TestBox>(1);
    }
    static void TearDownTestSuite() {
        box.reset();
        host.reset();
    }
    static bool has_memory_controller() {
        return box->sandbox().findings()[static_cast<std::size_t>(Protection::memory_limit)].present;
    }
    static std::unique_ptr<Host> host;
    static std::unique_ptr<TestBox> box;
};
std::unique_ptr<Host> Abuse::host;
std::unique_ptr<TestBox> Abuse::box;

BoxSpec hostile(const Act& act, const std::string& argument) {
    BoxSpec spec = script("chmod 700 act && echo up && exec ./act " + argument);
    spec.name = act.program;
    spec.files["act"] = bytes_of(std::string(ABUSE_DIRECTORY) + "/" + act.program);
    spec.limits.memory_bytes = 96 * mebibyte;
    spec.limits.disk_bytes = 16 * mebibyte;
    spec.limits.processes = 48;
    return spec;
}

// What lies in out/ and could be mistaken for a result by a collector that opens as it should.
std::set<std::string> openable_results(const File& work_directory) {
    std::set<std::string> names;
    for (const char* name : {"out/link", "out/magic", "out/directory/passwd", "out/fifo", "out/socket", "out/loop",
                             "out/again/chain-0", "out/chain-0", "out/chain-29", "out/passwd"}) {
        open_how how{};
        how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
        const File file(static_cast<int>(syscall(SYS_openat2, work_directory.get(), name, &how, sizeof how)));
        struct stat status {};
        if (file && fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) names.insert(name);
    }
    return names;
}

TEST_P(Abuse, is_stopped) {
    const Act& act = GetParam();
    if (act.needs_memory_controller && !has_memory_controller()) GTEST_SKIP() << "only a memory controller stops this";
    const std::vector<pid_t> processes = other_processes();
    const Settings settings;
    const BoxSpec spec = hostile(act, host->put_in(act.argument));
    ASSERT_FALSE(spec.files.at("act").empty()) << act.program << " was not built";
    const BoxId id = box->start(spec);
    if (act.end == End::when_asked) {
        box->wait_for_output(id, "up\n");
        box->sandbox().stop(id, Milliseconds(50));
    }
    const Finished finished = box->finish(id);
    const std::string last = finished.out.substr(std::min(finished.out.find('\n') + 1, finished.out.size()), 60);
    fmt::print("  {:<22} {:<9} {:<14} {}\n", act.program, act.argument, name(finished.outcome.kind),
               last.substr(0, last.find('\n')));

    const auto expect_stopped = [&] {
        EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited) << finished.outcome.detail;
        EXPECT_EQ(finished.outcome.exit_code, 10) << finished.out.substr(0, 200) << finished.err.substr(0, 200);
    };
    switch (act.end) {
        case End::stopped:
            expect_stopped();
            break;
        case End::out_of_memory:
            if (has_memory_controller()) {
                EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_memory) << finished.out;
            } else {
                expect_stopped();
            }
            break;
        case End::out_of_disk:
            EXPECT_EQ(finished.outcome.kind, OutcomeKind::out_of_disk) << finished.out;
            break;
        case End::when_asked:
            EXPECT_NE(finished.outcome.kind, OutcomeKind::setup_failed) << finished.outcome.detail;
            break;
        case End::harmless:
            EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
            EXPECT_TRUE(openable_results(finished.work_directory).empty());
            break;
    }
    EXPECT_EQ(other_processes(), processes) << "a process was left behind, or the spawner did not survive";
    host->expect_untouched();
    expect_same(settings, Settings());
    EXPECT_EQ(box->run(script("echo the next job is well")).out, "the next job is well\n");
}

std::string test_name(const ::testing::TestParamInfo<Act>& act) {
    std::string argument;
    for (const char letter : std::string(act.param.argument)) argument += std::isalnum(letter) != 0 ? letter : '_';
    return act.param.program + argument;
}
INSTANTIATE_TEST_SUITE_P(Programs, Abuse, ::testing::ValuesIn(acts), test_name);

TEST(AbusePrograms, are_all_in_the_table) {
    std::set<std::string> listed;
    std::set<std::string> written;
    for (const Act& act : acts) listed.insert(act.program);
    for (const auto& entry : std::filesystem::directory_iterator(ABUSE_SOURCES))
        if (entry.path().extension() == ".c") written.insert(entry.path().stem());
    EXPECT_EQ(listed, written);
}

}  // namespace
}  // namespace windlass::worker::testing
