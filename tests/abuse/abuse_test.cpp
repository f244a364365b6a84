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
    {"become_root", End::stopped},
    {"climb_out", End::stopped},
    {"connect_abstract", End::stopped, "ABSTRACT"},
    {"connect_tcp", End::stopped, "PORT"},
    {"core_dump", End::stopped},
    {"daemon", End::harmless},
    {"descriptor_bomb", End::stopped},
    {"device_nodes", End::stopped},
    {"file_handles", End::stopped},
    {"fill_disk", End::out_of_disk, "/job"},
    {"fill_disk", End::out_of_disk, "/tmp"},
    {"fill_disk", End::out_of_disk, "/dev/shm"},
    {"foreign_calls", End::stopped},
    {"fork_bomb", End::stopped},
    {"fork_tree", End::when_asked},
    {"host_files", End::stopped},
    {"ignore_signals", End::when_asked},
    {"inode_bomb", End::out_of_disk},
    {"join_namespaces", End::stopped},
    {"kernel_knobs", End::stopped},
    {"keyrings", End::stopped},
    {"kill_everything", End::stopped},
    {"kill_pid_one", End::stopped},
    {"leaked_descriptors", End::stopped},
    {"make_setuid", End::stopped},
    {"memfd_bomb", End::out_of_memory},
    {"memory_bomb", End::out_of_memory},
    {"mount_things", End::stopped},
    {"new_namespaces", End::stopped},
    {"output_flood", End::when_asked},
    {"overwrite_executable", End::stopped},
    {"plant_results", End::harmless},
    {"raise_limits", End::stopped},
    {"read_pid_one", End::stopped},
    {"release_agent", End::stopped},
    {"see_processes", End::stopped},
    {"send_udp", End::stopped},
    {"set_clock", End::stopped},
    {"shared_memory_bomb", End::out_of_memory, "", true},
    {"sparse_file", End::stopped},
    {"spin", End::when_asked},
    {"stop_itself", End::when_asked},
    {"sysv_memory_bomb", End::out_of_memory},
    {"thread_bomb", End::stopped},
    {"trace_others", End::stopped},
    {"type_into_terminal", End::stopped},
    {"unusual_sockets", End::stopped},
    {"wide_interfaces", End::stopped},
};

std::string bytes_of(const std::string& path) {
    std::ostringstream bytes;
    bytes << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(bytes).str();
}

// What the programs try to reach: a listener, an abstract socket, a process of the same user.
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
        return argument == "PORT" ? port_ : argument == "ABSTRACT" ? name_ : argument;
    }
    void expect_untouched() const {
        EXPECT_LT(accept(tcp_.get(), nullptr, nullptr), 0) << "somebody connected to the host's port";
        EXPECT_LT(accept(abstract_.get(), nullptr, nullptr), 0) << "somebody connected to the host's abstract socket";
        EXPECT_EQ(waitpid(bystander_, nullptr, WNOHANG), 0) << "a process of the host was killed";
    }

  private:
    File tcp_;
    File abstract_;
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
    for (const char* name : {"out/link", "out/magic", "out/directory/passwd", "out/fifo", "out/socket"}) {
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
    std::set<std::string> built;
    for (const Act& act : acts) listed.insert(act.program);
    for (const auto& entry : std::filesystem::directory_iterator(ABUSE_DIRECTORY))
        built.insert(entry.path().filename());
    EXPECT_EQ(listed, built);
}

}  // namespace
}  // namespace windlass::worker::testing
