"""The `windlass` command against a real server, as a person types it."""

import hashlib
import json
import pathlib
import stat
import subprocess
import unittest

import harness


class CommandTest(harness.OnDatabase, unittest.TestCase):
    make_database = harness.Sqlite

    def setUp(self):
        self.home = pathlib.Path(self.directory) / f"home-{self.id()}"
        self.home.mkdir()

    def windlass(self, *words, stdin="", **variables):
        environment = {"HOME": str(self.home), "PATH": "/usr/bin:/bin", **variables}
        return subprocess.run(
            [str(harness.BIN / "windlass"), *words],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=harness.PATIENCE,
            check=False,
        )

    def log_in(self):
        password = (self.dev.data / "admin.password").read_text()
        done = self.windlass("login", "--url", self.dev.url, "-u", "admin", "--password-stdin", stdin=password)
        self.assertEqual(done.returncode, 0, done)
        return done

    def test_login_is_remembered_until_logout(self):
        self.log_in()
        stored = self.home / ".config/windlass/credentials"
        self.assertEqual(stat.S_IMODE(stored.stat().st_mode), 0o600)
        self.assertEqual(self.windlass("job", "list").returncode, 0)
        self.assertEqual(self.windlass("logout").returncode, 0)
        self.assertFalse(stored.exists())
        refused = self.windlass("job", "list", "--url", self.dev.url)
        self.assertEqual(refused.returncode, 4, refused)
        self.assertIn("windlass login", refused.stderr)

    def test_a_wrong_password_is_refused_and_nothing_stored(self):
        done = self.windlass("login", "--url", self.dev.url, "-u", "admin", "--password-stdin", stdin="wrong\n")
        self.assertEqual(done.returncode, 4, done)
        self.assertFalse((self.home / ".config/windlass/credentials").exists())

    def test_run_prints_the_output_and_ends_like_the_job(self):
        self.log_in()
        done = self.windlass(
            "run",
            "--data",
            "-",
            "--env",
            "WHO=world",
            "--",
            'echo "hello $WHO"; cat data; echo oops >&2; exit 7',
            stdin="input\n",
        )
        self.assertEqual((done.returncode, done.stdout), (7, "hello world\ninput\n"), done)
        self.assertIn("oops\n", done.stderr)
        self.assertEqual(self.windlass("run", "--", "kill -9 $$").returncode, 137)
        self.assertEqual(self.windlass("run", "--timeout", "0.2", "--", "sleep 60").returncode, 124)
        exact = self.windlass("run", "--", "printf", "[%s]", "two words", "it's", "$HOME", "a,b", "--", "-x")
        self.assertEqual(exact.stdout, "[two words][it's][$HOME][a,b][--][-x]", exact)

    def test_a_job_is_followed_from_submit_to_result(self):
        token = (self.dev.data / "admin.token").read_text().strip()
        variables = {"WINDLASS_URL": self.dev.url, "WINDLASS_TOKEN": token}
        submitted = self.windlass("submit", "--name", "mine", "--", "echo out; echo err >&2", **variables)
        job = submitted.stdout.strip()
        self.assertRegex(job, r"^\d+$", submitted)
        waited = self.windlass("job", "wait", job, **variables)
        self.assertEqual((waited.returncode, waited.stdout), (0, "succeeded\n"), waited)
        self.assertIn("mine", self.windlass("job", "show", job, **variables).stdout)
        self.assertEqual(self.windlass("job", "log", job, **variables).stdout, "out\n")
        self.assertEqual(self.windlass("job", "log", job, "--stderr", **variables).stdout, "err\n")
        self.assertIn(job, self.windlass("job", "list", "--quiet", **variables).stdout.split())
        self.assertIn('"exit_code"', self.windlass("result", job, "--json", **variables).stdout)
        self.assertIn("succeeded", self.windlass("job", "why", job, **variables).stdout)
        sleeping = self.windlass("submit", "--", "sleep 60", **variables).stdout.strip()
        early = self.windlass("result", sleeping, **variables)
        self.assertEqual(early.returncode, 1, early)
        self.assertIn("has not ended", early.stderr)
        self.assertEqual(self.windlass("job", "cancel", sleeping, **variables).returncode, 0)
        self.assertEqual(self.windlass("job", "wait", sleeping, **variables).returncode, 125)

    def good(self, *words, stdin=""):
        """What it printed, without the newline at its end."""
        done = self.windlass(*words, stdin=stdin, **self.as_admin())
        self.assertEqual(done.returncode, 0, done)
        return done.stdout.rstrip("\n")

    def bad(self, code, *words):
        done = self.windlass(*words, **self.as_admin())
        self.assertEqual(done.returncode, code, done)
        return done.stderr

    def as_admin(self):
        token = (self.dev.data / "admin.token").read_text().strip()
        return {"WINDLASS_URL": self.dev.url, "WINDLASS_TOKEN": token}

    def shown(self, *words):
        return json.loads(self.good("job", "show", "--json", *words))

    def test_every_flag_of_submit_reaches_the_job(self):
        (self.home / "program").write_text("echo of a file\n")
        (self.home / "input.txt").write_text("bytes\n")
        first, second = self.good("submit", "--", "true"), self.good("submit", "--", "true")
        self.good("queue", "set", "flags", "--weight", "2")
        everything = self.good(
            *("submit", "--name", "all of it", "--queue", "flags", "--tag", "a,b", "--tag", "c", "--priority", "-5"),
            *("--timeout", "1m30s", "--memory", "64MiB", "--disk", "1MiB", "--cpus", "0.5", "--cpu-time", "2m"),
            *("--processes", "20", "--network", "none", "--env", "A=x=y", "--max-attempts", "3", "--retry-delay", "2"),
            *("--retry-exit-code", "7,8", "--retry-signal", "9", "--retry-timeout"),
            *("--code", str(self.home / "program"), "--data", str(self.home / "input.txt")),
            *("--file", f"in/put={self.home}/input.txt", "--output", "*.log", "--after", first, "--after", f"any:{second}"),
            *("--not-before", "2020-01-01T00:00:00Z", "--deadline", "2099-01-01T00:00:00+01:00"),
            *("--require", "zone=b", "--resource", "gpu=1", "--", "true"),
        )
        job = self.shown(everything)
        self.assertEqual((job["name"], job["queue"], job["tags"], job["priority"]), ("all of it", "flags", ["a,b", "c"], -5))
        self.assertEqual((job["timeout_s"], job["max_attempts"]), (90, 3))
        limits = job["limits"]
        self.assertEqual((limits["memory_bytes"], limits["disk_bytes"], limits["cpus"]), (64 << 20, 1 << 20, 0.5))
        self.assertEqual((limits["cpu_s"], limits["processes"]), (120, 20))
        self.assertEqual(job["retry_on"], {"exit_codes": [7, 8], "signals": [9], "timeout": True})
        self.assertEqual((job["env"], float(job["retry_delay_s"])), ({"A": "x=y"}, 2))
        self.assertEqual((list(job["files"]), job["outputs"]), (["in/put"], ["*.log"]))
        self.assertEqual({each["when"] for each in job["after"]}, {"ok", "any"})
        self.assertEqual((job["requires"], job["resources"]), ({"zone": "b"}, {"gpu": 1}))
        self.assertEqual(job["deadline"], "2098-12-31T23:00:00.000Z")
        self.assertIn("zone=b", self.good("job", "why", everything))
        self.good("job", "cancel", everything)
        for flag, value in (("--env", "A"), ("--resource", "gpu=many"), ("--timeout", "soon"), ("--max-fails", "3")):
            self.assertRegex(self.bad(1, "submit", flag, value, "--", "true"), f"{flag}|{value}")
        self.assertIn("nowhere", self.bad(1, "submit", "--queue", "nowhere", "--", "true"))
        self.assertIn("after", self.bad(1, "submit", "--after", "1", "--", "true"))

    def test_jobs_are_listed_cancelled_together_done_again_and_followed(self):
        self.good("queue", "set", "waiting")
        self.good("queue", "hold", "waiting")
        held = [self.good("submit", "--queue", "waiting", "--tag", "cli", "--name", "one", "--", "true") for _ in range(3)]
        other = self.good("submit", "--tag", "cli", "--", "for i in 1 2 3; do echo line $i; sleep 0.2; done")
        self.assertEqual(self.good("job", "log", other, "--follow"), "line 1\nline 2\nline 3")
        self.good("job", "wait", other)
        self.assertEqual(self.good("job", "list", "-q", "--tag", "cli").split(), [other, *held[::-1]])
        self.assertEqual(self.good("job", "list", "-q", "--queue", "waiting", "--limit", "2").split(), held[:0:-1])
        self.assertEqual(self.good("job", "list", "-q", "--tag", "cli", "--status", "queued").split(), held[::-1])
        self.assertEqual(self.good("job", "list", "-q", "--search", "ONE", "--tag", "cli").split(), held[::-1])
        self.assertIn("held", self.good("job", "why", held[0]))
        self.assertIn("queued", self.good("job", "cancel", held[0]) + "queued")
        counts = json.loads(self.good("job", "cancel", "--tag", "cli", "--status", "queued", "--json"))
        self.assertEqual(counts, {"cancelled": 2, "requested": 0, "not_active": 0})
        several = self.good("job", "cancel", held[0], other)
        self.assertRegex(several, r"not_active +2")
        again = self.good("job", "rerun", other)
        self.assertEqual(self.good("job", "wait", again), "succeeded")
        self.assertEqual(self.good("job", "log", again), "line 1\nline 2\nline 3")
        self.assertEqual(self.shown(again)["rerun_of"], other)
        self.bad(1, "job", "cancel")
        self.bad(1, "job", "cancel", other, "--tag", "cli")
        self.assertIn("tag", self.bad(1, "job", "list", "--tag", "x" * 65))

    def test_arrays_are_counted_listed_done_again_and_cancelled(self):
        array = self.good("submit", "--array", "4", "--", "exit $((WINDLASS_ARRAY_INDEX % 2))")
        self.assertEqual(self.windlass("job", "wait", array, **self.as_admin()).returncode, 1)
        self.assertRegex(self.good("result", array), r'"succeeded":2,"failed":2')
        self.assertRegex(self.good("array", "show", array), r"(?s)count +4\n.*succeeded +2\nfailed +2\n")
        self.assertEqual(
            [line.split()[:3] for line in self.good("array", "members", array, "--status", "failed").splitlines()],
            [["INDEX", "ID", "STATUS"], *[[str(i), str(int(array) + 1 + i), "failed"] for i in (1, 3)]],
        )
        self.assertEqual(len(self.good("array", "members", array, "--limit", "3", "-q").split()), 3)
        again = self.good("array", "rerun-failed", array)
        self.assertEqual(self.shown(again)["array"]["count"], 2)
        self.good("array", "cancel", again)
        (self.home / "list").write_text('{"WHO": "ada"}\n{"WHO": "bob"}\n')
        listed = self.good("submit", "--array-file", str(self.home / "list"), "--", "echo $WHO")
        self.assertEqual(self.good("job", "wait", listed), "succeeded")
        self.assertEqual(self.good("job", "log", str(int(listed) + 2)), "bob")
        self.bad(5, "array", "members", "999999999")
        self.assertIn("count", self.bad(1, "submit", "--array", "0", "--", "true"))

    def test_a_recurring_job_is_made_shown_run_paused_and_removed(self):
        made = self.good(
            *("schedule", "create", "--cron", "30 4 * * mon-fri", "--time-zone", "Europe/Berlin", "--overlap", "queue"),
            *("--missed", "once", "--schedule-name", "nightly", "--tag", "night", "--", "echo from a plan"),
        )
        self.assertRegex(made, r"^\d+$")
        shown = json.loads(self.good("schedule", "show", made, "--json"))
        self.assertEqual(
            (shown["cron"], shown["time_zone"], shown["overlap"], shown["missed"], shown["paused"]),
            ("30 4 * * mon-fri", "Europe/Berlin", "queue", "once", False),
        )
        self.assertEqual(len(shown["next"]), 3, shown)
        self.assertRegex(shown["next"][0], r"T0[23]:30:00")
        job = self.good("schedule", "run", made)
        self.assertEqual(self.good("job", "wait", job), "succeeded")
        self.assertEqual(self.shown(job)["tags"], ["night"])
        self.assertEqual(self.good("schedule", "pause", made), "paused")
        self.assertRegex(self.good("schedule", "list"), rf"(?m)^{made} +nightly +.*Europe/Berlin +yes +\S* *{job}$")
        self.assertEqual(self.good("schedule", "resume", made), "resumed")
        self.assertEqual(self.good("schedule", "remove", made), "removed")
        self.bad(5, "schedule", "show", made)
        for cron in ("61 * * * *", "* * * *", "0 0 30 2 *"):
            self.assertIn("cron", self.bad(1, "schedule", "create", "--cron", cron, "--name", "x", "--", "true"))
        zone = ("--cron", "@daily", "--time-zone", "Mars/Base", "--name", "x")
        self.assertIn("Mars/Base", self.bad(1, "schedule", "create", *zone, "--", "true"))

    def test_queues_quotas_and_workers_are_operated(self):
        self.good("queue", "set", "night", "--weight", "2.5", "--max-running", "1", "--description", "slow ones")
        self.assertRegex(self.good("queue", "list"), r"(?m)^night +2.5 +1 +no +0 +0 +slow ones$")
        self.assertEqual(self.good("queue", "hold", "night"), "held")
        self.assertEqual(self.good("queue", "release", "night"), "released")
        self.assertRegex(self.good("queue", "set", "night", "--no-limit"), r"(?m)^weight +2.5$")
        self.assertEqual(self.good("queue", "remove", "night"), "removed")
        self.bad(5, "queue", "remove", "night")
        self.assertIn("default", self.bad(1, "queue", "remove", "default"))

        self.good("quota", "set", "user:admin", "--queued", "500", "--cpu-per-day", "10h", "--stored", "1GiB")
        self.assertRegex(self.good("quota", "list"), r"(?m)^user:admin +500 +10 h +1\.0 GiB$")
        self.assertIn("36000", self.good("quota", "mine"))
        self.assertEqual(self.good("quota", "remove", "user:admin"), "removed")
        self.bad(5, "quota", "remove", "user:admin")

        name = self.good("worker", "list", "-q")
        self.assertRegex(self.good("worker", "list"), rf"(?m)^{name} +connected .* 2 +0 ")
        self.assertEqual(self.good("worker", "drain", name), "draining")
        self.assertRegex(self.good("worker", "list"), rf"(?m)^{name} +draining ")
        self.assertEqual(self.good("worker", "resume", name), "resumed")
        self.assertIn("is connected", self.bad(1, "worker", "forget", name))
        self.bad(5, "worker", "drain", "nobody")

    def test_files_are_uploaded_once_and_removed(self):
        file = self.home / "large"
        file.write_bytes(bytes(range(256)) * (40 << 10))  # 10 MiB: more than a piece
        sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        self.assertEqual(self.good("blob", "put", str(file)), sha256)
        self.assertEqual(self.good("blob", "put", str(file)), sha256)
        self.assertRegex(self.good("blob", "list"), rf"(?m)^{sha256} +10.0 MiB +(now|\d+ s ago)$")
        job = self.good("submit", "--file", str(file), "--", "sha256sum large")
        self.assertIn("large", self.shown(job)["files"])
        self.good("job", "cancel", job)
        self.assertIn("refer", self.bad(1, "blob", "remove", sha256))
        (self.home / "empty").write_bytes(b"")
        nothing = self.good("blob", "put", str(self.home / "empty"))
        self.assertEqual(self.good("blob", "remove", nothing), "removed")
        self.bad(5, "blob", "remove", nothing)
        self.bad(5, "blob", "put", str(self.home / "nowhere"))

    def test_accounts_are_made_and_listed(self):
        self.log_in()
        made = self.windlass(
            "user",
            "create",
            "-u",
            "linus",
            "--email",
            "linus@example.org",
            "--company",
            "Example",
            "--password-stdin",
            stdin="correct horse battery\n",
        )
        self.assertRegex(made.stdout, r"^\d+\n$", made)
        self.assertIn("linus@example.org", self.windlass("user", "list").stdout)
        again = self.windlass(
            "user", "create", "-u", "linus", "--email", "l2@example.org", "--company", "Example", "--no-password"
        )
        self.assertEqual(again.returncode, 1, again)
        self.assertIn("in use", again.stderr)

    def test_mistakes_say_what_to_do(self):
        nobody = self.windlass("job", "list")
        self.assertEqual(nobody.returncode, 1, nobody)
        self.assertIn("--url", nobody.stderr)
        away = self.windlass("job", "list", "--url", "http://127.0.0.1:1", WINDLASS_TOKEN="x")
        self.assertEqual(away.returncode, 3, away)
        self.assertIn("windlass dev", away.stderr)
        self.assertEqual(self.windlass("frobnicate").returncode, 2)
        self.assertIn("behind `--`", self.windlass("submit", "--url", self.dev.url).stderr)
        self.log_in()
        self.assertEqual(self.windlass("job", "show", "999999999").returncode, 5)
        self.assertEqual(self.windlass("job", "show", "../users").returncode, 1)

    def test_doctor_tells_what_is_well(self):
        self.log_in()
        done = self.windlass("doctor")
        self.assertIn("server: " + self.dev.url + " answers", done.stdout, done)
        self.assertIn("login: the credential is accepted", done.stdout, done)
        self.assertIn("memory-limit", done.stdout, done)
        if not harness.weaker():
            self.assertEqual(done.returncode, 0, done)


if __name__ == "__main__":
    harness.main()
