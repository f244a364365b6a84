// What the tools that read strangers' images are kept from, with a shell in their place. In private namespaces
// (sandbox/private_main.cpp), as root and rootless.
#include "worker/images/confined.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Confined : public ::testing::Test {
  protected:
    Confined() {
        directory.make_directory("work");
        directory.write("secret", "of the site\n");
        chmod(directory.path().c_str(), 0755);
        chmod((directory / "secret").c_str(), 0666);
        confinement.directory = directory / "work";
        confinement.uid = geteuid() == 0 ? 1'900'000 : geteuid();
        confinement.limits = {16 << 20, 1000};
        confinement.deadline = SystemClock().now().steady + Seconds{60};
        if (geteuid() == 0) {
            EXPECT_EQ(chown(confinement.directory.c_str(), confinement.uid, confinement.uid), 0);
        }
    }
    std::string said(const std::string& script) const {
        const auto ran = run_confined({"/bin/sh", "-c", "{ " + script + "; } 2>&1; true"}, confinement);
        EXPECT_TRUE(ran.ok()) << ran.error().message;
        return ran.ok() ? *ran : "";
    }
    // Of the processes that can be seen here, how many have this word in their command line.
    static int processes_with(const std::string& word) {
        int count = 0;
        for (const auto& entry : fs::directory_iterator("/proc")) {
            std::ifstream file(entry.path() / "cmdline");
            const std::string line{std::istreambuf_iterator<char>(file), {}};
            if (line.find(word) != std::string::npos) count++;
        }
        return count;
    }

    const TemporaryDirectory directory;
    Confinement confinement;
};

TEST_F(Confined, works_in_its_directory_and_tells_how_it_ended) {
    EXPECT_EQ(said("echo mine > file; cat file; id -u"), "mine " + std::to_string(confinement.uid));
    std::ifstream file(directory / "work/file");
    std::string line;
    std::getline(file, line);
    EXPECT_EQ(line, "mine");
    const auto failed = run_confined({"/bin/sh", "-c", "echo why >&2; exit 3"}, confinement);
    ASSERT_FALSE(failed.ok());
    EXPECT_THAT(failed.error().message, HasSubstr("sh failed (exit status 3): why"));
    EXPECT_FALSE(run_confined({"/no/such/program"}, confinement).ok());
}

TEST_F(Confined, reaches_nothing_outside_of_it) {
    const std::string secret = directory / "secret";
    EXPECT_THAT(said("cat " + secret), HasSubstr("denied"));
    EXPECT_THAT(said("echo changed > " + secret), HasSubstr("denied"));
    EXPECT_THAT(said("ln " + secret + " stolen"), HasSubstr("ln: "));
    EXPECT_FALSE(fs::exists(directory / "work/stolen"));
    EXPECT_THAT(said("touch /tmp/mine /var/tmp/mine"), HasSubstr("denied"));
    std::ifstream file(secret);
    std::string line;
    std::getline(file, line);
    EXPECT_EQ(line, "of the site");
}

TEST_F(Confined, has_no_network_and_no_rights) {
    EXPECT_EQ(said("grep -c : /proc/net/dev"), "1") << "loopback, which is down";
    EXPECT_THAT(said("grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status | head -n 2 | tr -d '0\\n\\t '"),
                ::testing::StrEq("CapPrm:CapEff:"));
    EXPECT_EQ(said("grep NoNewPrivs /proc/self/status | tr -dc 0-9"), "1");
}

TEST_F(Confined, takes_along_whatever_it_started) {
    EXPECT_EQ(said("setsid sh -c 'exec sleep 7654.321' > /dev/null 2>&1 < /dev/null & echo started"), "started");
    EXPECT_EQ(processes_with("7654.321"), 0);
}

TEST_F(Confined, is_ended_when_it_writes_too_much_or_takes_too_long) {
    const auto much = run_confined(
        {"/bin/sh", "-c", "i=0; while true; do i=$((i+1)); head -c 1000000 /dev/zero > f$i; done"}, confinement);
    ASSERT_FALSE(much.ok());
    EXPECT_THAT(much.error().message, HasSubstr("worker.image_bytes"));
    confinement.limits = {std::int64_t{1} << 40, 1'000'000};
    confinement.deadline = SystemClock().now().steady + Milliseconds{500};
    const auto late = run_confined({"/bin/sh", "-c", "exec sleep 8765.432"}, confinement);
    ASSERT_FALSE(late.ok());
    EXPECT_THAT(late.error().message, HasSubstr("worker.image_seconds"));
    EXPECT_EQ(processes_with("8765.432"), 0);
}

TEST_F(Confined, shows_no_control_characters_of_what_the_tool_said) {
    const auto failed = run_confined({"/bin/sh", "-c", "printf 'a\\033[2Jb\\377' >&2; exit 1"}, confinement);
    ASSERT_FALSE(failed.ok());
    EXPECT_EQ(failed.error().message.find('\x1b'), std::string::npos);
    EXPECT_THAT(failed.error().message, HasSubstr("[2Jb"));
}

}  // namespace
}  // namespace windlass::worker::testing
