// What a job cannot see, reach or leave behind.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/worker/sandbox/test_box.h"
#include "worker/sandbox/landlock.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;

class Confinement : public SharedBox {
  protected:
    // The exit code of a shell command in a box; what it printed is shown when a test fails.
    static int code(const std::string& command) {
        const Finished finished = box->run(script(command));
        EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited) << command << "\n" << finished.outcome.detail;
        return finished.outcome.exit_code;
    }
};

TEST_F(Confinement, port_of_the_host_cannot_be_reached) {
    const FileDescriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
    const std::string connects = fmt::format(
        "perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0) or exit 4; "
        "connect(S, sockaddr_in({}, INADDR_LOOPBACK)) ? exit 0 : exit 3'",
        ntohs(address.sin_port));
    EXPECT_EQ(system(connects.c_str()), 0) << "the listener works, from outside";
    EXPECT_EQ(code(connects), 4) << "not even a socket";
}

TEST_F(Confinement, a_job_without_a_network_has_unix_sockets_alone) {
    const auto family = [](const char* name) {
        return box
            ->run(program({"/usr/bin/perl", "-MSocket", "-e",
                           std::string("socket(S, ") + name + ", SOCK_STREAM, 0) ? print 'yes' : print $!"}))
            .out;
    };
    EXPECT_EQ(family("PF_UNIX"), "yes");
    EXPECT_EQ(family("PF_INET"), "Address family not supported by protocol");
    EXPECT_EQ(family("PF_INET6"), "Address family not supported by protocol");
}

TEST_F(Confinement, no_network_device_is_up) {
    EXPECT_EQ(box->run(script("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '; tail -n +2 /proc/net/route")).out,
              "lo\n");
}

TEST_F(Confinement, landlock_is_in_force) {
    if (landlock_abi() < 5) GTEST_SKIP() << "what only Landlock forbids here needs its ABI 5";
    // RNDGETENTCNT: anybody may ask the device, were it not for Landlock.
    const Finished finished = box->run(program({"/usr/bin/perl", "-e",
                                                "open(F, '<', '/dev/urandom') or exit 4; my $n = pack('i', 0); "
                                                "ioctl(F, 0x80045200, $n) ? print 'asked' : print $!"}));
    EXPECT_EQ(finished.out, "Permission denied");
}

TEST_F(Confinement, other_processes_cannot_be_seen) {
    EXPECT_EQ(box->run(script("for p in /proc/[0-9]*; do echo process; done; test -e /proc/1 || echo hidden")).out,
              "process\nhidden\n");
}

TEST_F(Confinement, pid_one_cannot_be_killed) {
    EXPECT_EQ(box->run(program({"/usr/bin/perl", "-e", "kill 9, 1; sleep 0; print 'alive'"})).out, "alive");
}

TEST_F(Confinement, system_directories_cannot_be_written) {
    for (const char* path : {"/usr/x", "/etc/x", "/x", "/usr/bin/x", "/proc/sys/kernel/hostname", "/dev/x", "/var/x"}) {
        EXPECT_NE(code(fmt::format("( : > {} ) 2>/dev/null", path)), 0) << path;
    }
    EXPECT_NE(code("chmod 777 /usr/bin/env 2>/dev/null"), 0);
}

TEST_F(Confinement, files_of_the_host_do_not_exist) {
    for (const char* path :
         {"/root", "/home", "/etc/shadow", "/run", "/sys/kernel", "/boot", "/var/lib", "/mnt", "/work"}) {
        EXPECT_EQ(code(fmt::format("test ! -e {}", path)), 0) << path;
    }
    EXPECT_THAT(box->run(script("cat /etc/passwd")).out, HasSubstr("job:x:"));
}

TEST_F(Confinement, no_capability_and_no_way_to_gain_one) {
    const std::string status = box->run(script("cat /proc/self/status")).out;
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
        EXPECT_THAT(status, HasSubstr(std::string(set) + ":\t0000000000000000"));
    }
    EXPECT_THAT(status, HasSubstr("NoNewPrivs:\t1"));
    EXPECT_THAT(status, HasSubstr("Seccomp:\t2"));
    EXPECT_THAT(box->run(script("cat /proc/self/mounts | grep ' /usr '")).out, HasSubstr("ro,nosuid,nodev"));
}

TEST_F(Confinement, setuid_program_gives_nothing) {
    EXPECT_NE(code("su -c true root < /dev/null > /dev/null 2>&1"), 0);
    EXPECT_NE(code("echo x > s; chmod u+s s 2>/dev/null"), 0);
}

TEST_F(Confinement, no_new_namespaces) {
    for (const char* flag : {"--user", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup"}) {
        EXPECT_NE(code(fmt::format("unshare {} true 2>/dev/null", flag)), 0) << flag;
    }
    EXPECT_NE(code("mount -t tmpfs none /job/out 2>/dev/null"), 0);
}

TEST_F(Confinement, only_the_three_streams_are_open) {
    EXPECT_EQ(
        box->run(program(
                     {"/usr/bin/perl", "-e",
                      "for (3..255) { open(my $f, '<&=', $_) and print \"$_ \" . readlink(\"/proc/self/fd/$_\") . ';' "
                      "if -e \"/proc/self/fd/$_\" and readlink(\"/proc/self/fd/$_\") !~ m{/proc/|/dev/null} }"}))
            .out,
        "");
}

TEST_F(Confinement, two_boxes_at_once_have_different_users_and_cannot_meet) {
    const std::string text =
        "id -u; touch /tmp/mine; for p in /proc/[0-9]*; do echo process; done; echo up; sleep 1000";
    const BoxId first = box->start(script(text));
    const BoxId second = box->start(script(text));
    for (const BoxId id : {first, second}) box->wait_for_output(id, "process\nup\n");
    for (const BoxId id : {first, second}) box->sandbox().stop(id, Milliseconds(0));
    const std::string one = box->finish(first).out;
    const std::string two = box->finish(second).out;
    if (!rootless()) {
        EXPECT_NE(one, two) << "the user ids";
    }
    for (const std::string& out : {one, two}) {
        EXPECT_EQ(out.substr(out.find('\n')), "\nprocess\nup\n") << "its shell is all it sees";
    }
}

TEST(Consecutive, boxes_of_one_slot_leave_each_other_nothing) {
    TestBox box(1);
    const Finished first = box.run(script(
        "echo secret > /tmp/left; echo secret > /dev/shm/left; echo secret > left; ipcmk -Q > /dev/null; ipcmk -S 1 > "
        "/dev/null\n"
        "perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack(\"Sa*\", AF_UNIX, \"\\0left\")) or die; "
        "listen(S, 5); print \"bound\\n\"; close STDOUT; sleep 1000' & setsid sleep 1000 > /dev/null & wait_for=$!\n"
        "while ! grep -q left /proc/net/unix; do :; done; ipcs -q | grep -c 0x; grep -c left /proc/net/unix"));
    EXPECT_EQ(first.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""})) << first.err;
    // Without a memory controller message queues are refused, as nothing would bound them.
    const bool queues = box.sandbox().findings()[static_cast<std::size_t>(Protection::memory_limit)].present;
    EXPECT_THAT(first.out, HasSubstr(queues ? "1\n1\n" : "0\n1\n")) << first.err;
    const Finished second =
        box.run(script("ls -A /tmp /dev/shm; ls; ipcs -q | grep -c 0x; ipcs -s | grep -c 0x; "
                       "grep -c left /proc/net/unix; for p in /proc/[0-9]*; do echo p; done"));
    EXPECT_EQ(second.out, "/dev/shm:\n\n/tmp:\nout\n0\n0\n0\np\n") << second.err;
}

}  // namespace
}  // namespace windlass::worker::testing
