// A command that needs no shell does the same with and without one: exit code, output, environment, working directory,
// signals, limits. The same runner and real boxes, once with the shell and once without.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <sstream>

#include "shared/digest.h"
#include "tests/worker/sandbox/test_box.h"
#include "worker/runner.h"
#include "worker/simple_command.h"

namespace windlass::worker::testing {
namespace {

struct Told {
    Outcome outcome;
    std::string standard_output;
    std::string standard_error;
    bool operator==(const Told&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Told& told) {
    return out << name(told.outcome.kind) << " " << told.outcome.exit_code << " " << told.outcome.signal << " '"
               << told.outcome.detail << "'\nstdout: " << told.standard_output << "\nstderr: " << told.standard_error;
}

class WithoutShell : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        initialise_crypto();
        directory_ = std::make_unique<TemporaryDirectory>();
        auto opened = Sandbox::open(test_settings(directory_->path(), 1));
        ASSERT_TRUE(opened) << opened.error().message;
        sandbox_ = std::move(opened).value();
    }
    static void TearDownTestSuite() {
        sandbox_.reset();
        directory_.reset();
    }

    Told run(const std::string& commands, bool without_shell, const std::map<std::string, std::string>& env) {
        RunnerSettings settings;
        settings.memory_bytes = gibibyte;
        settings.without_shell = without_shell;
        std::optional<FinishedAttempt> finished;
        Runner runner(
            settings, *sandbox_, BlobCache::open(directory_->path() + "/blobs", 0).value(),
            [](auto work, auto done) {
                work();
                done();
            },
            clock_, [&](FinishedAttempt attempt, SteadyTime) { finished = std::move(attempt); });
        protocol::Lease lease;
        lease.attempt = {JobId{7}, 1};  // the same each time: a job sees it in its environment
        lease.spec.running_commands = commands;
        lease.spec.env = env;
        const std::string code = "#!/no/such/interpreter\n";
        lease.code_size = static_cast<std::int64_t>(code.size());
        EXPECT_TRUE(runner.lease(lease, code, clock_.now().steady));
        while (!finished) {
            pollfd readable{sandbox_->fd(), POLLIN, 0};
            if (poll(&readable, 1, 20'000) != 1) {
                ADD_FAILURE() << "it does not end: " << commands;
                return {};
            }
            runner.on_sandbox_readable(clock_.now().steady);
        }
        const auto& part = finished->parts.back();
        const auto& message = std::get<protocol::AttemptFinished>(part.message);
        const auto out = static_cast<std::size_t>(message.stdout_size);
        return {message.result.outcome, part.body.substr(0, out),
                part.body.substr(out, static_cast<std::size_t>(message.stderr_size))};
    }

    static std::string sorted_lines(const std::string& text) {
        std::vector<std::string> lines;
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) lines.push_back(line);
        std::sort(lines.begin(), lines.end());
        std::string sorted;
        for (const auto& line : lines) sorted += line + "\n";
        return sorted;
    }

    static inline std::unique_ptr<TemporaryDirectory> directory_;
    static inline std::unique_ptr<Sandbox> sandbox_;
    SystemClock clock_;
};

TEST_F(WithoutShell, a_simple_command_does_and_tells_the_same) {
    if (!shell_is_dash()) GTEST_SKIP() << "/bin/sh is not dash: the shell is always started";
    const std::vector<std::string> table = {
        "/bin/true",
        "/bin/false",
        "  /bin/echo  one\ttwo   three ",
        "/bin/echo -n -e a=b if then x,y:z %s @ +1",
        "/usr/bin/env",
        "/bin/pwd",
        "/usr/bin/printenv PWD HOME TMPDIR LANG PATH",
        "/bin/readlink /proc/self/fd/0 /proc/self/cwd /proc/self/exe",
        "/bin/ls -la /job",
        "/bin/ls /proc/self/fd",
        "/bin/grep -e Sig -e Uid: -e Gid: -e Groups: -e Cap -e Seccomp: -e NoNewPrivs: /proc/self/status",
        "/bin/cat /proc/self/limits",
        "/bin/cat /proc/self/oom_score_adj /proc/self/comm /proc/self/cmdline",
        "/bin/sh -c umask",
        "/bin/cat code",
        "/bin/cat /no/such/file",
        "/bin/dd if=/dev/zero of=out/x bs=1k count=3",
        // what cannot be executed: the words are the shell's
        "/no/such/program",
        "/no/such/program with words",
        "/etc/passwd",
        "/etc",
        "/job/code",
        "/bin/true/nothing",
        "/",
        "//",
        "/bin/sh -c kill",
        "/usr/bin/env sh -c exit",
    };
    int without = 0;
    for (const auto& commands : table) {
        SCOPED_TRACE(commands);
        if (simple_command(commands, {})) ++without;
        Told with_shell = run(commands, false, {{"COLOUR", "blue sky\n"}});
        Told alone = run(commands, true, {{"COLOUR", "blue sky\n"}});
        if (commands == "/usr/bin/env")  // dash hands its variables on in the order of its own table
            for (Told* told : {&with_shell, &alone}) told->standard_output = sorted_lines(told->standard_output);
        if (commands.starts_with("/bin/dd"))  // tells how long it took
            for (Told* told : {&with_shell, &alone})
                told->standard_error = told->standard_error.substr(0, told->standard_error.find(" copied"));
        EXPECT_EQ(alone, with_shell);
    }
    EXPECT_GT(without, 20);
}

TEST_F(WithoutShell, a_signal_is_told_as_the_shell_tells_it) {
    if (!shell_is_dash()) GTEST_SKIP() << "/bin/sh is not dash: the shell is always started";
    // timeout(1) ends itself in the way it ended its program.
    const std::vector<std::string> table = {
        "/usr/bin/prlimit --fsize=1000 /bin/dd if=/dev/zero of=x bs=2000 count=1 status=none",
        "/usr/bin/timeout --preserve-status -s TERM 0.05 /bin/sleep 20",
        "/usr/bin/timeout -s KILL 0.05 /bin/sleep 20",
        "/usr/bin/timeout -s ABRT 0.05 /bin/sleep 20",
    };
    for (const auto& commands : table) {
        SCOPED_TRACE(commands);
        ASSERT_TRUE(simple_command(commands, {}));
        const Told with_shell = run(commands, false, {});
        EXPECT_GT(with_shell.outcome.exit_code, 120);
        EXPECT_EQ(run(commands, true, {}), with_shell);
    }
}

TEST_F(WithoutShell, what_a_shell_would_change_in_the_environment_is_changed_by_one) {
    for (const std::string name : {"PWD", "OLDPWD", "IFS", "OPTIND", "PPID", "A-B"}) {
        SCOPED_TRACE(name);
        Told with_shell = run("/usr/bin/env", false, {{name, "x"}});
        Told alone = run("/usr/bin/env", true, {{name, "x"}});
        for (Told* told : {&with_shell, &alone}) told->standard_output = sorted_lines(told->standard_output);
        EXPECT_EQ(alone, with_shell);
    }
}

}  // namespace
}  // namespace windlass::worker::testing
