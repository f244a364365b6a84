// Which lines of shell need no shell. That such a line then does the same with and without one is shown with real
// boxes: without_shell_test.cpp.
#include "worker/simple_command.h"

#include <gtest/gtest.h>

#include <csignal>

namespace windlass::worker {
namespace {

using Words = std::vector<std::string>;

std::string repeated(int times, const std::string& text) {
    std::string all;
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

TEST(SimpleCommand, is_an_absolute_path_and_plain_words) {
    EXPECT_EQ(simple_command("/bin/true", {}), (Words{"/bin/true"}));
    EXPECT_EQ(simple_command("  /bin/echo\t a,b  c:d ", {}), (Words{"/bin/echo", "a,b", "c:d"}));
    EXPECT_EQ(simple_command("/bin/dd if=/dev/zero of=x-1_2.3 @host +5 50%", {}),
              (Words{"/bin/dd", "if=/dev/zero", "of=x-1_2.3", "@host", "+5", "50%"}));
    EXPECT_EQ(simple_command("/bin/echo if then -c exec", {}), (Words{"/bin/echo", "if", "then", "-c", "exec"}))
        << "words are reserved only where a command begins";
}

TEST(SimpleCommand, is_not_what_a_shell_has_to_read) {
    for (const std::string line : {"",
                                   "   ",
                                   "true",
                                   "./code",
                                   "echo hi",
                                   "bin/true",
                                   "~/x",
                                   "A=1 /bin/true",
                                   "/a=b",
                                   "=x",  //
                                   "/bin/echo 'a'",
                                   "/bin/echo \"a\"",
                                   "/bin/echo a\\b",
                                   "/bin/echo `x`",
                                   "/bin/echo $x",
                                   "/bin/echo $(x)",
                                   "/bin/echo *",
                                   "/bin/echo a?",
                                   "/bin/echo [ab]",
                                   "/bin/echo {a,b}",
                                   "/bin/echo ~",
                                   "/bin/echo a=~",
                                   "/bin/echo #x",
                                   "/bin/echo a#x",
                                   "/bin/echo !",
                                   "/bin/echo ^",
                                   "/bin/true;",
                                   "/bin/true &",
                                   "/bin/true|/bin/cat",
                                   "/bin/true>x",
                                   "/bin/true<x",
                                   "/bin/true 2>x",
                                   "(/bin/true)",
                                   "! /bin/true",
                                   "{ /bin/true",
                                   "/bin/true\n",
                                   "/bin/true\n/bin/false",
                                   "\n/bin/true",
                                   "/bin/echo a\rb",
                                   "/bin/echo a\x01",
                                   "/bin/echo \xc3\xa4",
                                   "/bin/\xe2\x82\xac",
                                   "/bin/echo \x81",
                                   "/bin/echo \x7f"})
        EXPECT_EQ(simple_command(line, {}), std::nullopt) << line;
    EXPECT_EQ(simple_command(std::string_view("/bin/true\0", 10), {}), std::nullopt);
}

TEST(SimpleCommand, has_at_most_64_words) {
    EXPECT_EQ(simple_command("/bin/echo" + repeated(63, " x"), {})->size(), 64u);
    EXPECT_EQ(simple_command("/bin/echo" + repeated(64, " x"), {}), std::nullopt);
}

TEST(SimpleCommand, is_not_run_without_a_shell_when_a_shell_would_change_the_environment) {
    EXPECT_TRUE(simple_command("/bin/true", {{"A_1", "x y\n$z"}, {"_", "u"}, {"PS1", "p"}, {"ENV", "e"}}));
    for (const std::string name : {"IFS", "OPTIND", "PPID", "PWD", "OLDPWD", "A-B", "1A", "a.b", "\xc3\xa4", "A B"})
        EXPECT_EQ(simple_command("/bin/true", {{name, "x"}}), std::nullopt) << name;
}

TEST(SignalAsAShellTells, is_an_exit_code_and_mostly_a_line) {
    EXPECT_EQ(signal_as_a_shell_tells(SIGSEGV).exit_code, 139);
    EXPECT_EQ(signal_as_a_shell_tells(SIGSEGV).message, "Segmentation fault\n");
    EXPECT_EQ(signal_as_a_shell_tells(SIGPIPE).exit_code, 141);
    EXPECT_EQ(signal_as_a_shell_tells(SIGPIPE).message, "");
    EXPECT_EQ(signal_as_a_shell_tells(SIGINT).message, "");
}

}  // namespace
}  // namespace windlass::worker
