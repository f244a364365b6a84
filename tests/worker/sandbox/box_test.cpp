// What a job finds in its box, and how its end is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "tests/worker/sandbox/test_box.h"

namespace windlass::worker::testing {
namespace {

using ::testing::HasSubstr;

class Box : public SharedBox {};

TEST_F(Box, prints_hello_world_on_both_streams) {
    const Finished finished = box->run(script("echo hello world; echo oh dear >&2"));
    EXPECT_TRUE(finished.started);
    EXPECT_EQ(finished.out, "hello world\n");
    EXPECT_EQ(finished.err, "oh dear\n");
    EXPECT_EQ(finished.outcome, (Outcome{OutcomeKind::exited, 0, 0, ""}));
}

TEST_F(Box, tells_the_exit_code) {
    EXPECT_EQ(box->run(script("exit 37")).outcome, (Outcome{OutcomeKind::exited, 37, 0, ""}));
}

TEST_F(Box, tells_the_signal) {
    EXPECT_EQ(box->run(script("kill -SEGV $$")).outcome, (Outcome{OutcomeKind::signalled, 0, SIGSEGV, ""}));
}

TEST_F(Box, program_that_does_not_exist_is_the_jobs_own_fault) {
    const Finished finished = box->run(program({"/no/such/program"}));
    EXPECT_TRUE(finished.started);
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited);
    EXPECT_EQ(finished.outcome.exit_code, 127);
    EXPECT_THAT(finished.outcome.detail, HasSubstr("No such file or directory"));
    EXPECT_THAT(finished.err, HasSubstr("/no/such/program"));
}

TEST_F(Box, file_that_is_no_program_exits_with_126) {
    EXPECT_EQ(box->run(program({"/etc/passwd"})).outcome.exit_code, 126);
}

TEST_F(Box, environment_is_exactly_what_was_given) {
    BoxSpec spec = program({"/usr/bin/env"});
    spec.env = {{"GREETING", "a b=c\n"}, {"LANG", "de_DE.UTF-8"}, {"EMPTY", ""}};
    EXPECT_EQ(box->run(spec).out,
              "EMPTY=\nGREETING=a b=c\n\nHOME=/job\nLANG=de_DE.UTF-8\n"
              "PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\nTMPDIR=/job/.tmp\n");
}

TEST_F(Box, arguments_arrive_unchanged) {
    EXPECT_EQ(box->run(program({"/usr/bin/printf", "[%s]", "a b", "", "*", "$HOME"})).out, "[a b][][*][$HOME]");
}

TEST_F(Box, starts_in_its_working_directory_with_its_files) {
    BoxSpec spec = script("pwd; cat code; cat deep/er/data; stat -c '%a %U' code; ls -d out; ls out");
    spec.files = {{"code", "print(1)\n"}, {"deep/er/data", std::string("x\0y\n", 4)}};
    const Finished finished = box->run(spec);
    EXPECT_EQ(finished.out, std::string("/job\nprint(1)\nx\0y\n600 job\nout\n", 30));
    EXPECT_EQ(finished.err, "");
}

TEST_F(Box, files_larger_than_a_message_arrive_whole) {
    BoxSpec spec = script("sha256sum < big; wc -c < big");
    spec.files["big"] = std::string(3 << 20, 'z');
    const Finished finished = box->run(spec);
    EXPECT_THAT(finished.out, HasSubstr("3145728\n"));
    EXPECT_EQ(finished.outcome.kind, OutcomeKind::exited);
}

TEST_F(Box, out_directory_is_only_made_when_wanted) {
    BoxSpec spec = script("ls");
    spec.make_out_directory = false;
    EXPECT_EQ(box->run(spec).out, "");
}

TEST_F(Box, stdin_is_empty) {
    EXPECT_EQ(box->run(script("cat; echo end")).out, "end\n");
}

TEST_F(Box, temporary_places_are_writable_and_executable_files_may_run) {
    const Finished finished =
        box->run(script("set -e; echo a > /tmp/a; echo b > $TMPDIR/b; echo c > /dev/shm/c; echo d > $HOME/d\n"
                        "cat /tmp/b /tmp/a /dev/shm/c d; printf '#!/bin/sh\\necho ran' > t; chmod +x t; ./t"));
    EXPECT_EQ(finished.out, "b\na\nc\nd\nran\n");
    EXPECT_EQ(finished.err, "");
}

TEST_F(Box, working_directory_can_be_read_after_the_end) {
    const Finished finished = box->run(script("echo result > out/answer; echo x > secret"));
    ASSERT_TRUE(finished.work_directory);
    EXPECT_EQ(read_in(finished.work_directory, "out/answer"), "result\n");
}

TEST_F(Box, usual_programs_run) {
    const std::vector<std::pair<const char*, const char*>> commands = {
        {"/bin/sh", "sh -c 'echo ok'"},
        {"/bin/ls", "ls -la /usr > /dev/null && echo ok"},
        {"/usr/bin/perl", "perl -e 'print \"ok\\n\"'"},
        {"/usr/bin/python3",
         "python3 -c 'import subprocess, threading, tempfile, multiprocessing as m\n"
         "t = threading.Thread(target=lambda: None); t.start(); t.join(); m.Lock(); tempfile.mkstemp()\n"
         "print(subprocess.run([\"echo\", \"ok\"], capture_output=True, text=True).stdout, end=\"\")'"},
        {"/usr/bin/node", "node -e 'setTimeout(() => console.log(\"ok\"), 1)'"},
        {"/usr/bin/gcc", "printf '#include <stdio.h>\\nint main(){puts(\"ok\");}' > a.c && gcc a.c -o a && ./a"},
        {"/usr/bin/tar", "mkdir d && echo ok > d/f && tar cf - d | (cd .tmp && tar xf - && cat d/f)"},
    };
    for (const auto& [path, command] : commands) {
        struct stat there {};
        if (stat(path, &there) != 0) continue;
        BoxSpec spec = script(command);
        spec.limits.memory_bytes = 1024 * mebibyte;
        const Finished finished = box->run(spec);
        EXPECT_EQ(finished.out, "ok\n") << path << ": " << finished.err << " " << finished.outcome.detail;
    }
}

TEST_F(Box, usage_counts_every_process_also_those_nobody_waited_for) {
    BoxSpec spec = script(
        "(perl -e 'do { $i++ for 1..100000 } while 1' &) ; perl -e 'do { $i++ for 1..100000 } while (times)[0] < "
        "0.15'");
    spec.limits.cpu_millis = 2000;
    const Finished finished = box->run(spec);
    EXPECT_GE(finished.usage.cpu_user + finished.usage.cpu_system, Milliseconds(200))
        << "only one of the two was waited for";
    EXPECT_GE(finished.usage.wall, Milliseconds(150));
    EXPECT_LT(finished.usage.wall, Seconds(15));
    EXPECT_GT(finished.usage.peak_memory_bytes, 512 * kibibyte);
}

TEST_F(Box, peak_memory_follows_what_the_job_used) {
    const Finished finished = box->run(program({"/usr/bin/perl", "-e", "$x = 'a' x (60 * 1024 * 1024);"}));
    EXPECT_GE(finished.usage.peak_memory_bytes, 60 * mebibyte);
    EXPECT_LT(finished.usage.peak_memory_bytes, 200 * mebibyte);
    const Finished small = box->run(program({"/bin/true"}));
    EXPECT_LT(small.usage.peak_memory_bytes, 16 * mebibyte) << "nothing of the job before is counted";
}

TEST_F(Box, wrong_spec_is_refused_and_takes_no_slot) {
    const auto refused = [](const BoxSpec& spec) {
        const auto launched = box->sandbox().start(spec);
        return !launched.ok() && launched.error().kind == ErrorKind::invalid;
    };
    EXPECT_TRUE(refused(program({})));
    EXPECT_TRUE(refused(program({std::string("a\0b", 3)})));
    for (const char* name : {"/etc/x", "../x", "a/../../x", "a//b", "", "out", ".tmp/x", "."}) {
        BoxSpec spec = script("true");
        spec.files[name] = "x";
        EXPECT_TRUE(refused(spec)) << name;
    }
    BoxSpec clash = script("true");
    clash.files = {{"a", "file"}, {"a/b", "in it"}};
    EXPECT_TRUE(refused(clash));
    for (int i = 0; i < 3; i++) EXPECT_EQ(box->run(script("echo fine")).out, "fine\n");
}

TEST_F(Box, more_boxes_than_slots_are_a_conflict) {
    const BoxId first = box->start(script("read x < /dev/zero"));
    const BoxId second = box->start(script("read x < /dev/zero"));
    const auto third = box->sandbox().start(script("true"));
    ASSERT_FALSE(third.ok());
    EXPECT_EQ(third.error().kind, ErrorKind::conflict);
    for (const BoxId id : {first, second}) {
        box->sandbox().stop(id, Milliseconds(0));
        EXPECT_EQ(box->finish(id).outcome.signal, SIGKILL);
    }
    EXPECT_EQ(box->run(script("echo free")).out, "free\n");
}

}  // namespace
}  // namespace windlass::worker::testing
