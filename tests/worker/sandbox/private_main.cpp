// The main of test programs that run hostile things: everything happens in pid, mount, ipc, uts and network namespaces
// of its own, so that what escapes from a sandbox that fails can reach nothing else on this machine, and dies with the
// test. "The host" of these tests is what lies in them.
//
//   --rootless   gives up root first
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

constexpr uid_t somebody = 12345;
bool without_root = false;
std::string spawner_copy;
std::string trap_directory;

[[noreturn]] void fail(const char* what) {
    std::fprintf(stderr, "private_main: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

void write_text(const char* path, const std::string& text) {
    const FileDescriptor file(open(path, O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), text.data(), text.size()) < 0) fail(path);
}

// The parent waits for PID 1 of the new namespace, PID 1 reaps and waits for the tests. Returns in the process of the
// tests.
void enter_private_namespaces() {
    const uid_t uid = geteuid();
    const gid_t gid = getegid();
    if (unshare((uid == 0 ? 0 : CLONE_NEWUSER) | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
                CLONE_NEWNET) != 0)
        fail("unshare");
    if (uid != 0) {
        write_text("/proc/self/setgroups", "deny");
        write_text("/proc/self/uid_map", std::to_string(uid) + " " + std::to_string(uid) + " 1");
        write_text("/proc/self/gid_map", std::to_string(gid) + " " + std::to_string(gid) + " 1");
    }
    for (int level = 0; level < 2; level++) {
        const pid_t child = fork();
        if (child < 0) fail("fork");
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            continue;
        }
        int status = 0;
        while (const pid_t ended = wait(&status)) {
            if (ended == child) _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
        }
    }
    if (getppid() != 1) fail("the private pid namespace");
    if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) fail("private mounts");
    // … among themselves shared, as systemd leaves them: what is mounted in a copy appears here too, unless prevented.
    if (mount(nullptr, "/", nullptr, MS_REC | MS_SHARED, nullptr) != 0) fail("shared mounts");
    if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) fail("mount /proc");
}

// The one device of the host is its loopback.
void bring_loopback_up() {
    const FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP;
    if (ioctl(any.get(), SIOCSIFFLAGS, &request) != 0) fail("bringing the loopback up");
}

// A /usr as careless as can be: a place in it with a file that everybody may write, a program that carries the rights
// of root, and a device node.
void lay_traps() {
    for (const char* place : {"/usr/local/games", "/usr/games", "/usr/src"}) {
        if (std::filesystem::is_directory(place)) trap_directory = place;
    }
    if (trap_directory.empty()) fail("no directory of /usr for the traps");
    if (mount("traps", trap_directory.c_str(), "tmpfs", 0, "mode=755,size=1m") != 0) fail("mounting the traps");
    const std::string writable = trap_directory + "/writable";
    const std::string setuid = trap_directory + "/setuid-id";
    const std::string device = trap_directory + "/zero";
    write_text(FileDescriptor(creat(writable.c_str(), 0666)) ? writable.c_str() : "", "untouched");
    std::filesystem::copy_file("/usr/bin/id", setuid);
    const bool made = mknod(device.c_str(), S_IFCHR | 0666, makedev(1, 5)) == 0;
    if (!made && close(creat(device.c_str(), 0)) != 0) fail(device.c_str());  // nobody but root can make a real one
    for (const auto& [path, mode] : {std::pair(writable, 0666), {setuid, 04755}, {device, made ? 0666 : 0}}) {
        if (chmod(path.c_str(), static_cast<mode_t>(mode)) != 0) fail(path.c_str());
    }
}

// The build directory may lie where only root can go.
void copy_spawner(const std::string& directory) {
    spawner_copy = directory + "/windlass-spawner";
    std::filesystem::copy_file(SPAWNER_PATH, spawner_copy);
    std::filesystem::copy_file(KEEPER_PATH, directory + "/windlass-network");
    if (chmod(directory.c_str(), 0755) != 0 || chmod(spawner_copy.c_str(), 0755) != 0) fail("chmod");
    if (without_root && geteuid() == 0 && chown(directory.c_str(), somebody, somebody) != 0) fail("chown");
}

void give_up_root() {
    if (setresgid(somebody, somebody, somebody) != 0 || setresuid(somebody, somebody, somebody) != 0) fail("setresuid");
    prctl(PR_SET_DUMPABLE, 1);  // our own /proc/self stays ours: the id maps are written there
}

}  // namespace

bool rootless() {
    return without_root;
}
const std::string& spawner_path() {
    return spawner_copy;
}
std::string keeper_path() {
    return std::filesystem::path(spawner_copy).parent_path() / "windlass-network";
}
std::function<void(const std::string&)>& preparation() {
    static std::function<void(const std::string&)> what;
    return what;
}
const std::string& traps() {
    return trap_directory;
}

}  // namespace windlass::worker::testing

int main(int argc, char** argv) {
    using namespace windlass::worker::testing;
    ::testing::InitGoogleTest(&argc, argv);
    const bool listing = GTEST_FLAG_GET(list_tests);
    without_root = geteuid() != 0 || (argc > 1 && std::string(argv[1]) == "--rootless");
    if (listing) return RUN_ALL_TESTS();
    enter_private_namespaces();
    bring_loopback_up();
    lay_traps();
    const TemporaryDirectory directory;
    copy_spawner(directory.path());
    if (preparation() && geteuid() == 0) preparation()(directory.path());
    if (without_root && geteuid() == 0) give_up_root();
    return RUN_ALL_TESTS();
}
