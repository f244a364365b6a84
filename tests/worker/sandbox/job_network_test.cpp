// Jobs with full network, in a little internet of their own:
//
//   this process and its boxes: 203.0.113.1, and 198.51.100.77 as the host's other address
//      │ a pair of veth
//   "outside": 203.0.113.5, the name server 203.0.113.53, and every address that a job must not reach
//
// Each refused address has a listener that this process can reach: without the rule, so could the job.
#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/worker/sandbox/test_box.h"
#include "worker/sandbox/job_network.h"

namespace windlass::worker::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* python = "/usr/bin/python3";
constexpr std::array refused_addresses = {
    "10.0.0.1",    "10.255.255.254",  "100.64.0.1",   "100.100.100.200", "127.0.0.1",   "168.63.129.16",
    "169.254.0.1", "169.254.169.254", "172.16.0.1",   "172.31.255.254",  "192.0.0.192", "192.168.77.1",
    "192.88.99.1", "198.18.0.1",      "198.19.255.1", "198.51.100.77",   "203.0.113.1", "240.0.0.1"};
// Reachable for this process but not for jobs; the settings of the tests deny the first.
constexpr const char* denied_by_operator = "198.51.100.9";
constexpr const char* outside6 = "2001:db8::5";

std::string why_no_world = "no root here: no little internet";  // empty: it stands

void run_command(const std::string& command) {
    if (why_no_world.empty() && std::system(command.c_str()) != 0) why_no_world = "failed: " + command;
}

// One more listener.py; ready when this returns. `space`: in a network namespace of its own, as if it were elsewhere.
pid_t listener(const std::string& arguments, bool space, const std::string& before) {
    std::array<int, 2> ready{};
    if (pipe(ready.data()) != 0) std::abort();
    const pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (space && unshare(CLONE_NEWNET) != 0) _exit(1);
        dup2(ready[1], STDOUT_FILENO);
        // Goes on when the devices have been moved here.
        const std::string script =
            fmt::format("{} exec {} {}/listener.py {}", before, python, PROGRAMS_DIRECTORY, arguments);
        execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
        _exit(1);
    }
    close(ready[1]);
    if (space)
        run_command(
            fmt::format("sleep 0 && until ip link set out0 netns {} 2>/dev/null && ! ip link show out0 "
                        "2>/dev/null; do [ -e /proc/{}/ns/net ] || exit 1; done",
                        pid, pid));
    std::array<char, 6> word{};
    if (read(ready[0], word.data(), word.size()) <= 0) why_no_world = "a listener did not come up";
    close(ready[0]);
    return pid;
}

void build_world(const std::string& directory) {
    if (access(python, X_OK) != 0 || std::system("ip -V >/dev/null 2>&1") != 0) {
        why_no_world = "python3 and iproute2 are needed";
        return;
    }
    why_no_world.clear();
    if (unshare(CLONE_NEWNET) != 0) why_no_world = "no network namespace";
    // The device as udev makes it: some machines of developers leave it to root.
    run_command("mount -t tmpfs -o mode=755 net /dev/net && mknod -m 666 /dev/net/tun c 10 200");
    run_command(
        fmt::format("chmod 666 /dev/net/tun && echo nameserver 203.0.113.53 > {0}/resolv.conf && "
                    "chmod 666 {0}/resolv.conf && mount --bind {0}/resolv.conf /etc/resolv.conf",
                    directory));
    run_command(
        "ip link set lo up && ip link add up0 type veth peer name out0 && ip addr add 203.0.113.1/24 dev up0 && "
        "ip addr add 198.51.100.77/32 dev up0 && ip addr add 2001:db8::1/64 dev up0 nodad && ip link set up0 up && "
        "ip route add default via 203.0.113.5 && ip route add 169.254.0.0/16 via 203.0.113.5");
    if (!why_no_world.empty()) return;
    std::string there =
        "until ip link show out0 >/dev/null 2>&1; do :; done; ip link set lo up; ip addr add 203.0.113.5/24 dev out0; "
        "ip addr add 203.0.113.53/24 dev out0; ip addr add 2001:db8::5/64 dev out0 nodad; ip link set out0 up; "
        "ip addr add 198.51.100.9/32 dev lo; ip route add default via 203.0.113.1;";
    for (const char* address : refused_addresses) {
        const std::string text = address;
        if (text != "127.0.0.1" && text != "198.51.100.77" && text != "203.0.113.1")
            there += fmt::format("ip addr add {}/32 dev lo;", text);
    }
    listener("203.0.113.53", true, there);
    listener("127.0.0.53", false, "");
}
const bool planned = (preparation() = build_world, true);

// What the listener at this address was told since the last time.
std::string heard_at(const char* address) {
    const FileDescriptor sock(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(7999);
    inet_pton(AF_INET, address, &to.sin_addr);
    if (connect(sock.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return "cannot ask";
    std::string text;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = read(sock.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

std::string heard_anywhere() {
    return heard_at("203.0.113.5") + heard_at("127.0.0.1");
}

void offer_network(SandboxSettings& settings) {
    settings.network.full = true;
    settings.network.egress.deny = {"198.51.100.0/25"};
}

BoxSpec networked(BoxSpec spec) {
    spec.network = Network::full;
    return spec;
}

std::string program_text(const std::string& name) {
    std::ifstream in(fmt::format("{}/{}", PROGRAMS_DIRECTORY, name));
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

BoxSpec python_program(const std::string& name, std::vector<std::string> arguments = {}) {
    BoxSpec spec = program({python, name});
    spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
    spec.files[name] = program_text(name);
    return networked(spec);
}

BoxSpec python_text(const std::string& text) {
    return networked(program({python, "-c", text}));
}

std::vector<pid_t> processes_named(const std::string& name) {
    std::vector<pid_t> found;
    for (const pid_t pid : other_processes()) {
        if (read_small(fmt::format("/proc/{}/comm", pid)) == name + "\n") found.push_back(pid);
    }
    return found;
}

class JobNetworkTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (!why_no_world.empty()) GTEST_SKIP() << why_no_world;
        before = other_processes();
    }
    std::vector<pid_t> before;  // the listeners
};

TEST_F(JobNetworkTest, outside_is_reached_by_TCP_and_UDP_and_found_by_name) {
    TestBox box(2, offer_network);
    const Finished tried = box.run(python_program("reach.py", {"203.0.113.5:7000", "outside.example:7000"}));
    EXPECT_THAT(tried.out, AllOf(HasSubstr("reached by tcp 203.0.113.5 tcp hello"),
                                 HasSubstr("reached by udp 203.0.113.5 udp hello"),
                                 HasSubstr("reached by tcp outside.example tcp hello")))
        << tried.err;
    EXPECT_EQ(tried.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
}

TEST_F(JobNetworkTest, resolver_on_the_hosts_loopback_is_asked_but_leads_to_nothing_else_there) {
    const auto use_resolver = [](const char* address) {
        std::ofstream("/etc/resolv.conf") << "nameserver " << address << "\n";
    };
    use_resolver("127.0.0.53");
    heard_anywhere();
    {
        TestBox box(1, offer_network);
        const Finished tried = box.run(python_program("reach.py", {"outside.example:7000"}));
        EXPECT_THAT(tried.out, HasSubstr("reached by tcp outside.example tcp hello")) << tried.err;
        const Finished other = box.run(python_program("reach.py", {"192.0.2.3:7000", "192.0.2.3:7999"}));
        EXPECT_THAT(other.out, Not(HasSubstr("reached")));
    }
    use_resolver("203.0.113.53");
    EXPECT_EQ(heard_at("127.0.0.1"), "") << "its other ports are the host's own services";
}

TEST_F(JobNetworkTest, refused_addresses_are_refused_at_once_and_nothing_arrives) {
    std::vector<std::string> targets;
    for (const char* address : refused_addresses) targets.push_back(fmt::format("{}:7000", address));
    targets.push_back(fmt::format("{}:7000", denied_by_operator));
    targets.push_back(fmt::format("[{}]:7000", outside6));
    targets.emplace_back("192.0.2.2:7000");  // the host's loopback, as slirp4netns would have it
    targets.emplace_back("192.0.2.3:7000");  // the host's resolver, another port
    heard_anywhere();
    // Here and now: without the rule there would be something to reach.
    std::string command = std::string(python) + " " + PROGRAMS_DIRECTORY + "/reach.py";
    for (const std::string& target : targets) {
        if (!target.starts_with("192.0.2.")) command += " " + target;
    }
    ASSERT_EQ(std::system((command + " > /dev/null").c_str()), 0);
    const std::string reachable = heard_anywhere();
    for (const std::string& target : targets) {
        const std::string address = target.substr(0, target.rfind(':'));
        if (!address.starts_with("192.0.2.") && address[0] != '[') {
            EXPECT_THAT(reachable, HasSubstr("tcp " + address)) << "the test has no teeth";
        }
    }
    EXPECT_THAT(reachable, HasSubstr(outside6));

    TestBox box(2, offer_network);
    const Finished tried = box.run(python_program("reach.py", targets));
    EXPECT_EQ(tried.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""})) << tried.err;
    EXPECT_THAT(tried.out, Not(HasSubstr("reached")));
    EXPECT_THAT(tried.out, Not(HasSubstr("timed out\nno udp"))) << "a refusal is an answer, not silence";
    EXPECT_EQ(static_cast<std::size_t>(std::count(tried.out.begin(), tried.out.end(), '\n')), 2 * targets.size());
    EXPECT_EQ(heard_anywhere(), "");
}

TEST_F(JobNetworkTest, without_the_rule_the_same_job_would_reach_them) {
    TestBox box(1, [](SandboxSettings& settings) {
        offer_network(settings);
        settings.network.nft_path = "/bin/true";
    });
    const Finished tried =
        box.run(python_program("reach.py", {"192.168.77.1:7000", "169.254.169.254:7000", "198.51.100.77:7000"}));
    for (const char* address : {"192.168.77.1", "169.254.169.254", "198.51.100.77"})
        EXPECT_THAT(tried.out, HasSubstr(std::string("reached by tcp ") + address)) << "the tests have no teeth";
    heard_anywhere();
}

TEST_F(JobNetworkTest, exceptions_of_the_operator_are_reached_and_nothing_beside_them) {
    TestBox box(2, [](SandboxSettings& settings) {
        offer_network(settings);
        settings.network.egress.allow = {"192.168.77.1", "203.0.113.0/24"};
    });
    const Finished tried =
        box.run(python_program("reach.py", {"192.168.77.1:7000", "10.0.0.1:7000", "203.0.113.1:7000"}));
    EXPECT_THAT(tried.out, HasSubstr("reached by tcp 192.168.77.1")) << tried.err;
    EXPECT_THAT(tried.out, Not(HasSubstr("reached by tcp 10.0.0.1")));
    EXPECT_THAT(tried.out, Not(HasSubstr("reached by tcp 203.0.113.1"))) << "the host's own: no exceptions";
}

TEST_F(JobNetworkTest, tricks_do_not_lead_past_the_rule) {
    TestBox box(2, offer_network);
    heard_anywhere();
    const Finished tried = box.run(python_program("tricks.py"));
    EXPECT_THAT(tried.out, AllOf(HasSubstr("done"), HasSubstr("no loopback_through_the_device"), HasSubstr("no nat64"),
                                 HasSubstr("no flush_the_rule")))
        << tried.err;
    EXPECT_THAT(tried.out, Not(HasSubstr("OUT")));
    EXPECT_EQ(heard_anywhere(), "") << tried.out;
}

TEST_F(JobNetworkTest, job_can_talk_to_itself) {
    TestBox box(2, offer_network);
    const Finished tried = box.run(python_text(R"(
import socket
for host, family in (("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)):
    with socket.create_server((host, 0), family=family) as server:
        socket.create_connection(server.getsockname()[:2]).sendall(b"me")
        print(server.accept()[0].recv(2).decode())
)"));
    EXPECT_EQ(tried.out, "me\nme\n") << tried.err;
}

TEST_F(JobNetworkTest, two_jobs_do_not_reach_each_other) {
    TestBox box(2, offer_network);
    const BoxId one = box.start(python_text(R"(
import socket
server = socket.create_server(("0.0.0.0", 7000))
print("listening", flush=True)
server.settimeout(60)
server.accept()
print("REACHED", flush=True)
)"));
    box.wait_for_output(one, "listening");
    const Finished two = box.run(python_program(
        "reach.py", {"192.0.2.100:7000", "192.0.2.2:7000", "192.0.2.15:7000", "192.0.2.255:7000", "127.0.0.1:7000"}));
    EXPECT_EQ(two.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
    EXPECT_THAT(two.out, Not(HasSubstr("reached")));
    box.sandbox().stop(one, Milliseconds(0));
    EXPECT_THAT(box.finish(one).out, Not(HasSubstr("REACHED")));
}

TEST_F(JobNetworkTest, job_that_did_not_ask_has_no_network_beside_one_that_did) {
    TestBox box(2, offer_network);
    const BoxId with = box.start(networked(script("echo up; sleep 1000")));
    box.wait_for_output(with, "up");
    heard_anywhere();
    BoxSpec plain = python_program("reach.py", {"203.0.113.5:7000", "127.0.0.1:7000", "outside.example:7000"});
    plain.network = Network::none;
    const Finished tried = box.run(plain);
    EXPECT_EQ(tried.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""})) << tried.err;
    EXPECT_THAT(tried.out, AllOf(HasSubstr("no tcp 203.0.113.5"), Not(HasSubstr("reached"))));
    EXPECT_EQ(heard_anywhere(), "");
}

TEST_F(JobNetworkTest, every_job_gets_a_new_network) {
    TestBox box(1, offer_network);
    const BoxSpec which = networked(script("readlink /proc/self/ns/net; cat /proc/net/dev | grep -c net0"));
    const std::string first = box.run(which).out;
    // The number of a namespace may be given again, its counters may not: what the first sent, the second must not see.
    const Finished spoke = box.run(python_program("reach.py", {"203.0.113.5:7000"}));
    EXPECT_THAT(spoke.out, HasSubstr("reached by tcp"));
    const Finished fresh =
        box.run(networked(script("awk '$1 ~ /^net0/ { print $10 + 0 }' /proc/net/dev; cat /proc/net/tcp")));
    EXPECT_THAT(first, AllOf(HasSubstr("net:["), HasSubstr("\n1\n")));
    EXPECT_LT(std::atoi(fresh.out.c_str()), 500) << "bytes sent: nothing but the kernel's own first words";
    EXPECT_EQ(std::count(fresh.out.begin(), fresh.out.end(), '\n'), 2) << "no connection of another job: " << fresh.out;
}

TEST_F(JobNetworkTest, programs_that_keep_it_have_no_rights_and_are_another_user) {
    TestBox box(1, offer_network);
    const BoxId id = box.start(networked(script("echo up; sleep 1000")));
    box.wait_for_output(id, "up");
    const auto slirps = processes_named("slirp4netns");
    ASSERT_EQ(slirps.size(), 1U);
    std::ifstream in(fmt::format("/proc/{}/status", slirps[0]));
    std::stringstream status;
    status << in.rdbuf();
    EXPECT_THAT(status.str(), AllOf(HasSubstr("NoNewPrivs:\t1"), HasSubstr("Seccomp:\t2")));
    if (!rootless()) {
        const uid_t uid = network_uid(box.settings(), 0);
        EXPECT_THAT(status.str(), HasSubstr(fmt::format("Uid:\t{0}\t{0}\t{0}\t{0}", uid)));
        EXPECT_GE(uid, box.settings().first_uid + 256) << "no job's";
        std::size_t open_files = 0;
        for (const auto& entry : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", slirps[0]))) {
            std::error_code gone;
            const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
            EXPECT_THAT(target, Not(HasSubstr("windlass"))) << "nothing of the worker was inherited";
            open_files++;
        }
        EXPECT_LE(open_files, 16U);
    }
}

TEST_F(JobNetworkTest, nothing_is_left_after_jobs_and_their_worker) {
    {
        TestBox box(2, offer_network);
        const std::vector<pid_t> idle = other_processes();
        const auto open_files = [] {
            return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                 std::filesystem::directory_iterator());
        };
        const auto files_before = open_files();
        for (int i = 0; i < 5; i++) {
            const BoxId one = box.start(networked(script("echo one; sleep 1000 &")));
            const BoxId two = box.start(networked(script("exit 3")));
            EXPECT_EQ(box.finish(one).out, "one\n");
            EXPECT_EQ(box.finish(two).outcome.exit_code, 3);
        }
        EXPECT_TRUE(all_end(processes_named("slirp4netns")));
        EXPECT_TRUE(all_end(processes_named("windlass-net")));
        box.run(script("true"));  // a turn in which the last ends are noticed
        box.sandbox().take_events();
        EXPECT_EQ(other_processes(), idle);
        EXPECT_EQ(open_files(), files_before);
    }
    EXPECT_EQ(other_processes(), before);
}

[[noreturn]] void be_a_worker(const SandboxSettings& settings, int say) {
    auto sandbox = Sandbox::open(settings);
    if (!sandbox || !(*sandbox)->start(networked(script("sleep 1000")))) _exit(1);
    for (bool up = false; !up;) {
        for (const BoxEvent& event : (*sandbox)->take_events()) up = std::holds_alternative<BoxStarted>(event);
    }
    if (write(say, "u", 1) != 1) _exit(1);
    for (;;) pause();
}

TEST_F(JobNetworkTest, worker_killed_with_SIGKILL_leaves_nothing) {
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path());
    offer_network(settings);
    std::array<int, 2> pipe{};
    ASSERT_EQ(pipe2(pipe.data(), O_CLOEXEC), 0);
    const pid_t worker = fork();
    if (worker == 0) be_a_worker(settings, pipe[1]);
    close(pipe[1]);
    char byte = 0;
    ASSERT_EQ(read(pipe[0], &byte, 1), 1);
    close(pipe[0]);
    EXPECT_EQ(processes_named("slirp4netns").size(), 1U);
    std::vector<pid_t> mine;
    for (const pid_t pid : other_processes()) {
        if (std::find(before.begin(), before.end(), pid) == before.end()) mine.push_back(pid);
    }
    kill(worker, SIGKILL);
    waitpid(worker, nullptr, 0);
    EXPECT_TRUE(all_end(mine));
    EXPECT_EQ(other_processes(), before);
}

TEST_F(JobNetworkTest, job_whose_network_breaks_is_ended_and_told_so) {
    for (const char* victim : {"slirp4netns", "windlass-net"}) {
        TestBox box(1, offer_network);
        const BoxId id = box.start(networked(script("echo up; sleep 1000")));
        box.wait_for_output(id, "up");
        const auto found = processes_named(victim);
        ASSERT_EQ(found.size(), 1U) << victim;
        kill(found[0], SIGKILL);
        const Finished ended = box.finish(id);
        EXPECT_EQ(ended.outcome.kind, OutcomeKind::worker_lost);
        EXPECT_THAT(ended.outcome.detail, AllOf(HasSubstr("the job lost its network"), HasSubstr("signal 9")));
        EXPECT_TRUE(all_end(processes_named("slirp4netns")));
        EXPECT_EQ(box.run(networked(script("echo again"))).out, "again\n");
    }
}

TEST_F(JobNetworkTest, stop_before_the_network_stands_ends_the_box) {
    TestBox box(1, offer_network);
    const BoxId id = box.start(networked(script("sleep 1000")));
    box.sandbox().stop(id, Milliseconds(0));
    const Finished ended = box.finish(id);
    EXPECT_FALSE(ended.started);
    EXPECT_EQ(ended.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_EQ(box.run(script("echo next")).out, "next\n");
}

TEST_F(JobNetworkTest, box_with_a_network_that_does_not_come_up_fails_with_the_reason) {
    TestBox box(1, [](SandboxSettings& settings) {
        offer_network(settings);
        // As if the program broke after the worker's start: open() tries it once.
        settings.network.slirp_path = std::filesystem::path(keeper_path()).parent_path() / "slirp";
        std::ofstream(settings.network.slirp_path) << "#!/bin/sh\nexec /usr/bin/slirp4netns \"$@\"\n";
        chmod(settings.network.slirp_path.c_str(), 0755);
    });
    std::ofstream(box.settings().network.slirp_path) << "#!/bin/sh\necho out of order >&2\nexit 4\n";
    const Finished ended = box.run(networked(script("echo never")));
    std::filesystem::remove(box.settings().network.slirp_path);
    EXPECT_FALSE(ended.started);
    EXPECT_EQ(ended.out, "");
    EXPECT_EQ(ended.outcome.kind, OutcomeKind::setup_failed);
    EXPECT_THAT(ended.outcome.detail, AllOf(HasSubstr("slirp4netns"), HasSubstr("out of order")));
}

TEST_F(JobNetworkTest, job_that_opens_thousands_of_connections_harms_itself_at_most) {
    TestBox box(2, offer_network);
    const BoxId quiet = box.start(networked(script("echo up; sleep 1000")));
    box.wait_for_output(quiet, "up");
    const auto keeps_the_quiet_one = processes_named("slirp4netns");
    BoxSpec greedy = python_text(R"(
import socket
kept = []
for port in range(3000):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.sendto(b"203.0.113.5", ("203.0.113.5", 7000))
    kept.append(sock)
for count in range(2000):
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(("203.0.113.5", 7000))
    kept.append(sock)
print("all", len(kept))
)");
    greedy.limits.open_files = 8192;
    EXPECT_EQ(box.run(greedy).out, "all 5000\n");
    EXPECT_THAT(box.run(python_program("reach.py", {"203.0.113.5:7000"})).out, HasSubstr("reached by tcp"));
    EXPECT_THAT(processes_named("slirp4netns"), ::testing::IsSupersetOf(keeps_the_quiet_one));
    box.sandbox().stop(quiet, Milliseconds(0));
    EXPECT_EQ(box.finish(quiet).outcome.kind, OutcomeKind::signalled);
}

TEST_F(JobNetworkTest, sandbox_that_offers_none_refuses_the_job_with_a_sentence) {
    TestBox box(1);
    const auto refused = box.sandbox().start(networked(script("true")));
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(refused.error().message, HasSubstr("worker.network = \"full\""));
}

std::string why_not_opened(const std::function<void(SandboxSettings&)>& change) {
    const TemporaryDirectory directory;
    SandboxSettings settings = test_settings(directory.path());
    offer_network(settings);
    change(settings);
    settings.allow_weaker.push_back(Protection::job_network);  // helps nobody
    const auto opened = Sandbox::open(settings);
    return opened ? "opened" : opened.error().message;
}

TEST_F(JobNetworkTest, sandbox_does_not_open_without_the_tools_and_names_their_packages) {
    EXPECT_THAT(why_not_opened([](SandboxSettings& settings) { settings.network.slirp_path = "/nowhere/slirp4netns"; }),
                HasSubstr("install the package slirp4netns"));
    EXPECT_THAT(why_not_opened([](SandboxSettings& settings) { settings.network.nft_path = "/nowhere/nft"; }),
                HasSubstr("install the package nftables"));
    EXPECT_THAT(why_not_opened([](SandboxSettings& settings) { settings.network.nft_path = "/bin/false"; }),
                HasSubstr("loading the egress rule"));
    EXPECT_THAT(why_not_opened([](SandboxSettings& settings) { settings.network.egress.allow = {"127.0.0.1"}; }),
                HasSubstr("no exceptions"));
}

TEST_F(JobNetworkTest, costs_as_much_as_is_printed_here) {
    TestBox box(1, offer_network);
    const auto milliseconds_per_job = [&](const BoxSpec& spec, int jobs) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < jobs; i++) EXPECT_EQ(box.run(spec).outcome.kind, OutcomeKind::exited);
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count() / jobs;
    };
    const double without = milliseconds_per_job(program({"/bin/true"}), 50);
    const double with = milliseconds_per_job(networked(program({"/bin/true"})), 20);
    fmt::print("one job after the other: {:.1f} ms without, {:.1f} ms with full network\n", without, with);
}

}  // namespace
}  // namespace windlass::worker::testing
