"""What makes the `windlass` command pleasant: ids in words, scripts, job files, files brought back, completion, Ctrl-C."""

import json
import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import time
import unittest

import harness


class CommandComfort(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def setUp(self):
        self.home = pathlib.Path(self.directory) / f"home-{self.id()}"
        self.home.mkdir()
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{harness.BIN}:/usr/bin:/bin",
            "WINDLASS_URL": self.dev.url,
            "WINDLASS_TOKEN": (self.dev.data / "admin.token").read_text().strip(),
            "TERM": "xterm",
        }

    def windlass(self, *words, stdin="", code=0, **variables):
        done = subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            input=stdin,
            env={**self.environment, **variables},
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )
        self.assertEqual(done.returncode, code, done)
        return done

    def submit(self, *words):
        return self.windlass("submit", *words).stdout.strip()

    # --- ids in words

    def test_last_is_the_job_that_one_submitted_last(self):
        none = self.windlass("job", "show", "last", code=5)
        self.assertIn("job list", none.stderr)
        self.submit("--", "exit 4")
        job = self.submit("--", "echo here")
        self.windlass("job", "wait", "last")
        self.assertEqual(self.windlass("job", "log", "last").stdout, "here\n")
        self.assertIn("succeeded", self.windlass("job", "show", "last").stdout)
        self.assertEqual(self.windlass("-q", "job", "show", "last").stdout, "succeeded\n")
        self.assertIn("exited", self.windlass("result", "last").stdout)
        again = self.windlass("job", "rerun", "last").stdout.strip()
        self.assertNotEqual(again, job)
        self.windlass("job", "wait", "last")
        elsewhere = self.windlass("job", "show", "last", code=5, WINDLASS_URL=self.dev.url.replace("127.0.0.1", "localhost"))
        self.assertIn("no job was submitted to", elsewhere.stderr)

    def test_a_list_says_what_people_want_to_know_and_obeys_no_name(self):
        job = self.submit("--name", "evil \x1b[2J\u202e name", "--", "true")
        self.windlass("job", "wait", job)
        listed = self.windlass("job", "list", "--limit", "1").stdout.splitlines()
        self.assertEqual(listed[0].split(), ["ID", "STATUS", "SUBMITTED", "SECONDS", "NAME"])
        self.assertIn(job, listed[1])
        self.assertRegex(listed[1], r"succeeded +(now|\d+ s ago) +\d+\.\d{3} +evil")
        self.assertNotIn("\x1b", listed[1])
        self.assertNotIn("\u202e", listed[1])
        self.assertEqual(set(json.loads(self.windlass("--json", "job", "list").stdout)[0]), {"id", "duration", "status"})

    def test_several_jobs_are_named_at_once(self):
        first = int(self.submit("--tag", "several", "--", "true"))
        second = int(self.submit("--tag", "several", "--", "exit 3"))
        third = int(self.submit("--tag", "several", "--", "exit 4"))
        done = self.windlass("job", "wait", f"{first}-{third}", code=3)
        self.assertEqual(done.stdout, f"{first} succeeded\n{second} failed\n{third} failed\n")
        self.assertEqual(self.windlass("-q", "job", "wait", f"{first},{third}", code=4).stdout, "")
        again = self.windlass("job", "rerun", "--state", "failed", "--tag", "several").stdout.split()
        self.assertEqual(len(again), 2)
        self.windlass("job", "wait", ",".join(again), code=4)
        waiting = [self.submit("--require", "planet=mars", "--", "true") for _ in range(2)]
        self.assertIn("requested", self.windlass("job", "cancel", *waiting).stdout)
        self.windlass("job", "wait", *waiting, code=125)
        for words in (["job", "wait", "8-5"], ["job", "cancel", "x"], ["job", "show", "1-3"], ["job", "rerun"]):
            self.assertIn("windlass: ", self.windlass(*words, code=1).stderr)

    # --- scripts and job files

    def test_a_script_is_a_job_with_flags_in_its_comments(self):
        script = self.home / "count.sh"
        script.write_text('#!/bin/bash\n#WINDLASS --name "the count" --tag counted\n#WINDLASS --memory 64MiB --priority 5\n'
                          'echo "$BASH_VERSION" | cut -c1; printf "<%s>\\n" "$@"; cat data\n')
        data = self.home / "input"
        data.write_text("from a file\n")
        job = self.submit("count.sh", "--priority", "7", "--data", "input", "--", "one", "two words", "$HOME")
        self.windlass("job", "wait", job)
        self.assertEqual(self.windlass("job", "log", job).stdout, "5\n<one>\n<two words>\n<$HOME>\nfrom a file\n")
        shown = json.loads(self.windlass("--json", "job", "show", job).stdout)
        self.assertEqual((shown["name"], shown["tags"], shown["priority"]), ("the count", ["counted"], 7))
        self.assertEqual(shown["limits"]["memory_bytes"], 64 << 20)
        script.write_text("#WINDLASS --no-such-flag\ntrue\n")
        self.assertIn("#WINDLASS lines of count.sh", self.windlass("submit", "count.sh", code=1).stderr)

    def test_a_job_file_holds_the_fields_of_a_submit(self):
        (self.home / "job.json").write_text(json.dumps({"running_commands": "cat code", "code": "c\n", "priority": 2}))
        self.assertEqual(self.windlass("run", "--job", "job.json").stdout, "c\n")
        self.assertEqual(self.windlass("run", "--job", "-", "--", "echo other", stdin='{"name": "n"}').stdout, "other\n")
        self.assertIn("JSON", self.windlass("submit", "--job", "-", stdin="{", code=1).stderr)
        self.assertIn("script", self.windlass("submit", code=1).stderr)

    def test_a_recurring_job_has_its_files_with_it(self):
        (self.home / "table").write_text("content\n")
        schedule = self.windlass(
            "schedule", "create", "--schedule-name", "s", "--cron", "0 0 1 1 *", "--file", "table", "--", "cat table"
        ).stdout.strip()
        job = self.windlass("-q", "schedule", "run", schedule).stdout.strip()
        self.windlass("job", "wait", job)
        self.assertEqual(self.windlass("job", "log", job).stdout, "content\n")

    # --- files

    def test_files_come_back_and_nothing_of_ones_own_is_lost(self):
        self.submit("--", "mkdir -p out/a; echo 1 > out/a/one; echo 2 > 'out/two words'; : > out/empty")
        self.windlass("job", "wait", "last")
        done = self.windlass("result", "get", "last", "--to", str(self.home))
        self.assertEqual(sorted(done.stdout.split("\n")[:-1]), sorted(str(self.home / p) for p in ("a/one", "empty", "two words")))
        self.assertEqual((self.home / "a/one").read_text(), "1\n")
        self.assertEqual((self.home / "two words").read_text(), "2\n")
        (self.home / "two words").write_text("mine")
        refused = self.windlass("result", "get", "last", "two words", code=1)
        self.assertIn("--force", refused.stderr)
        self.assertEqual((self.home / "two words").read_text(), "mine")
        self.windlass("result", "get", "last", "two words", "--force")
        self.assertEqual((self.home / "two words").read_text(), "2\n")
        self.assertIn("no file", self.windlass("result", "get", "last", "three", code=5).stderr)
        shutil.rmtree(self.home / "a")
        (self.home / "a").symlink_to("/tmp")
        self.windlass("result", "get", "last", "a/one", code=1)
        self.assertFalse(pathlib.Path("/tmp/one").exists())

    # --- the manual and completion

    def test_the_manual_is_made_of_the_same_words_as_the_help(self):
        page = self.windlass("man", "job").stdout
        for word in ("cancel", "rerun", "log", "wait"):
            self.assertIn(f"windlass job {word}", page)
        self.assertIn("no word", self.windlass("man", "nothing", code=5).stderr)
        if shutil.which("groff"):
            for word in ("", "job", "submit", "result"):
                source = self.windlass("man", *([word] if word else [])).stdout
                done = subprocess.run(["groff", "-man", "-Kutf8", "-Tutf8", "-ww", "-z"], input=source, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""), word)

    def test_the_reference_of_the_commands_is_the_one_in_docs(self):
        reference = self.windlass("man", "--markdown").stdout
        self.assertEqual((harness.SOURCE / "docs" / "commands.md").read_text(), reference, "windlass man --markdown")

    def complete(self, *words):
        script = self.windlass("completion", "bash").stdout
        ask = f'COMP_WORDS=({" ".join(words)} ""); COMP_CWORD={len(words)}; _windlass; printf "%s\\n" "${{COMPREPLY[@]}}"'
        done = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes_words_and_flags(self):
        self.assertTrue({"job", "submit", "result", "--json"} <= set(self.complete("windlass")))
        self.assertTrue({"cancel", "wait", "log"} <= set(self.complete("windlass", "--json", "job")))
        self.assertIn("--memory", self.complete("windlass", "submit"))
        self.assertEqual(self.complete("windlass", "run", "--"), [])
        for shell in ("zsh", "fish"):
            script = self.windlass("completion", shell).stdout
            self.assertIn("windlass job", script)
            if shutil.which(shell):
                done = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("bash, zsh and fish", self.windlass("completion", "tcsh", code=1).stderr)

    # --- a terminal

    def on_a_terminal(self, *words):
        """(process, file descriptor of the other end)."""
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [str(harness.BIN / "windlass"), *words],
            stdin=theirs, stdout=theirs, stderr=theirs, env=self.environment, cwd=self.home, start_new_session=True,
            preexec_fn=lambda: __import__("fcntl").ioctl(0, __import__("termios").TIOCSCTTY, 0),
        )
        os.close(theirs)
        self.addCleanup(lambda: (process.kill(), process.wait(), os.close(ours)))
        return process, ours

    def read_until(self, terminal, text):
        seen = b""
        deadline = time.monotonic() + harness.PATIENCE
        while text.encode() not in seen:
            ready, _, _ = select.select([terminal], [], [], max(0, deadline - time.monotonic()))
            self.assertTrue(ready, f"{text!r} was never shown: {seen!r}")
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                piece = b""
            self.assertTrue(piece, f"{text!r} was never shown: {seen!r}")
            seen += piece
        return seen.decode(errors="replace")

    def test_control_c_asks_and_may_cancel(self):
        process, terminal = self.on_a_terminal("run", "--", "echo begun; sleep 600")
        self.read_until(terminal, "begun")
        process.send_signal(signal.SIGINT)
        self.read_until(terminal, "[c]ancel")
        os.write(terminal, b"\n")
        process.send_signal(signal.SIGINT)
        self.read_until(terminal, "[c]ancel")
        os.write(terminal, b"c\n")
        self.read_until(terminal, "cancelled")
        self.assertEqual(process.wait(harness.PATIENCE), 125)
        self.assertIn("cancelled", self.windlass("job", "show", "last").stdout)

    def test_control_c_may_detach_and_the_job_goes_on(self):
        process, terminal = self.on_a_terminal("run", "--", "echo begun; until [ -e /nonexistent ]; do sleep 0.1; done")
        self.read_until(terminal, "begun")
        process.send_signal(signal.SIGINT)
        self.read_until(terminal, "[d]etach")
        os.write(terminal, b"d\n")
        self.read_until(terminal, "runs on")
        self.assertEqual(process.wait(harness.PATIENCE), 130)
        self.assertEqual(self.windlass("-q", "job", "show", "last").stdout, "running\n")
        self.windlass("job", "cancel", "last")
        self.windlass("job", "wait", "last", code=125)

    def test_without_a_terminal_an_interrupt_cancels(self):
        process = subprocess.Popen(
            [str(harness.BIN / "windlass"), "run", "--", "echo begun; sleep 600"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment, text=True,
        )
        self.addCleanup(lambda: (process.kill(), process.communicate()))
        self.assertEqual(process.stdout.readline(), "begun\n")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=harness.PATIENCE)
        self.assertEqual(process.returncode, 125)
        self.assertIn("cancelling job", said)

    def test_colours_are_for_terminals_alone(self):
        self.submit("--", "true")
        self.windlass("job", "wait", "last")
        self.assertNotIn("\x1b", self.windlass("job", "wait", "last").stdout)
        _, terminal = self.on_a_terminal("job", "wait", "last")
        self.assertIn("\x1b[32msucceeded", self.read_until(terminal, "succeeded"))


if __name__ == "__main__":
    harness.main()
